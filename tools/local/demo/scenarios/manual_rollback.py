"""A person brings the app back to its first release."""

from __future__ import annotations

from nightshift.deployment import Deployment
from tools.cli.commands import deploy
from tools.local import seed
from tools.local.demo.scenarios.deploying import Deploying, served
from tools.local.demo.world import World


class ManualRollback(Deploying):
    """``nightshift rollback web --to 1.0.0``."""

    name, title, outcome = "manual_rollback", "nightshift rollback web --to 1.0.0", "Succeeded"

    def cause(self, world: World) -> None:
        """Order it."""
        order = {"app": "web", "version": seed.RELEASE, "rollback": True, "why": "the demo wants it"}
        deploy.begin(world.connection, order)

    def seen(self, world: World, first: Deployment, last: Deployment) -> dict[str, tuple[object, bool]]:
        """Every running process says the old version."""
        now = served(world)
        return {
            "kind": (first.kind, first.kind == "rollback"),
            "by": (first.by, bool(first.by)),
            "served": (now, set(now.values()) == {seed.RELEASE}),
            "undone": (last.undone_by, last is first),
        }
