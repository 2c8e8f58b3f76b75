"""Whichever call a deployment's functions die at: each node gets the release once, and it ends."""

from __future__ import annotations

from pathlib import Path

from tests.faults.crashes import Crashes, everywhere
from tests.functional.deploying import commit, deployments, good, policy, releases, repository, request, walk
from tests.functional.state import GROUP
from tests.functional.world import World

#: What is crashed at; advance_deployment only looks, again and again.
OURS = (
    "receive_webhook ",
    "start_deployment ",
    "plan_deployment ",
    "deploy_batch ",
    "resume_step ",
    "close_deployment ",
)


def test_a_push_is_deployed_once_whichever_call_dies(tmp_path: Path) -> None:
    """Every node runs it, by one effect each; nothing is held; the release is good; nobody is told."""
    folder = repository(tmp_path / "web")
    sha = commit(folder, "page", "new")
    careful = "batches: [1], min_healthy: 1, bake_seconds: 5"
    quick = policy(folder).replace(careful, "batches: [2], min_healthy: 0, bake_seconds: 0")

    def life(world: World, crashes: Crashes) -> None:
        world.pulse = None
        good(world)
        before = len(world.guards.acted)
        world.pulse = lambda when, call: crashes.pulse(when, call) if call.startswith(OURS) else None
        world.hand("receive_webhook", request(folder, sha))
        heard = world.events("CodePushed")[-1]
        event = {"source": "nightshift", "detail-type": "CodePushed", "detail": heard}
        (deployment_id,) = world.hand("start_deployment", event)["deployments"]
        ended = walk(world, deployment_id)
        assert (ended.state, ended.commit) == ("Succeeded", sha)
        acted = [one.node_id for one in world.guards.acted[before:]]
        assert sorted(acted) == sorted(world.instances())
        group = world.group()
        assert (group.leases, group.deploying) == ({}, "")
        assert releases(world).of_app("web")[-1].state_in(GROUP) == "good"
        assert [one.deployment_id for one in deployments(world).of_group(GROUP)] == [deployment_id]
        assert world.pages() == []

    reports = tmp_path / "reports"
    reports.mkdir()
    everywhere(reports, life, quick, least=60)
