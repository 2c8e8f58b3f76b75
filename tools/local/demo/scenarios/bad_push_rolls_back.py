"""A push that starts and is unhealthy is taken back from the node that had it, and told once."""

from __future__ import annotations

from nightshift.deployment import Deployment
from tools.local.demo import repository
from tools.local.demo.scenarios.deploying import Deploying, seconds, served
from tools.local.demo.world import World


class BadPushRollsBack(Deploying):
    """The health check answers 503 for good."""

    name, title, outcome = "bad_push_rolls_back", "git push a version of web that is never healthy", "Failed"

    def cause(self, _: World) -> None:
        """Push it."""
        repository.push("server.py", ("if fault is None:", "if fault is not None:"))

    def is_told(self, world: World, last: Deployment) -> bool:
        """The rollback's end is what is told."""
        return bool(world.pager.about(last.deployment_id))

    def seen(self, world: World, first: Deployment, last: Deployment) -> dict[str, tuple[object, bool]]:
        """Every node serves what it served before."""
        told = [*world.pager.about(last.deployment_id), *world.pager.about(first.deployment_id)]
        channels = sorted(page.channel for page in told)
        now, took, undoing = served(world), seconds(first), seconds(last)
        return {
            "touched": (sorted(first.nodes), len(first.nodes) == 1),
            "rollback": (last.state, (last.state, last.undoes) == ("Succeeded", first.deployment_id)),
            "served": (now, now == self.before),
            "told": (channels, channels == sorted(set(channels)) and bool(channels)),
            "seconds_to_deploy": (took, True),
            "seconds_to_undo": (undoing, undoing < took),
            "undo_of_deploy_percent": (round(100 * undoing / took) if took else 0, True),
        }
