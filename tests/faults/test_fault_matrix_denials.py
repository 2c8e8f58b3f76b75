"""The fault matrix, rows 35 and 40: a pager that takes no page, and an AWS that does not allow a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from nightshift import clock
from nightshift.errors import Retryable
from tests.faults.life import effects, live, terminations
from tests.functional.deploying import commit, deployments, good, policy, push, repository
from tests.functional.endings import over
from tests.functional.machine import Machine, TaskFailed
from tests.functional.paging import CANARY, KEY, ROUTED, Receiver, paging, receiving
from tests.functional.rejected import Rejected
from tests.functional.staging import made
from tests.functional.sweeping import follow, sweep
from tests.functional.world import World
from tests.samples import sample


@pytest.fixture
def first() -> Iterator[Receiver]:
    """The pager."""
    with receiving() as server:
        yield server


@pytest.fixture
def second() -> Iterator[Receiver]:
    """The one that stands in for it."""
    with receiving() as server:
        yield server


@pytest.fixture
def routed(first: Receiver, second: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A pager with a stand-in, and no patience with either; nothing heals here."""
    monkeypatch.setattr("nightshift.aws.line.Outside.__init__.__defaults__", (False, 0.3))
    notify = ROUTED.format(first=first.root, second=second.root)
    with paging(notify, slack=f"xoxb-{CANARY}", pagerduty=KEY) as world:
        world.cures = set()
        yield world


def in_vain(world: World) -> str:
    """A node that nothing heals; its incident has ended, and gave everything back."""
    sick = world.instances()[0]
    world.fall_ill(sick)
    incident_id = live(world, sick)
    over(world, incident_id, "escalated")
    return incident_id


def rounds(world: World, count: int, seconds: int = 125) -> None:
    """So many sweeps, and what they hand over."""
    for _ in range(count):
        world.time.shift(seconds)
        sweep(world)
        follow(world)


@pytest.mark.parametrize("fault", ["500", "hang"])
def test_row_35_a_pager_that_fails_or_hangs_is_stood_in_for_and_nobody_is_paged_twice(
    routed: World, first: Receiver, second: Receiver, fault: str
) -> None:
    """The incident ends all the same; after three tries the second channel has its one page."""
    first.statuses = [500]
    first.stalls = fault == "hang"
    incident_id = in_vain(routed)
    assert len(first.asked) == 3
    (event,) = second.got
    assert (event["event_action"], event["dedup_key"]) == ("trigger", incident_id)
    first.statuses, first.stalls = [200], False
    rounds(routed, 3)
    assert (len(first.got), len(second.got), len(routed.pages())) == (0, 1, 1)


def test_row_35_when_nobody_takes_the_page_it_waits_in_the_outbox(
    routed: World, first: Receiver, second: Receiver
) -> None:
    """The incident does not wait for it. When channels answer again, each that misses it gets it, once."""
    first.statuses = second.statuses = [500]
    routed.broken["sns.Publish"] = "InternalError"
    with pytest.raises(Retryable, match=r"topic\.failed"):
        in_vain(routed)
    (incident_id,) = routed.executions()
    over(routed, incident_id, "escalated")
    rounds(routed, 2)
    assert (first.got, second.got, routed.pages()) == ([], [], [])
    first.statuses = second.statuses = [200]
    routed.broken.clear()
    rounds(routed, 2, seconds=1_800)
    assert len(first.got) + len(second.got) == len(routed.pages()) == 1
    assert routed.incident(incident_id).state == "escalated"


@contextmanager
def denied(world: World, function: str, call: str, code: str) -> Iterator[list[float]]:
    """A function's role does not allow it a call; when it tried."""
    answered, tried = world._answered, list[float]()

    def answer(name: str, request: dict[str, Any]) -> Any:
        if (world.function, name) == (function, call):
            tried.append(clock.now().timestamp())
            raise Rejected(code, "is not authorized to perform it")
        return answered(name, request)

    with patch.object(world, "_answered", answer):
        yield tried


DENIED = {
    "admission": ("admit_incident", "dynamodb.GetItem", "AccessDeniedException"),
    "its lease": ("admit_incident", "dynamodb.TransactWriteItems", "AccessDeniedException"),
    "a remedy": ("apply_remedy", "ssm.SendCommand", "AccessDeniedException"),
    "a replacement": (
        "replace_node",
        "auto-scaling.TerminateInstanceInAutoScalingGroup",
        "AccessDenied",
    ),
    "verification": ("verify_health", "cloudwatch.GetMetricData", "AccessDenied"),
}


@pytest.mark.parametrize("what", DENIED)
def test_row_40_a_call_of_a_heal_that_is_not_allowed_is_tried_once_and_paged_at_once(
    world: World, what: str
) -> None:
    """No try changes a role: the execution ends there and gives everything back; the page names the call."""
    function, call, code = DENIED[what]
    sick, _ = world.instances()
    world.cures = {"Welcome"} if what == "a replacement" else world.cures
    world.fall_ill(sick)
    with denied(world, function, call, code) as tried:
        incident_id = live(world, sick)
        assert len(tried) == 1
        assert clock.now().timestamp() == tried[0], "nothing was waited for"
    over(world, incident_id, "escalated")
    assert terminations(world) == 0
    (page,) = world.pages()
    assert "call.denied" in page["Message"]
    assert call.partition(".")[2] in page["Message"]
    before = effects(world)
    rounds(world, 2)
    assert (effects(world), len(world.pages())) == (before, 1)


def test_row_40_a_deployment_that_may_not_send_is_over_at_once_and_told_once(tmp_path: Path) -> None:
    """Neither may its rollback: each tries once, no node is touched, and nothing is held."""
    folder = repository(tmp_path / "web")
    with made(policy(folder)) as world:
        good(world)
        began = push(world, folder, commit(folder, "page", "new"))
        with denied(world, "deploy_batch", "ssm.SendCommand", "AccessDeniedException") as tried:
            failed = dies(world, began)
            undo = dies(world, failed)
            assert len(tried) == 2
        assert undo == ""
        assert effects(world) == []
        assert (world.group().leases, world.group().deploying) == ({}, "")
        for detail in world.events("DeploymentFailed"):
            world.invoke(
                "notify", {"source": "nightshift", "detail-type": "DeploymentFailed", "detail": detail}
            )
        (page,) = world.pages()
        assert "call.denied" in page["Message"]


def dies(world: World, deployment_id: str) -> str:
    """A deployment's execution fails, and its status event closes it; what undoes it."""
    machine = Machine(world, deployment_id, "deploy")
    with pytest.raises(TaskFailed, match=r"call\.denied") as failed:
        machine.run()
    event = sample("states/failed")
    event["detail"].update(name=deployment_id, error=failed.value.error, cause=str(failed.value)[:200])
    world.hand("close_deployment", event)
    return deployments(world).get(deployment_id).undone_by
