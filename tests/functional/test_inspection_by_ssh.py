"""A pass over nodes without an agent, by the real handlers, against real SSH servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional import inspecting
from tests.functional.inspecting import FOUND, begin, collect, report
from tests.functional.racks import racked
from tests.functional.world import World
from tests.ssh.conftest import site  # noqa: F401 - the fixture
from tests.ssh.servers import Site

BATCH = "nightshift-probe_over_ssh"


@pytest.fixture
def world(site: Site) -> Iterator[World]:  # noqa: F811
    """Every disk that is not empty is too full."""
    with racked(FOUND.replace("above: 90", "above: 0.1"), site) as fresh:
        fresh.ssm.probes.answer = lambda _: ("Success", inspecting.printed())
        yield fresh


def whole(world: World, **order: str) -> dict[str, Any]:
    """A pass with both kinds of nodes: the commands' ends, then what was handed on."""
    begin(world, **order)
    collect(world)
    while world.handed:
        name, event = world.handed.pop(0)
        world.invoke(name.removeprefix("nightshift-"), event)
    rows: list[dict[str, Any]] = report(world)["rows"]
    return {row["name"]: row for row in rows}


def test_one_probe_answers_by_either_way_and_every_node_has_its_row(world: World) -> None:
    """A real node by SSH is measured; a changed key and a dark one are one clear row each."""
    rows = whole(world)
    assert len(rows) == 5
    assert rows["good"]["reason"] == ""
    assert 0 <= rows["good"]["readings"]["cpu_busy"]["value"] <= 100
    assert rows["changed"]["reason"].startswith("ssh.host_key_changed")
    assert rows["changed"]["reason"].count("SHA256:") == 2
    assert rows["dark"]["reason"].startswith("ssh.unreachable")


def test_what_is_too_much_on_a_node_without_an_agent_is_reported_and_never_a_signal(world: World) -> None:
    """Nothing could heal it: a person reads it in the report."""
    rows = [whole(world), world.time.shift(10) or whole(world)][1]
    assert rows["good"]["readings"]["disk_used"]["ill"]
    found = [one["subject"] for event in world.events("FindingRaised") for one in event["findings"]]
    assert set(found) == set(world.instances())


def test_a_login_that_is_not_there_is_every_nodes_reason_and_the_pass_completes(world: World) -> None:
    """Nodes with agents are measured meanwhile."""
    world.secrets["ssh"] = "not JSON"
    rows = whole(world)
    assert {rows[name]["reason"].partition(":")[0] for name in ("good", "changed", "dark")} == {
        "ssh.login_unreadable"
    }
    assert sum(1 for row in rows.values() if not row["reason"]) == 2


def test_a_batch_whose_answers_were_lost_is_reported_without_them(world: World) -> None:
    """The sweep has it read when it is overdue, and its nodes are rows with a reason."""
    begin(world)
    collect(world)
    (name, event), *_ = world.handed
    world.handed.clear()
    assert name == BATCH
    world.invoke("collect_metrics", event)
    rows = {row["name"]: row for row in report(world)["rows"]}
    assert rows["good"]["reason"].startswith("it has not answered")
