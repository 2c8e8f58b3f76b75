"""Where another policy would first have done something else in one recorded incident or deployment.

The world after another action is not known, so nothing is said of what would have followed. What is known
is the moment, both answers, and, where the recorded samples reach, how much earlier or later the same would
have come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nightshift import clock
from nightshift.decisions import recorded
from nightshift.decisions.admission import admit
from nightshift.decisions.situation import Situation
from nightshift.policy import Policy
from tools.cli.following import LOOKS, over_by, sooner_by
from tools.cli.history import Chain
from tools.cli.otherwise import About, Unknown, under
from tools.cli.replaying import Recorded, decisions

#: The parts of an answer that act on the world or on a person; reasons quote limits and may differ.
EFFECTS = {
    "admission": ("answer", "rung", "symptom", "page", "known", "storm", "delegate_to", "until"),
    "verification": ("state", "until"),
    "rollout": ("action", "state", "batch", "trigger", "page", "until"),
    "plan": ("batches", "code"),
    "gates": ("answer", "until"),
    "way_back": ("target", "nodes", "page"),
}


@dataclass(frozen=True)
class Divergence:
    """The first other answer, both in words.

    ``seconds`` is how much later (negative: earlier) the same would have come, None where that is not known;
    with ``at_least`` it is no less than that. ``acts`` and ``pages`` are what is certain to be more or fewer.
    """

    seq: int
    at: str
    name: str
    before: str
    after: str
    acts: int = 0
    pages: int = 0
    seconds: int | None = None
    at_least: bool = False


@dataclass(frozen=True)
class Comparison:
    """One chain under another policy: compared decisions, the first divergence, what could not be compared.

    ``sooner`` is by how many seconds a verification would have ended earlier (negative: later), the actions
    the same. ``acted``, ``paged`` and ``healed_in`` are what was recorded.
    """

    chain: str
    compared: int
    divergence: Divergence | None
    unknown: str = ""
    sooner: int = 0
    acted: int = 0
    paged: int = 0
    healed_in: int | None = None

    @property
    def differs(self) -> bool:
        """Whether anything would have been otherwise, as far as is known."""
        return self.divergence is not None or self.sooner != 0


def compare(chain: Chain, given: Callable[[str], str | None], policy: Policy) -> Comparison:
    """Walk the recorded decisions of a chain until the first that ``policy`` would have made otherwise."""
    found = [one for entry in chain.entries for one in decisions(entry, given)]
    about, facts, compared, sooner = _about(chain), _recorded(chain), 0, 0
    unknown = "" if found else "written before decisions were recorded with their inputs"
    for place, one in enumerate(found):
        try:
            before, after = _given(one), under(policy, one.name, _given(one), about)
            answer: Any = recorded.again(one.name, after)
        except Unknown as missing:
            return Comparison(chain.name, compared, None, str(missing), sooner, **facts)
        except ValueError as error:
            reason = f"#{one.seq}: this code does not read its inputs: {str(error).splitlines()[0]}"
            return Comparison(chain.name, compared, None, reason, sooner, **facts)
        if _effect(one.name, answer) != _effect(one.name, one.answer):
            later, paged = found[place + 1 :], bool(facts["paged"])
            diverged = _diverged(one, answer, later, policy, about, paged=paged)
            return Comparison(chain.name, compared + 1, diverged, "", sooner, **facts)
        if one.name == "verification":
            sooner += sooner_by(before, after)
        compared += 1
    return Comparison(chain.name, compared, None, unknown, sooner, **facts)


def words(name: str, answer: Mapping[str, Any]) -> str:
    """An answer as a person says it."""
    what = str(
        answer.get("answer") or answer.get("state") or ("refused" if answer.get("code") else "planned")
    )
    if name == "rollout":
        what = str(answer["action"])
    if name == "admission" and answer["answer"] == "allow":
        what = f"allow {answer['rung']['remedy']}" if answer.get("rung") else "verify"
    if answer.get("page"):
        what += " and page"
    until = f" until {answer['until']}" if answer.get("until") else ""
    return f"{what}{until}: {answer['reason']}"


def _given(one: Recorded) -> Any:
    if one.given is None:
        raise Unknown("its inputs are kept apart, and are not there or may not be read")
    return recorded.given(one.name, one.given)


def _effect(name: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {part: answer.get(part) for part in EFFECTS[name]}


def _diverged(
    one: Recorded,
    answer: Mapping[str, Any],
    later: Sequence[Recorded],
    policy: Policy,
    about: About,
    *,
    paged: bool,
) -> Divergence:
    seconds, at_least = _shift(one, answer, later, policy, about)
    return Divergence(
        seq=one.seq,
        at=one.at,
        name=one.name,
        before=words(one.name, one.answer),
        after=words(one.name, answer),
        acts=_acts(one, answer, later),
        pages=_pages(one, answer, paged=paged),
        seconds=seconds,
        at_least=at_least,
    )


def _acts(one: Recorded, answer: Mapping[str, Any], later: Sequence[Recorded]) -> int:
    """One action more or fewer, where that is certain: what waits may still act, and what waited may have."""
    if _allows(answer):
        return 0 if _allows(one.answer) or any(_allows(next_.answer) for next_ in later) else 1
    return -1 if _allows(one.answer) and answer.get("answer") == "refuse" else 0


def _pages(one: Recorded, answer: Mapping[str, Any], *, paged: bool) -> int:
    """One page more or fewer, where that is certain: an incident pages once, and what goes on may still."""
    if answer.get("page"):
        return 0 if paged or one.answer.get("page") else 1
    ends = answer.get("answer") == "refuse" or answer.get("action") in ("stop", "succeed")
    return -1 if one.answer.get("page") and ends else 0


def _allows(answer: Mapping[str, Any]) -> bool:
    return answer.get("answer") == "allow" and bool(answer.get("rung"))


def _shift(
    one: Recorded, answer: Mapping[str, Any], later: Sequence[Recorded], policy: Policy, about: About
) -> tuple[int | None, bool]:
    """How many seconds later the same comes; and whether that is only the least it can be."""
    if one.answer.get("answer") == "allow" or one.answer.get("state") == "healthy":
        if answer.get("until"):
            return _between(one.at, answer["until"]), True
        return None, False
    following = next((next_ for next_ in later if _allows(next_.answer)), None)
    if one.name != "admission" or one.answer.get("answer") != "wait" or following is None:
        return None, False
    at = _allowed_at(one, answer, following, policy, about)
    return (None, False) if at is None else (_between(following.at, at), False)


def _allowed_at(
    one: Recorded, answer: Mapping[str, Any], following: Recorded, policy: Policy, about: About
) -> str | None:
    """When the same rung is allowed under ``policy``, by the samples recorded until it was allowed."""
    if answer.get("answer") == "allow":
        return one.at if answer.get("rung") == following.answer.get("rung") else None
    situation: Situation = under(policy, "admission", _given(following), about)
    moment = clock.parse(answer["until"]) if answer.get("until") else situation.now
    for _ in range(LOOKS):
        if moment >= situation.now:
            return None
        found = admit(replace(situation, now=moment, samples=over_by(situation.samples, moment)))
        if found.answer == "allow":
            return clock.iso(moment)
        if found.until is None:
            return None
        moment = found.until
    return None


def _about(chain: Chain) -> About:
    """Its group and app, as the first entries that name them do."""
    contents: Any = [entry.content for entry in chain.entries]
    names = {
        part: next((str(one["inputs"][part]) for one in contents if one["inputs"].get(part)), "")
        for part in ("group", "app")
    }
    return About(names["group"], names["app"], clock.parse(contents[0]["at"]))


def _recorded(chain: Chain) -> dict[str, Any]:
    """What came of it: actions, pages, and the seconds to its heal."""
    contents: Any = [entry.content for entry in chain.entries]
    healed = [one["at"] for one in contents if (one["kind"], one["verdict"]) == ("closed", "healed")]
    return {
        "acted": sum(one["kind"] == "intent" for one in contents),
        "paged": sum((one["kind"], one["verdict"]) == ("page", "sent") for one in contents),
        "healed_in": _between(contents[0]["at"], healed[0]) if healed else None,
    }


def _between(first: str, second: str) -> int:
    return round((clock.parse(second) - clock.parse(first)).total_seconds())
