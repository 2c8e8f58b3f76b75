from __future__ import annotations

import pytest

from nightshift.decisions.admission import admit
from nightshift.decisions.escalation import Rung
from nightshift.decisions.situation import Admission
from nightshift.fleet import GroupState, Pause
from nightshift.incident import Level
from tests.unit.facts import (
    LADDER,
    NODE,
    NOW,
    at,
    attempts,
    cpu,
    healing,
    heard,
    incident,
    lease,
    level,
    node,
    samples,
    situation,
    symptom,
    tried,
)

PAUSE = Pause(by="ada", why="maintenance of the database", at=at(-60))


def in_seconds(answer: Admission) -> float:
    """How long a wait takes."""
    assert answer.until is not None
    return (answer.until - NOW).total_seconds()


def test_what_nothing_forbids_is_allowed_with_the_mildest_remedy() -> None:
    """The seed of it all: a service that is down long enough gets its first rung."""
    answer = admit(situation())
    assert (answer.answer, answer.guard) == ("allow", "admitted")
    assert answer.rung == Rung(1, "restart_service")
    assert answer.symptom == "service_down"
    assert f"level 1, restart_service: ServiceUp was 0 at {at(-1)}" == answer.reason


def test_each_failed_rung_leads_to_the_next_one() -> None:
    """Level by level, and then a person."""
    for number, remedy in enumerate(LADDER, start=1):
        answer = admit(situation(incident=incident(levels=tried(*LADDER[: number - 1]))))
        assert answer.rung == Rung(number, remedy)
    answer = admit(situation(incident=incident(levels=tried(*LADDER))))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "ladder", True)
    assert "restart_service (failed), rebuild_container (failed), replace_node (failed)" in answer.reason


# one guard at a time


@pytest.mark.parametrize("state", ["healed", "escalated", "suppressed", "resolved"])
def test_nothing_is_done_for_an_incident_that_is_closed(state: str) -> None:
    """Whoever closed it gave its lease back; it is not paged again either."""
    answer = admit(situation(incident=incident(state=state)))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "still_open", False)


@pytest.mark.parametrize("detail", ["Failed: sha256 differs", ""])
def test_a_successor_without_its_release_is_given_to_a_person(detail: str) -> None:
    """Its install is over and failed: waiting for it would only end at the deadline."""
    levels = (*tried("restart_service"), level(3, "replace_node", detail=detail))
    answer = admit(situation(node=node(state="pending"), incident=incident(levels=levels)))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "known_node", True)
    said = detail or "it did not answer in time"
    assert answer.reason == f"the successor web-1 could not install its release: {said}"


@pytest.mark.parametrize("last", [(), (level(1, "restart_service"),), (level(3, "replace_node", "running"),)])
def test_a_node_that_may_still_come_into_service_is_waited_for(last: tuple[Level, ...]) -> None:
    """Only a replacement that failed proves that it will not."""
    answer = admit(situation(node=node(state="pending"), incident=incident(levels=last)))
    assert (answer.answer, answer.guard) == ("wait", "known_node")


def test_silence_after_every_alarm_fell_quiet_wakes_nobody() -> None:
    """Nothing was done and nothing speaks of an illness any more: a quiet end, with what was looked at."""
    quiet = {name: heard(cleared_at=at(-20)) for name in ("service_down", "cpu_sustained")}
    known = {"service_down": symptom(), "cpu_sustained": cpu()}
    answer = admit(situation(incident=incident(symptoms=quiet), symptoms=known, samples={}))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "evidence", False)
    assert "its alarms are quiet and nothing says otherwise" in answer.reason
    assert f"cpu_sustained at {at(-20)}; service_down at {at(-20)}" in answer.reason
    assert "no sample of ServiceUp since" in answer.reason


