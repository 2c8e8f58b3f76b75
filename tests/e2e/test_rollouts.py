"""Real pushes to the local repository: what a rollout does when its release, or its luck, turns."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nightshift import clock
from tests.e2e.conftest import wait
from tests.e2e.deploying import Web
from tools.local.demo import repository
from tools.local.demo.pager import Page, Pager
from tools.local.fleet import faults

pytestmark = pytest.mark.e2e


def seconds(deployment: dict[str, Any]) -> float:
    """How long a deployment took, by its own record."""
    return (clock.parse(deployment["closed_at"]) - clock.parse(deployment["created_at"])).total_seconds()


def failed_nodes(deployment: dict[str, Any]) -> set[str]:
    """The nodes on which it did not work."""
    return {node for node, one in deployment["nodes"].items() if one["state"] == "Failed"}


def told(pager: Pager, *names: str) -> list[Page]:
    """Every page so far that names a deployment or a node."""
    pager.look()
    return [page for page in pager.pages if any(name in page.text for name in names)]


def test_a_release_that_degrades_while_it_is_watched_is_taken_back(web: Web) -> None:
    """Found well, then ill: its node serves the old version again, sooner than it got the new one."""
    before, known = web.served(), web.known()
    healthy = "if fault is None:"
    degrading = 'if fault is None and not (self.server.root / "degraded").exists():'
    repository.push("server.py", (healthy, degrading))
    deployment_id = web.begun(known)

    def well() -> str:
        touched = web.deployment(deployment_id)["nodes"]
        return next((node for node, one in touched.items() if one["state"] == "Succeeded"), "")

    fault = Path(web.node(wait(well, 60, "the first node is found well"))["dir"]) / "degraded"
    fault.touch()
    try:
        failed = web.over(deployment_id)
        undone = web.over(failed["undone_by"])
    finally:
        fault.unlink()
    assert (failed["state"], undone["state"]) == ("Failed", "Succeeded")
    assert web.served() == before
    assert set(undone["nodes"]) == set(failed["nodes"])
    assert seconds(undone) < seconds(failed)


def test_a_release_that_does_not_start_is_taken_back_and_told_once(web: Web, pager: Pager) -> None:
    """No other node ever has it, and the one notification says what the service printed."""
    before, known = web.served(), web.known()
    serving = 'exec python3 -S -u "$here/server.py"'
    commit = repository.push("start", (serving, 'echo "no database" >&2; exit 1'))
    failed = web.over(web.begun(known))
    undone = web.over(failed["undone_by"])
    assert (failed["state"], failed["commit"], undone["state"]) == ("Failed", commit, "Succeeded")
    assert failed_nodes(failed) == set(failed["nodes"]) == set(undone["nodes"])
    assert web.served() == web.inventory() == before
    others = [Path(node["dir"]) for node in web.nodes() if node["id"] not in failed["nodes"]]
    version = failed["release"]["version"]
    assert [(one / "releases" / version).exists() for one in others] == [False, False]
    names = (failed["deployment_id"], undone["deployment_id"], *failed["nodes"])
    wait(lambda: told(pager, *names), 30, "somebody is told")
    wait(web.is_quiet, 60, "nothing is left to do")
    (page,) = told(pager, *names)
    assert "was rolled back" in page.title
    assert "no database" in page.text


def test_a_machine_that_dies_in_its_batch_leaves_one_version_behind(web: Web, pager: Pager) -> None:
    """Who was touched and lives serves the old version; its successor too; a person hears of it once."""
    before, known = web.served(), web.known()
    repository.push("index.html", ("</title>", ", on a machine that dies</title>"))
    deployment_id = web.begun(known)

    def last_batch() -> list[str]:
        touched = web.deployment(deployment_id)["nodes"]
        running = sorted(node for node, one in touched.items() if one["state"] == "InProgress")
        return running if len(touched) == len(before) else []

    doomed = wait(last_batch, 60, "the last batch has begun")[0]
    faults.kill_machine(web.node(doomed))
    failed = web.over(deployment_id)
    undone = web.over(failed["undone_by"])
    assert (failed["state"], failed_nodes(failed)) == ("Failed", {doomed})
    # Nothing can be brought to a machine that is gone: the way back ends there, and a person is asked.
    assert (undone["state"], failed_nodes(undone)) == ("Failed", {doomed})
    living = set(before) - {doomed}
    serving = web.served()
    assert {node: serving[node] for node in living} == {node: before[node] for node in living}
    wait(web.is_quiet, 90, "its successor serves what the group should")
    (successor,) = set(web.served()) - living
    assert successor not in before
    assert web.served()[successor] == before[doomed]
    names = (deployment_id, undone["deployment_id"])
    wait(lambda: told(pager, *names), 30, "somebody is told")
    (page,) = told(pager, *names)
    assert "needs you" in page.title
    assert doomed in page.text


def test_of_two_pushes_the_newest_wins(web: Web) -> None:
    """One at a time, and what the branch points to stays: on every node, and as the group's release."""
    known = web.known()
    repository.push("index.html", ("</title>", ", older</title>"))
    time.sleep(1)  # how far apart they are is what is tried; nothing is waited for
    newest = repository.push("index.html", ("</title>", ", newest</title>"))
    wait(lambda: len(web.deployments(known)) == 2, 30, "both are heard")
    both = [web.over(one["deployment_id"]) for one in web.deployments(known)]
    assert {one["state"] for one in both} <= {"Succeeded", "Stopped"}
    ran = sorted((one for one in both if one["nodes"]), key=lambda one: one["planned_at"])
    assert ran[-1]["commit"] == newest
    assert [one["commit"] for one in ran].count(newest) == 1
    assert all(one["closed_at"] <= later["planned_at"] for one, later in pairwise(ran))
    version = ran[-1]["release"]["version"]
    assert set(web.served().values()) == {version}
    assert web.desired() == version
