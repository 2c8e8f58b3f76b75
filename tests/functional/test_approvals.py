"""Approvals: a risky remedy waits for a person, holds nothing meanwhile, and is admitted anew afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from nightshift.aws import session
from nightshift.errors import Refused, Retryable
from nightshift.fleet import Lease
from nightshift.settings import Settings
from tests.functional.endings import levels, over
from tests.functional.machine import Machine, heal
from tests.functional.staging import POLICY, made
from tests.functional.world import World

CAREFUL = POLICY + "  approval_for: [high]\n  approval_seconds: 120\n"


@pytest.fixture
def careful() -> Iterator[World]:
    """A world in which only a fresh node helps, and replacing one needs a person."""
    with made(CAREFUL) as world:
        world.cures = {"Welcome"}
        yield world


def answering(world: World, decision: str, **more: Any) -> list[dict[str, Any]]:
    """A person who answers by the command line as soon as the question is there; returns what they heard."""
    heard: list[dict[str, Any]] = []

    def person(incident_id: str) -> None:
        world.pass_time(5)
        request = {"incident_id": incident_id, "decision": decision, "by": "ada", **more}
        heard.append(world.invoke("answer_approval", request))

    world.person = person
    return heard


def asked(world: World) -> tuple[str, str]:
    """A node whose replacement waits for a person; returns the incident and its node."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    world.speak(sick)
    incident_id = world.subject(sick).open_incident
    order = Machine(world, incident_id).run(until="AskApproval")
    world.tokens["token-ask"] = None
    world.invoke("ask_approval", {**order, "token": "token-ask"})
    return incident_id, sick


def test_a_replacement_waits_and_is_done_when_a_person_approves(careful: World) -> None:
    """One question, every guard once more, then the fresh node; nobody is paged besides."""
    sick, _ = careful.instances()
    heard = answering(careful, "approve")
    careful.fall_ill(sick)
    incident_id, machine = heal(careful, sick)
    over(careful, incident_id, "healed")
    assert levels(careful, incident_id)[2] == (3, "replace_node", "healed")
    assert heard == [
        {
            "incident_id": incident_id,
            "decided": True,
            "decision": "approved",
            "remedy": "replace_node",
            "reason": "approved by ada",
        }
    ]
    ask = machine.visited.index("AskApproval")
    assert machine.visited[ask : ask + 3] == ["AskApproval", "AdmitIncident", "IsItAdmitted"]
    assert "ReplaceNode" in machine.visited[ask:]
    assert "ReplaceNode" not in machine.visited[:ask]
    story = careful.story(incident_id)
    begin = story.index(("approval", "requested"))
    assert story[begin - 1 : begin + 3] == [
        ("admission", "wait"),
        ("approval", "requested"),
        ("approval", "approved"),
        ("admission", "allow"),
    ]
    assert ("intent", "act") in story[begin:]
    (question,) = careful.pages()
    assert "may replace_node run" in question["Subject"]
    assert f"nightshift approve {incident_id}" in question["Message"]


def test_the_node_is_free_while_a_person_thinks(careful: World) -> None:
    """The lease is given back with the question: somebody else may take it, and is respected afterwards."""
    incident_id, sick = asked(careful)
    group = careful.group()
    assert group.leases == {}
    other = Lease(incident_id="dep-1", fence=group.fence + 1, expires_at="2026-11-23T05:00:00.000Z")
    from nightshift import clock
    from nightshift.aws import tables

    tables.write(careful.groups.take_lease(group, sick, other, {}, clock.iso(clock.now())))
    answer = {"incident_id": incident_id, "decision": "approve", "by": "ada"}
    assert careful.invoke("answer_approval", answer)["decided"]
    assert careful.tokens["token-ask"] == {"incident_id": incident_id}
    again = careful.invoke("admit_incident", {"incident_id": incident_id})
    assert again["next"] == "WaitUntil"
    assert "dep-1 holds the node" in again["reason"]


def test_an_approval_is_no_way_around_a_pause(careful: World) -> None:
    """All guards are asked again after the answer."""
    incident_id, _ = asked(careful)
    careful.invoke("answer_approval", {"incident_id": incident_id, "decision": "approve", "by": "ada"})
    careful.pause("eve", "maintenance")
    assert careful.invoke("admit_incident", {"incident_id": incident_id})["next"] == "WaitUntil"


def test_a_question_and_a_pause_survive_a_deployment_of_the_stack(careful: World) -> None:
    """Both live in tables: other processes with other code answer and obey; the journal has who and why."""
    incident_id, _ = asked(careful)
    careful.pause("eve", "maintenance")
    _deployed_anew()
    answer = {"incident_id": incident_id, "decision": "approve", "by": "ada", "why": "nobody uses it"}
    assert careful.invoke("answer_approval", answer)["decided"] is True
    held = careful.invoke("admit_incident", {"incident_id": incident_id})
    assert (held["next"], careful.incident(incident_id).wait) == ("WaitUntil", "pause")
    _deployed_anew()
    careful.resume("eve", "done")
    assert careful.invoke("admit_incident", {"incident_id": incident_id})["next"] == "ReplaceNode"
    said = [entry.content for entry in careful.journals.read(incident_id)]
    assert "approved by ada: nobody uses it" in [one["reason"] for one in said]
    assert [one.content["reason"] for one in careful.journals.read("pause")] == [
        "eve: maintenance",
        "eve: done",
    ]


def _deployed_anew() -> None:
    """Every function's process is a new one that remembers nothing."""
    for name in [name for name in sys.modules if name.startswith("functions.")]:
        del sys.modules[name]
    Settings.current.cache_clear()
    session.client.cache_clear()