def test_silence_while_one_alarm_still_speaks_or_after_an_action_is_no_quiet_end() -> None:
    """One symptom that no alarm took back, or a node that was touched, stays a matter for a person."""
    long_ago = heard(raised_at=at(-600), cleared_at=at(-20))
    known = {"service_down": symptom(), "cpu_sustained": cpu()}
    half = incident(symptoms={"service_down": long_ago, "cpu_sustained": heard(raised_at=at(-600))})
    touched = incident(symptoms={"service_down": long_ago}, levels=tried("restart_service"))
    for one in (half, touched):
        answer = admit(situation(incident=one, symptoms=known, samples={}))
        assert (answer.answer, answer.guard, answer.page) == ("refuse", "evidence", True)


def test_an_incident_that_takes_too_long_is_given_to_a_person() -> None:
    """The deadline counts from its opening; the second before it, healing goes on."""
    limits = healing(deadline_seconds=3_600)
    answer = admit(situation(healing=limits, incident=incident(opened_at=at(-3_600))))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "deadline", True)
    assert admit(situation(healing=limits, incident=incident(opened_at=at(-3_599)))).answer == "allow"


def test_while_paused_everything_waits_and_says_who_and_why() -> None:
    """The kill switch refuses nothing: it delays, and asks again after recheck_seconds."""
    answer = admit(situation(pause=PAUSE, healing=healing(recheck_seconds=17)))
    assert (answer.answer, answer.guard) == ("wait", "pause")
    assert 17 <= in_seconds(answer) < 17 * 1.25, "spread, so that not all ask at the same moment"
    assert "ada" in answer.reason
    assert "maintenance of the database" in answer.reason


def test_an_unknown_node_is_not_touched_and_nobody_is_woken() -> None:
    """A subject outside the inventory is not ours."""
    answer = admit(situation(node=None, group=None, samples={}))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "known_node", False)
    assert NODE in answer.reason


@pytest.mark.parametrize("facts", [{"group": None}, {"symptoms": {}}])
def test_a_node_that_the_policy_does_not_know_is_not_touched(facts: dict[str, object]) -> None:
    """No group or no such symptom in the policy: nothing says what to do."""
    answer = admit(situation(**facts))
    assert (answer.answer, answer.guard) == ("refuse", "known_node")


def test_a_node_that_is_not_in_service_yet_is_waited_for() -> None:
    """A fresh node installs its release first."""
    answer = admit(situation(node=node(state="pending")))
    assert (answer.answer, answer.guard) == ("wait", "known_node")


def test_a_node_that_left_its_group_ends_an_untouched_incident_quietly() -> None:
    """Scaled in: nothing is wrong, nobody is woken."""
    answer = admit(situation(node=node(state="terminated")))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "known_node", False)


def test_a_touched_node_that_is_gone_without_successor_is_paged() -> None:
    """The replacement that was ordered did not come: a person must know."""
    touched = incident(levels=tried(*LADDER))
    answer = admit(situation(node=node(state="terminated"), incident=touched))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "known_node", True)


def test_a_symptom_that_went_away_ends_an_untouched_incident() -> None:
    """The alarm is still red, the node is well: nothing is done."""
    answer = admit(situation(samples={"service_down": samples(1)}))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "recovered", False)
    assert "went away by itself" in answer.reason


def test_a_symptom_that_went_away_late_is_verified_before_it_counts() -> None:
    """After a remedy the quiet may be its merit: verify, without another remedy."""
    late = incident(levels=tried("restart_service"))
    answer = admit(situation(incident=late, samples={"service_down": samples(1)}))
    assert (answer.answer, answer.guard, answer.rung) == ("allow", "recovered", None)


def test_a_silent_node_is_waited_for_and_then_given_to_a_person() -> None:
    """No samples may only mean a dead agent: never a reason to act."""
    limits = healing(stale_seconds=120)
    waiting = admit(situation(samples={"service_down": ()}, healing=limits))
    assert (waiting.answer, waiting.guard) == ("wait", "evidence")
    long_ago = incident(symptoms={"service_down": heard(raised_at=at(-120))})
    answer = admit(situation(samples={"service_down": ()}, healing=limits, incident=long_ago))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "evidence", True)
    assert "cannot see the node" in answer.reason


