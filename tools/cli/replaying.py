"""Recorded decisions made again, out of their journal and with no AWS, and compared byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nightshift import code, journal
from nightshift.decisions import recorded
from nightshift.journal import Entry

#: Entries of these kinds were decided. One without its decisions is older than the recording of them.
DECIDED = ("admission", "verification", "rollout", "plan", "gates")
#: Which part of an answer an entry of its kind gives as its verdict.
VERDICT = {"admission": "answer", "verification": "state", "rollout": "action", "gates": "answer"}

Outcome = Literal["identical", "differs", "not replayable"]


@dataclass(frozen=True)
class Recorded:
    """One decision as the journal has it; ``given`` is its canonical text, or None when it is gone."""

    chain: str
    seq: int
    at: str
    name: str
    policy: str
    code: str
    given: str | None
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Replay:
    """What came of making one decision again; ``said`` is the recorded verdict.

    ``differences`` name the parts of the answer that differ, as (part, recorded, now). ``reason`` says why it
    could not be made again, or what else is wrong.
    """

    seq: int
    at: str
    name: str
    said: str
    outcome: Outcome
    policy: str = ""
    code: str = ""
    same_code: bool = True
    given: str = ""
    differences: tuple[tuple[str, str, str], ...] = ()
    reason: str = ""


def decisions(entry: Entry, given: Callable[[str], str | None]) -> Iterator[Recorded]:
    """The decisions that an entry holds; none where it is older than their recording, or decides nothing."""
    content = entry.content
    found: Any = content.get("decisions", [])
    for one in found:
        text = journal.canonical(one["given"]) if "given" in one else given(one["given_sha256"])
        if text is not None and "given" not in one and journal.digest(text) != one["given_sha256"]:
            text = None
        at = str(content["at"])
        yield Recorded(
            entry.chain, entry.seq, at, one["name"], one["policy"], one["code"], text, one["answer"]
        )


def replay(entry: Entry, given: Callable[[str], str | None]) -> Iterator[Replay]:
    """Make each decision of an entry again."""
    content, made = entry.content, False
    for one in decisions(entry, given):
        made = True
        yield _again(one, content)
    if not made and content["kind"] in DECIDED:
        yield Replay(
            entry.seq,
            str(content["at"]),
            str(content["kind"]),
            str(content["verdict"]),
            "not replayable",
            reason="written before decisions were recorded with their inputs",
        )


def _again(one: Recorded, content: Mapping[str, Any]) -> Replay:
    same_code = one.code == code.digest()
    part = VERDICT.get(one.name, "")
    facts: dict[str, Any] = {
        "seq": one.seq,
        "at": one.at,
        "name": one.name,
        "said": str(one.answer.get(part) or content["verdict"]),
        "policy": one.policy,
        "code": one.code,
        "same_code": same_code,
        "given": one.given or "",
    }
    if one.given is None:
        reason = "its inputs are kept apart, and are not there or may not be read"
        return Replay(**facts, outcome="not replayable", reason=reason)
    if one.name not in recorded.KNOWN:
        return Replay(**facts, outcome="not replayable", reason=f"this code knows no decision {one.name}")
    try:
        found = recorded.given(one.name, one.given)
    except ValueError as error:
        reason = f"this code does not read its inputs: {str(error).splitlines()[0]}"
        return Replay(**facts, outcome="not replayable", reason=reason)
    answer: Any = recorded.again(one.name, found)
    if journal.canonical(answer) != journal.canonical(one.answer):
        return Replay(**facts, outcome="differs", differences=tuple(differences(one.answer, answer)))
    wrong = _misquoted(one, content) if part else ""
    return Replay(**facts, outcome="differs" if wrong else "identical", reason=wrong)


def _misquoted(one: Recorded, content: Mapping[str, Any]) -> str:
    """What an entry says of its one decision must be that decision's own words."""
    if one.name != content["kind"] or content["verdict"] == "judged":
        return ""
    answer = (one.answer[VERDICT[one.name]], one.answer["reason"])
    said = (content["verdict"], content["reason"])
    return "" if said == answer else f"the entry says {said}, and its decision {answer}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The parts of two answers that differ."""
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield name, journal.canonical(before.get(name)), journal.canonical(after.get(name))
