"""A push is deployed to every node, batch by batch, and no client sees a failed request."""

from __future__ import annotations

from nightshift.deployment import Deployment
from tools.local.demo import repository
from tools.local.demo.client import Client
from tools.local.demo.scenarios.deploying import Deploying, served
from tools.local.demo.world import World


class PushDeploys(Deploying):
    """A change of the page."""

    name, title, outcome = "push_deploys", "git push a new page of the app web", "Succeeded"

    def cause(self, world: World) -> None:
        """Push, with a client that asks all the while."""
        self.client = Client(str(world.node("web-local-1")["proxy_url"]))
        self.commit = repository.push("index.html", ("</title>", ", deployed</title>"))

    def seen(self, world: World, first: Deployment, last: Deployment) -> dict[str, tuple[object, bool]]:
        """Every running process says the new version."""
        self.client.stop()
        now, version = served(world), first.release.version if first.release else ""
        return {
            "commit": (first.commit, first.commit == self.commit),
            "served": (now, set(now.values()) == {version} and version not in self.before.values()),
            "batches": ([len(batch) for batch in first.batches], len(first.batches) > 1),
            "undone": (last.undone_by, last is first),
            "requests": (self.client.asked, self.client.asked > 0),
            "failed_requests": (self.client.failed, not self.client.failed),
        }
