"""The fault matrix, rows 13 to 17: a function dies, fails or is out of time around its effect."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from botocore.exceptions import ReadTimeoutError

from nightshift.aws import session
from nightshift.aws.intents import RETRIES
from tests.faults.crashes import Crashes, everywhere
from tests.faults.dying import Fuse, steps_sent
from tests.faults.life import effects, live, terminations
from tests.functional.endings import levels, over
from tests.functional.gate import Killed
from tests.functional.staging import POLICY, made
from tests.functional.world import World
from tests.stack import ACCOUNT, REGION, stack

LADDER = "[restart_service, rebuild_container, replace_node]"
RESTART = POLICY.replace(LADDER, "[restart_service]")
REPLACE = POLICY.replace(LADDER, "[replace_node]")
SEND, TERMINATE = "ssm.SendCommand", "auto-scaling.TerminateInstanceInAutoScalingGroup"
ACTS = [
    (RESTART, f"apply_remedy {SEND}"),
    (REPLACE, f"replace_node {TERMINATE}"),
    (REPLACE, f"welcome_node {SEND}"),
]
acts = pytest.mark.parametrize(("policy", "call"), ACTS, ids=["restart", "termination", "installation"])


def once(world: World, incident_id: str, sick: str) -> None:
    """Healed at the first rung by one effect on each node (I1), which nobody was paged about (I3, I5).

    What was sent twice has run by then, too.
    """
    for command in world.ssm.running():
        world.effect(command)
    over(world, incident_id, "healed")
    (level,) = {(one.level, one.remedy) for one in world.incident(incident_id).levels}
    replaced = level == (1, "replace_node")
    node_id = world.incident(incident_id).node_id
    assert effects(world) == [("InstallRelease" if replaced else "RestartService", node_id)]
    assert terminations(world) == (1 if replaced else 0)
    assert (sick in world.instances()) is not replaced
    assert len(world.instances()) == 2
    assert world.executions() == [incident_id]
    assert world.pages() == []


@acts
def test_row_13_a_crash_before_the_effect_is_one_effect_after_the_retry(policy: str, call: str) -> None:
    """The intent stands, nothing was done: whoever is given the order next does it."""
    with made(policy) as world:
        sick, _ = world.instances()
        world.fall_ill(sick)
        fuse = Fuse(world, "before", call)
        incident_id = live(world, sick)
        assert fuse.then == ([], 1 if "welcome" in call else 0)
        assert fuse.heard.count(call) == 2
        once(world, incident_id, sick)
        assert world.story(incident_id).count(("intent", "act")) == 1


@acts
@pytest.mark.parametrize("event_first", [False, True], ids=["sender first", "event first"])
def test_row_14_a_crash_after_the_effect_is_found_by_look_up(
    policy: str, call: str, *, event_first: bool
) -> None:
    """A node is asked for the same step and answers what it stored; a group is looked at first."""
    with made(policy) as world:
        sick, _ = world.instances()
        world.fall_ill(sick)
        if event_first:
            world.end_at_once()
        fuse = Fuse(world, "after", call)
        incident_id = live(world, sick)
        assert fuse.then is not None
        once(world, incident_id, sick)
        sent = steps_sent(world, "RestartService" if policy == RESTART else "InstallRelease")[-2:]
        if SEND in call:
            assert sent[0] == sent[1]
        else:
            assert fuse.heard.count("replace_node auto-scaling.DescribeAutoScalingGroups") == 2
            assert fuse.heard.count(call) == 1


@pytest.mark.parametrize(
    ("policy", "call", "nth"),
    [
        (RESTART, "apply_remedy dynamodb.UpdateItem", 1),
        (RESTART, "apply_remedy dynamodb.UpdateItem", 2),
        (RESTART, "resume_step dynamodb.TransactWriteItems", 1),
        (RESTART, "resume_step sfn.SendTaskSuccess", 1),
        (REPLACE, "welcome_node dynamodb.TransactWriteItems", 1),
        (REPLACE, "welcome_node dynamodb.UpdateItem", 2),
        (REPLACE, "resume_step dynamodb.TransactWriteItems", 2),
        (REPLACE, "resume_step sfn.SendTaskSuccess", 2),
    ],
    ids=lambda given: "restart" if given == RESTART else "replacement" if given == REPLACE else str(given),
)
def test_row_15_a_crash_after_the_record_is_no_second_effect(policy: str, call: str, nth: int) -> None:
    """The command is noted, or its end, or the successor's claim; nobody has heard that it is."""
    with made(policy) as world:
        sick, _ = world.instances()
        world.fall_ill(sick)
        fuse = Fuse(world, "after", call, nth)
        incident_id = live(world, sick)
        assert fuse.then is not None
        once(world, incident_id, sick)
        story = world.story(incident_id)
        assert [story.count(("result", verdict)) for verdict in ("succeeded", "failed")] == [1, 0]