def test_one_ill_symptom_is_evidence_even_if_another_is_silent() -> None:
    """A probe that lost one metric still tells of the other."""
    joined = incident(symptoms={"service_down": heard(), "cpu_sustained": heard(alarm="cpu")})
    both = {"service_down": symptom(), "cpu_sustained": cpu()}
    answer = admit(situation(incident=joined, symptoms=both, samples={"service_down": samples(0)}))
    assert (answer.answer, answer.symptom) == ("allow", "service_down")


def test_a_spike_acts_on_nothing() -> None:
    """Ill since 20 s where 60 s are asked for: wait until it could have lasted."""
    spike = incident(symptoms={"service_down": heard(held_since=at(-20))})
    answer = admit(situation(incident=spike))
    assert (answer.answer, answer.guard) == ("wait", "sustained")
    assert in_seconds(answer) == 40


def test_what_the_alarm_waited_is_not_waited_again() -> None:
    """Held since exactly for_seconds: no further wait."""
    on_the_dot = incident(symptoms={"service_down": heard(held_since=at(-60))})
    assert admit(situation(incident=on_the_dot)).answer == "allow"


def test_a_flicker_that_is_long_held_but_seldom_ill_waits_for_the_next_sample() -> None:
    """Half of the samples are ill: 80 percent are asked for."""
    flicker = {"service_down": samples(1, -60, -31) + samples(0, -30, -1)}
    answer = admit(situation(samples=flicker))
    assert (answer.answer, answer.guard) == ("wait", "sustained")
    assert "30 of 60" in answer.reason


def test_an_incident_that_was_acted_upon_need_not_last_again() -> None:
    """Between two rungs no time is lost."""
    short = incident(symptoms={"service_down": heard(held_since=at(-5))}, levels=tried("restart_service"))
    assert admit(situation(incident=short)).rung == Rung(2, "rebuild_container")


def test_after_a_heal_the_same_symptom_rests() -> None:
    """Cool-down: a relapse is watched before it is healed again."""
    limits = healing(cooldown_seconds=300, flapping={"heals": 5})
    answer = admit(situation(healing=limits, node=node(healed={"service_down": (at(-200),)})))
    assert (answer.answer, answer.guard) == ("wait", "cooldown")
    assert in_seconds(answer) == 100
    assert admit(situation(healing=limits, node=node(healed={"service_down": (at(-300),)}))).answer == "allow"


def test_another_symptom_does_not_rest() -> None:
    """A cleaned disk does not delay a restart."""
    assert admit(situation(node=node(healed={"disk_full": (at(-1),)}))).answer == "allow"


def test_a_node_that_needs_remedy_after_remedy_needs_a_person() -> None:
    """Attempts are counted over incidents, within the window."""
    limits = healing(attempts=3, attempts_window_seconds=3_600)
    answer = admit(situation(healing=limits, node=node(attempts=attempts(3))))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "attempts", True)
    assert admit(situation(healing=limits, node=node(attempts=attempts(2)))).answer == "allow"
    assert admit(situation(healing=limits, node=node(attempts=attempts(9, 3_601)))).answer == "allow"


def test_a_foreign_lease_is_waited_for() -> None:
    """One incident (or deployment) acts on a node at a time; the wait ends with the lease."""
    held = GroupState(group="web-prod", leases=lease("inc-other", 20), fence=6)
    answer = admit(situation(group=held))
    assert (answer.answer, answer.guard) == ("wait", "lease")
    assert "inc-other" in answer.reason
    assert in_seconds(answer) == 20


def test_a_long_foreign_lease_is_asked_about_again_and_again() -> None:
    """It may be given back earlier than it ends."""
    held = GroupState(group="web-prod", leases=lease("deploy-1", 1_800), fence=6)
    assert in_seconds(admit(situation(group=held, healing=healing(recheck_seconds=60)))) == 60


@pytest.mark.parametrize(("holder", "expires"), [("inc-other", 0), ("inc-other", -10), (None, 600)])
def test_an_expired_or_own_lease_does_not_object(holder: str | None, expires: float) -> None:
    """Expiry is judged by the attribute; the incident's own lease is renewed."""
    held = GroupState(group="web-prod", leases=lease(holder or incident().incident_id, expires), fence=6)
    assert admit(situation(group=held)).answer == "allow"
