"""A pass over a fleet, by the real handlers: what is asked, what is read, what is said, what is reported."""

from __future__ import annotations

import json

import pytest

from nightshift import passes
from nightshift.aws import artifacts
from nightshift.aws.inspections import Inspections
from nightshift.errors import Permanent
from tests.functional import staging
from tests.functional.inspecting import (
    FOUND,
    begin,
    collect,
    crowd,
    ended,
    full,
    hear,
    printed,
    report,
    whole,
)
from tests.functional.world import World
from tests.samples import sample
from tests.stack import stack


def test_every_node_has_a_row_with_its_numbers(world: World) -> None:
    """Two nodes, one command, one page, one report."""
    world.ssm.probes.answer = lambda _: ("Success", printed())
    made = whole(world)
    assert (made["nodes"], made["answered"], made["findings"]) == (2, 2, 0)
    assert {row["readings"]["memory_used"]["value"] for row in made["rows"]} == {25.0}
    assert len(world.ssm.probes.sent) == len(world.ssm.probes.listed) == 1
    assert world.events("InspectionCompleted")[-1]["answered"] == 2
    html = artifacts.text(stack().ref("ArtifactsBucket"), passes.report_key(made["pass_id"], "html"))
    assert "http" not in html
    assert all(row["node_id"] in html for row in made["rows"])