@pytest.mark.parametrize("deleted", [False, True], ids=["kept", "deleted"])
@pytest.mark.parametrize(("policy", "call"), ACTS[:2], ids=["restart", "termination"])
def test_row_16_an_exception_after_the_effect_allows_no_second_one(
    policy: str, call: str, *, deleted: bool
) -> None:
    """A library for idempotency deletes its row when a handler raises: no function may delete a step.

    And were the row deleted all the same, the node's own record and the look at the group still hold.
    """
    with made(policy) as world:
        sick, _ = world.instances()
        world.fall_ill(sick)

        def lost_reply(place: str) -> Exception:
            with patch.object(world, "function", ""):
                for step in world.items("StepsTable") if deleted else ():
                    key = {"step_id": {"S": step["step_id"]}}
                    session.client("dynamodb").delete_item(TableName=stack().ref("StepsTable"), Key=key)
            return ReadTimeoutError(endpoint_url=place)

        fuse = Fuse(world, "after", call, error=lost_reply)
        incident_id = live(world, sick)
        assert fuse.then is not None
        once(world, incident_id, sick)
        assert len(levels(world, incident_id)) == (2 if deleted else 1)
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{stack().ref('StepsTable')}"
    assert not any(one.may("dynamodb:DeleteItem", table) for one in stack().functions.values())


@pytest.mark.parametrize(
    ("policy", "function"),
    [(RESTART, "apply_remedy"), (REPLACE, "replace_node")],
    ids=["restart", "termination"],
)
def test_row_17_when_a_functions_time_is_over_the_next_owner_resumes_its_step(
    tmp_path: Path, policy: str, function: str
) -> None:
    """At each call but reads it hangs until Lambda ends it; who comes next has its step, and a new token."""

    def life(world: World, crashes: Crashes) -> None:
        sick, _ = world.instances()
        world.fall_ill(sick)

        def hangs(when: str, call: str) -> None:
            if not call.startswith(function) or call.endswith("GetItem"):
                return  # a read leaves nothing behind: it is the next call that matters
            try:
                crashes.pulse(when, call)
            except Killed:
                world.time.shift(seconds(function))
                raise

        world.pulse = hangs
        incident_id = live(world, sick)
        once(world, incident_id, sick)
        assert world.story(incident_id).count(("intent", "act")) == 1
        (attempt,) = world.node(world.incident(incident_id).node_id).attempts
        step = world.steps.get(f"{incident_id}-{attempt.remedy.replace('_', '-')}")
        assert step
        assert world.tokens[step.token] == {"succeeded": True}

    everywhere(tmp_path, life, policy, least=5)


def test_row_17_a_step_that_nobody_resumes_in_time_is_given_to_a_person() -> None:
    """Every try hangs at its effect: it happened once at most, the lease is free, and there is one page."""
    with made(RESTART) as world:
        sick, _ = world.instances()
        world.fall_ill(sick)
        tries = []

        def hangs(when: str, call: str) -> None:
            if (when, call) == ("after", f"apply_remedy {SEND}"):
                tries.append(call)
                world.time.shift(seconds("apply_remedy"))
                raise Killed(call)

        world.pulse = hangs
        world.stuck = True
        incident_id = live(world, sick)
        assert len(tries) == 1 + RETRIES
        assert len(set(steps_sent(world, "RestartService"))) == 1
        over(world, incident_id, "escalated")
        for command in world.ssm.running():
            world.hand("resume_step", world.finish(command, *world.effect(command)))
        assert effects(world) == [("RestartService", sick)]
        assert len(world.pages()) == 1


def seconds(function: str) -> int:
    """How long Lambda lets a function run."""
    own = stack().functions[function].properties
    return int(own.get("Timeout", stack().template["Globals"]["Function"]["Timeout"]))