def test_what_recovers_while_it_waits_is_verified_not_replaced(careful: World) -> None:
    """An approval of yesterday's illness replaces no healthy node."""
    incident_id, sick = asked(careful)
    careful.get_well(sick)
    careful.pass_time(10)
    careful.invoke("answer_approval", {"incident_id": incident_id, "decision": "approve", "by": "ada"})
    assert careful.invoke("admit_incident", {"incident_id": incident_id})["next"] == "VerifyHealth"


def test_a_denial_ends_the_incident_without_a_page(careful: World) -> None:
    """A person knows: it is theirs now, and nothing else is said."""
    sick, _ = careful.instances()
    answering(careful, "deny", why="database work until six")
    careful.fall_ill(sick)
    incident_id, machine = heal(careful, sick)
    assert "Notify" not in machine.visited
    over(careful, incident_id, "escalated")
    assert careful.deliver("IncidentEscalated")["sent"] == []
    assert len(careful.pages()) == 1  # the question
    assert "denied by ada" in careful.incident(incident_id).reason
    notes = [entry.content for entry in careful.journals.read(incident_id)]
    (denied,) = [one for one in notes if one["verdict"] == "denied"]
    assert denied["reason"] == "denied by ada: database work until six"
    assert sick in careful.instances()


def test_a_question_that_nobody_answers_pages_once(careful: World) -> None:
    """At its end the machine wakes by itself; the node was not touched."""
    sick, _ = careful.instances()
    careful.fall_ill(sick)
    incident_id, _ = heal(careful, sick)
    careful.deliver("IncidentEscalated")
    over(careful, incident_id, "escalated")
    question, page = careful.pages()
    assert "may replace_node run" in question["Subject"]
    assert "nobody answered by" in page["Message"]
    assert sick in careful.instances()
    late = careful.invoke("answer_approval", {"incident_id": incident_id, "decision": "approve", "by": "ada"})
    assert (late["decided"], late["code"]) == (False, "approval.over")


def test_only_the_first_answer_counts(careful: World) -> None:
    """A second one is told who was first, and wakes a machine that has not heard yet."""
    incident_id, _ = asked(careful)
    answer = {"incident_id": incident_id, "decision": "deny", "by": "ada"}
    careful.broken["sfn.SendTaskSuccess"] = "InternalError"
    with pytest.raises(Exception, match="InternalError"):
        careful.invoke("answer_approval", answer)
    careful.broken.clear()
    assert careful.tokens["token-ask"] is None
    second = careful.invoke("answer_approval", {**answer, "decision": "approve", "by": "eve"})
    assert second["code"] == "approval.decided"
    assert "denied by ada" in second["reason"]
    assert careful.tokens["token-ask"] == {"incident_id": incident_id}


def test_an_answer_after_the_end_does_not_count(careful: World) -> None:
    """With both times in the refusal."""
    incident_id, _ = asked(careful)
    careful.pass_time(121)
    late = careful.invoke("answer_approval", {"incident_id": incident_id, "decision": "approve", "by": "ada"})
    assert late["code"] == "approval.expired"


def test_nothing_to_approve_is_said(careful: World) -> None:
    """An incident that asks nothing takes no answer."""
    sick, _ = careful.instances()
    careful.fall_ill(sick)
    careful.speak(sick)
    incident_id = careful.subject(sick).open_incident
    told = careful.invoke("answer_approval", {"incident_id": incident_id, "decision": "approve", "by": "ada"})
    assert told["code"] == "approval.none"


def test_a_retried_question_is_asked_once_and_waits_on_its_new_token(careful: World) -> None:
    """The old token is dead; the channels have the question already."""
    incident_id, _ = asked(careful)
    retried = {
        "incident_id": incident_id,
        "level": 3,
        "remedy": "replace_node",
        "symptom": "service_down",
        "reason": "again",
        "until": "2026-11-23T04:00:00.000Z",
        "token": "token-new",
    }
    careful.tokens["token-new"] = None
    assert careful.invoke("ask_approval", retried)["sent"] == []
    careful.invoke("answer_approval", {"incident_id": incident_id, "decision": "approve", "by": "ada"})
    assert careful.tokens["token-new"] == {"incident_id": incident_id}
    careful.tokens["token-last"] = None
    careful.invoke("ask_approval", {**retried, "token": "token-last"})
    assert careful.tokens["token-last"] == {"incident_id": incident_id}
    assert len(careful.pages()) == 1


def test_a_question_that_reaches_nobody_is_tried_again(careful: World) -> None:
    """And leaves its record, so that the retry sends it and changes nothing else."""
    careful.broken["sns.Publish"] = "InternalError"
    with pytest.raises(Retryable):
        asked(careful)
    careful.broken.clear()
    (incident_id,) = careful.executions()
    order = careful.invoke("admit_incident", {"incident_id": incident_id})
    assert order["next"] == "AskApproval"
    assert careful.invoke("ask_approval", {**order, "token": "token-ask"})["sent"] == ["sns"]


@pytest.mark.parametrize("wrong", [{"decision": "maybe"}, {"by": " "}, {"incident_id": None}])
def test_an_answer_of_an_unknown_shape_is_refused(careful: World, wrong: dict[str, Any]) -> None:
    """Nobody decides without a name."""
    with pytest.raises(Refused) as refused:
        careful.invoke("answer_approval", {"incident_id": "inc-1", "decision": "deny", "by": "ada", **wrong})
    assert refused.value.code == "event.unknown_shape"
