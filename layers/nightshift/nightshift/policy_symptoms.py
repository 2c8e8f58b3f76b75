"""The policy's symptoms: what is measured, what counts as ill, and what is tried."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nightshift.amounts import Name
from nightshift.policy_notify import Severity
from nightshift.policy_terms import limit

MINUTE = 60
Statistic = Literal["Average", "Maximum", "Minimum", "Sum"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Part):
    """The CloudWatch metric that a symptom is read from; its only dimension is ``InstanceId``."""

    namespace: str = Field(min_length=1, max_length=255, description="The metric's namespace")
    name: str = Field(min_length=1, max_length=255, description="The metric's name")
    statistic: Statistic = Field("Average", description="What its samples within a period become")
    resolution_seconds: Literal[1, 60] = Field(60, description="1 for a high-resolution metric")


class Symptom(_Part):
    """What counts as ill, for how long it must last, and what to try, in order."""

    metric: Metric
    above: Decimal | None = Field(None, description="A greater value is ill")
    below: Decimal | None = Field(None, description="A smaller value is ill")
    period_seconds: int = Field(60, description="The alarm's period: 10, 20, 30 or a multiple of 60")
    for_seconds: int = Field(
        ge=0,
        le=86_400,
        description="How long it must have held before anything is done",
        json_schema_extra=limit("smaller", "it must have held for {} before anything is done"),
    )
    ladder: tuple[Name, ...] = Field(
        min_length=1,
        description="The remedies, the mildest first",
        json_schema_extra=limit("more", "the remedies are {}"),
    )
    by_release: bool = Field(default=True, description="Whether a bad release can cause it")
    severity: Severity = Field("critical", description="How its page is told; routes may ask for it")

    @model_validator(mode="after")
    def _consistent(self) -> Symptom:
        if (self.above is None) == (self.below is None):
            raise ValueError("exactly one of 'above' and 'below' is needed")
        if self.period_seconds not in (10, 20, 30) and (
            self.period_seconds < MINUTE or self.period_seconds % MINUTE
        ):
            raise ValueError("period_seconds must be 10, 20, 30 or a multiple of 60, as CloudWatch asks")
        if self.for_seconds < self.metric.resolution_seconds:
            raise ValueError(
                "for_seconds is shorter than the metric's resolution: one sample cannot show that it lasted"
            )
        if len(set(self.ladder)) != len(self.ladder):
            raise ValueError("a remedy stands twice in the ladder")
        return self

    def breached_by(self, value: Decimal) -> bool:
        """Whether ``value`` is ill."""
        return value > self.above if self.above is not None else value < (self.below or Decimal(0))

    @property
    def threshold(self) -> str:
        """The rule in words, for reasons and pages."""
        if self.above is not None:
            return f"{self.metric.name} above {self.above}"
        return f"{self.metric.name} below {self.below}"
