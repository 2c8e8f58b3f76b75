"""From a node's answer to its row: what could be read, what is too high, and why there is nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from nightshift import checks, probe
from nightshift.decisions.findings import Seen
from nightshift.errors import Refused
from nightshift.passes import Member, Row
from nightshift.policy import Policy
from nightshift.probe import ProbeSample

# Run Command's status details (without their spaces) of a node that was never reached.
AWAY = frozenset({"DeliveryTimedOut", "Undeliverable", "Terminated", "Pending"})
_TENTH = Decimal("0.1")


class Answered(Protocol):
    """What came back from one node: Run Command's status, and the text that was printed."""

    @property
    def status(self) -> str:
        """Run Command's details of the status."""
        ...

    @property
    def text(self) -> str:
        """What the probe printed."""
        ...

    @property
    def reason(self) -> str:
        """Why there is no text, where that is known better than by the status."""
        ...


@dataclass(frozen=True)
class Reading:
    """One check of one node: its value, and whether that is too high, with the numbers compared."""

    check: str
    value: Decimal
    ill: bool
    reason: str
    symptom: str = ""


@dataclass(frozen=True)
class Looked:
    """What a pass makes of one node. ``away`` says that its agent was not reached at all."""

    member: Member
    row: Row
    away: bool = False
    readings: tuple[Reading, ...] = ()
    seen: Mapping[str, Seen] = field(default_factory=dict)


def look(member: Member, answer: Answered | None, policy: Policy) -> Looked:
    """Read what a node answered; whatever that is, there is one row with a line or with a reason."""
    if answer is None:
        row = Row.of(member, reason="it has not answered: it left, or its answer was lost")
        return Looked(member, row, away=member.ssh is None)
    if answer.reason:
        return Looked(member, Row.of(member, reason=answer.reason))
    status = answer.status.replace(" ", "")
    if status in AWAY:
        row = Row.of(member, reason=f"its agent was not reached: {answer.status}")
        return Looked(member, row, away=True)
    if status != "Success":
        return Looked(member, Row.of(member, reason=f"the probe did not end well there: {answer.status}"))
    try:
        sample = probe.parse(answer.text)
    except Refused as refused:
        return Looked(member, Row.of(member, reason=refused.message))
    found = judge(sample, policy)
    said = seen(found) if member.ssh is None else {}  # nothing heals a node without an agent
    return Looked(member, Row.of(member, line=answer.text.strip()), readings=found, seen=said)


def judge(sample: ProbeSample, policy: Policy) -> tuple[Reading, ...]:
    """Every check that the node could answer, in the order of their names."""
    found = []
    for name in checks.names():
        value = checks.load(name).measure(sample)
        if value is not None:
            found.append(_judged(name, value.quantize(_TENTH), policy))
    return tuple(found)


def seen(readings: Iterable[Reading]) -> dict[str, Seen]:
    """Those readings that mean a symptom, by symptom."""
    return {
        one.symptom: Seen(one.symptom, one.check, one.value, one.ill, one.reason)
        for one in readings
        if one.symptom
    }


def _judged(name: str, value: Decimal, policy: Policy) -> Reading:
    check, rule = checks.load(name), policy.inspection.rule(name)
    if rule.symptom:
        symptom = policy.symptoms[rule.symptom]
        ill, limit = symptom.breached_by(value), symptom.threshold
        return Reading(
            name, value, ill, f"{check.TITLE} is {value}{check.UNIT}; {rule.symptom}: {limit}", rule.symptom
        )
    above = rule.above if rule.above is not None else check.ABOVE
    return Reading(
        name, value, value > above, f"{check.TITLE} is {value}{check.UNIT}, the limit is {above}{check.UNIT}"
    )
