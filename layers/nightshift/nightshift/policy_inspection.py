"""The policy's section ``inspection``: which numbers of a node are too high, and what that means."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nightshift import checks

if TYPE_CHECKING:  # the policy holds this section: at run time the import goes one way
    from nightshift.policy import Policy


class Rule(BaseModel):
    """How one check is judged.

    With ``symptom`` its value is judged by that symptom's own threshold, and a finding is a signal that
    the ladder answers; without, it stands in the report only, from ``above`` on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    above: Decimal | None = Field(None, description="A greater value stands in the report as a finding")
    symptom: str = Field("", description="The symptom that a finding is, healed by its ladder")

    @model_validator(mode="after")
    def _one(self) -> Rule:
        if (self.above is None) == (not self.symptom):
            raise ValueError(
                "exactly one of 'above' and 'symptom' is needed: a symptom has its own threshold"
            )
        return self


class Inspection(BaseModel):
    """What inspections look for. Every check has a threshold of its own for reports without any rule here."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    checks: dict[str, Rule] = Field({}, description="How a check is judged, by its name")
    metrics_per_node: bool = Field(
        default=False, description="Custom metrics for each node: dearer than all the rest of inspection"
    )

    def rule(self, check: str) -> Rule:
        """How a check is judged here."""
        return self.checks.get(check) or Rule(above=checks.load(check).ABOVE)


def objections(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    """Checks and symptoms that there are not; each with its place in the policy."""
    meant: dict[str, str] = {}
    for name, rule in policy.inspection.checks.items():
        place = ("inspection", "checks", name)
        if name not in checks.names():
            yield place, f"there is no check {name}; there are {', '.join(checks.names())}"
        if rule.symptom and rule.symptom not in policy.symptoms:
            known = ", ".join(sorted(policy.symptoms))
            yield (*place, "symptom"), f"there is no symptom {rule.symptom}; there are {known}"
        first = meant.setdefault(rule.symptom, name) if rule.symptom else name
        if first != name:
            yield (*place, "symptom"), f"{first} means {rule.symptom} already: a symptom is one number"