@pytest.mark.parametrize("nodes", [2, 50, 51, 120])
def test_a_pass_costs_two_calls_for_fifty_nodes(world: World, nodes: int) -> None:
    """One SendCommand and one page of answers per batch, and nothing else from Systems Manager."""
    crowd(world, nodes)
    world.ssm.probes.answer = lambda _: ("Success", printed())
    world.calls.clear()
    made = whole(world)
    sent = {
        one.resource for one in world.calls if one.action == "ssm:SendCommand" and "document/" in one.resource
    }
    asked = [one for one in world.calls if one.action == "ssm:ListCommandInvocations"]
    assert made["answered"] == nodes
    assert len(sent) == 1
    assert len(world.ssm.probes.sent) + len(asked) == 2 * -(-nodes // 50)


BAD = {
    "nothing": ("Success", "", "printed nothing"),
    "garbage": ("Success", "Segmentation fault", "is no JSON"),
    "half a line": ("Success", printed()[:100], "was cut off"),
    "too much": ("Success", "x" * 1_000_000, "is no JSON"),
    "a foreign shape": ("Success", '{"v": 1}', "not as agreed"),
    "an impossible share": ("Success", printed(cpu=250), "cpu"),
    "a failed probe": ("Failed", "", "did not end well"),
    "a probe that hung": ("Execution Timed Out", "", "did not end well"),
    "an agent that was away": ("Delivery Timed Out", "", "was not reached"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_one_clear_row_and_the_pass_completes(world: World, case: str) -> None:
    """The other node's row stands as ever."""
    bad, _ = world.instances()
    status, text, said = BAD[case]
    world.ssm.probes.answer = lambda node: (status, text) if node == bad else ("Success", printed())
    made = whole(world)
    reasons = {row["node_id"]: row["reason"] for row in made["rows"]}
    assert said in reasons.pop(bad)
    assert list(reasons.values()) == [""]


def test_a_node_that_leaves_during_the_pass_is_a_row_with_a_reason(world: World) -> None:
    """Run Command forgets its invocation."""
    gone, _ = world.instances()
    world.ssm.probes.answer = lambda node: None if node == gone else ("Success", printed())
    made = whole(world)
    assert {row["node_id"]: bool(row["reason"]) for row in made["rows"]}[gone]
    assert made["answered"] == 1


def test_an_offline_node_is_skipped_the_next_time_and_asked_again_later(world: World) -> None:
    """It must not hold up the other answers of its batch; after a while it is asked, apart from them."""
    away, _ = world.instances()
    world.ssm.probes.answer = lambda node: (
        ("Delivery Timed Out", "") if node == away else ("Success", printed())
    )
    whole(world)
    world.time.shift(60)
    assert begin(world)["skipped"] == 1
    collect(world)
    (row,) = [one for one in report(world)["rows"] if one["node_id"] == away]
    assert "did not answer" in row["reason"]
    world.time.shift(900)
    world.ssm.probes.answer = lambda _: ("Success", printed())
    assert begin(world) | {"pass_id": ""} == {"pass_id": "", "nodes": 2, "batches": 2, "skipped": 0}
    collect(world)
    assert report(world)["answered"] == 2


def test_a_node_without_an_agent_is_left_out_and_the_others_are_asked(world: World) -> None:
    """Run Command refuses the whole batch and says not for whom."""
    absent, _ = world.instances()
    world.ssm.offline.add(absent)
    world.ssm.probes.answer = lambda _: ("Success", printed())
    made = whole(world)
    assert made["answered"] == 1


def test_nobody_to_ask_is_a_report_as_well(world: World) -> None:
    """An empty fleet, or one without agents."""
    world.ssm.offline.update(world.instances())
    begin(world)
    made = report(world)
    assert made["answered"] == 0
    assert all("not registered" in row["reason"] for row in made["rows"])


def test_an_unknown_group_is_refused(world: World) -> None:
    """An empty or unknown target is no action."""
    with pytest.raises(Permanent) as refused:
        begin(world, group="nobody")
    assert refused.value.code == "group.unknown"
    assert world.ssm.probes.sent == {}


def test_a_scheduled_pass_leaves_a_running_one_alone(world: World) -> None:
    """And the same scheduled event begins the same pass once."""
    world.ssm.probes.answer = lambda _: ("Success", printed())
    event = sample("schedule/inspect_fleet")
    first = world.invoke("inspect_fleet", event)
    assert world.invoke("inspect_fleet", event)["pass_id"] == first["pass_id"]
    assert len(world.ssm.probes.sent) == 1
    world.time.shift(10)
    assert world.invoke(
        "inspect_fleet", event | {"id": "another", "time": "2026-11-23T03:01:00Z"}
    ).keys() == {"running"}


def test_reading_a_batch_twice_changes_nothing(world: World) -> None:
    """Events come more than once."""
    world.ssm.probes.answer = lambda _: ("Success", printed())
    begin(world)
    (command_id,) = world.ssm.probes.sent
    world.invoke("collect_metrics", ended(command_id))
    world.invoke("collect_metrics", ended(command_id))
    assert report(world)["answered"] == 2
    again = {
        "source": "nightshift",
        "detail-type": "InspectionCollected",
        "detail": world.events("InspectionCollected")[0],
    }
    assert world.invoke("report_inspection", again)["report"] == ""


def test_a_pass_whose_event_was_lost_is_read_by_the_sweep(world: World) -> None:
    """After its deadline, each unread batch is handed to collect_metrics."""
    world.ssm.probes.answer = lambda _: ("Success", printed())
    begin(world)
    world.time.shift(passes.DEADLINE_SECONDS + 5)
    world.invoke("sweep", sample("schedule/sweep"))
    handed = [order for name, order in world.handed if name.endswith("collect_metrics")]
    assert len(handed) == 1
    world.invoke("collect_metrics", handed[0])
    assert report(world)["answered"] == 2


def test_what_cannot_be_read_is_reported_as_missing(world: World) -> None:
    """Five minutes after the deadline the pass is reported with what there is."""
    begin(world)
    world.time.shift(passes.DEADLINE_SECONDS + 400)
    world.invoke("sweep", sample("schedule/sweep"))
    made = report(world)
    assert made["answered"] == 0
    assert all("was not read" in row["reason"] for row in made["rows"])
    assert Inspections(stack().ref("InspectionsTable")).running() == {}


def test_the_report_says_what_changed_and_who_drifted(world: World) -> None:
    """A disk that filled up, another kernel, and the values of the pass before."""
    world.ssm.probes.answer = lambda _: ("Success", printed())
    whole(world)
    sick, _ = world.instances()
    world.time.shift(300)
    world.ssm.probes.answer = lambda node: (
        "Success",
        full() if node == sick else printed(facts={"kernel": "6.2.0"}),
    )
    made = whole(world)
    rows = {row["node_id"]: row for row in made["rows"]}
    assert rows[sick]["news"] == ["disk_used is too high now"]
    assert rows[sick]["readings"]["disk_used"]["history"] == [20.0, 97.0]
    other = next(row for node_id, row in rows.items() if node_id != sick)
    assert other["drift"] == ["kernel was 6.1.0, is 6.2.0"]
    assert made["rows"][0]["node_id"] == sick


def test_group_metrics_by_default_and_node_metrics_where_asked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The policy asks for nothing, so no metric names a node."""
    world.ssm.probes.answer = lambda _: ("Success", printed())
    begin(world)
    collect(world)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    (embedded,) = [
        line for line in lines if line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Nightshift/Fleet"
    ]
    assert embedded["Group"] == "web-prod"
    assert embedded["cpu_busy"] == [3.5, 3.5]
    assert "InstanceId" not in embedded


def test_a_full_disk_found_twice_becomes_a_signal_and_is_cleared_when_gone() -> None:
    """Once is no proof that it lasts; after it was healed the finding clears by itself."""
    with staging.made(FOUND) as world:
        sick, _ = world.instances()
        world.ssm.probes.answer = lambda node: ("Success", full() if node == sick else printed())
        whole(world)
        assert hear(world, "FindingRaised")["published"] == []
        world.time.shift(30)
        whole(world)
        assert hear(world, "FindingRaised")["published"] == ["SignalRaised"]
        assert world.deliver("SignalRaised")["answer"] == "opened"
        assert hear(world, "FindingRaised")["published"] == []
        world.ssm.probes.answer = lambda _: ("Success", printed())
        world.time.shift(30)
        whole(world)
        assert hear(world, "FindingCleared")["published"] == ["SignalCleared"]
