"""The events that Nightshift publishes on its own bus; one model each, named as what has happened.

The ``detail-type`` of an event is its model's name, its ``source`` is ``nightshift``.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SOURCE = "nightshift"
STORM = "storm"  # the symptom of a whole group
_GROUP = "group:"
Instant = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]


class Event(BaseModel):
    """What every event carries: when it happened, and the W3C trace that it belongs to."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = 1
    occurred_at: Instant
    traceparent: str = Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")

    @property
    def name(self) -> str:
        """The event's ``detail-type``."""
        return type(self).__name__


class SignalRaised(Event):
    """An alarm (or, later, a finding) says that a subject has a symptom since ``held_since``."""

    subject: str
    symptom: str
    alarm: str
    held_since: Instant
    reason: str

    @property
    def group(self) -> str:
        """The group that the signal is about as a whole; empty when it is about a node."""
        return self.subject.removeprefix(_GROUP) if self.subject.startswith(_GROUP) else ""

    @property
    def incident_id(self) -> str:
        """The incident that this signal opens: the same signal always names the same one."""
        digest = hashlib.sha256(f"{self.subject}|{self.alarm}|{self.occurred_at}".encode()).hexdigest()
        return f"inc-{self.occurred_at[:10].replace('-', '')}-{digest[:10]}"


class SignalCleared(Event):
    """The alarm behind a signal is quiet again."""

    subject: str
    symptom: str
    alarm: str
    reason: str


class IncidentEvent(Event):
    """Something happened to one incident."""

    incident_id: str
    subject: str
    symptom: str
    reason: str


class IncidentOpened(IncidentEvent):
    """A subject has a problem that nobody is working on yet; the heal machine was started."""


class IncidentSuppressed(IncidentEvent):
    """The incident ended without an action, and ``reason`` says why."""


class RemedyApplied(IncidentEvent):
    """A remedy has run; whether it helped is not known yet."""

    level: int
    remedy: str
    succeeded: bool


class IncidentHealed(IncidentEvent):
    """The symptom is gone and stayed gone."""

    level: int
    seconds: int


class IncidentEscalated(IncidentEvent):
    """Nightshift has no more to try (or must not): a person is asked."""


class IncidentResolved(IncidentEvent):
    """What a person was asked about is over: every alarm that joined it is quiet."""


class Finding(BaseModel):
    """What a pass found about one subject: a check beyond its threshold, and the symptom that it means."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    subject: str
    symptom: str
    check: str
    value: str
    held_since: Instant
    observed_at: Instant
    reason: str


class InspectionEvent(Event):
    """Something happened in one pass over the fleet."""

    pass_id: str


class FindingRaised(InspectionEvent):
    """What one batch found, in one event; said in every pass for as long as it stands."""

    findings: tuple[Finding, ...]


class FindingCleared(InspectionEvent):
    """What the batch before had found and this one does not find any more."""

    findings: tuple[Finding, ...]


class InspectionCollected(InspectionEvent):
    """Every batch of a pass was read, or its time is over: it can be reported."""


class InspectionCompleted(InspectionEvent):
    """A pass has its report. ``report`` is its key in the artifacts bucket."""

    nodes: int
    answered: int
    findings: int
    drift: int
    report: str


class CodePushed(Event):
    """A branch of a repository moved, says a verified webhook.

    ``repositories`` are all addresses of the one repository; ``delivery`` names the push: the same push
    heard again has the same one.
    """

    provider: str
    repositories: tuple[str, ...]
    ref: str
    commit: str
    author: str = Field(max_length=300)
    message: str = Field(max_length=1_000)
    delivery: str


class GateReported(Event):
    """An outside check has a verdict about a commit, says a webhook that was verified by ``secret``.

    ``secret`` is its name, empty for the stack's own; ``check`` tells apart what one gate consists of.
    """

    commit: str
    gate: str
    check: str = Field("", max_length=200)
    secret: str = ""
    verdict: Literal["passed", "failed"]
    url: str = Field("", max_length=500)


class DeploymentEvent(Event):
    """Something happened to one deployment."""

    deployment_id: str
    app: str
    group: str
    release: str
    reason: str


class DeploymentStarted(DeploymentEvent):
    """It is planned, and its first batch comes next."""


class DeploymentSucceeded(DeploymentEvent):
    """Every batch runs the release and has baked."""


class DeploymentFailed(DeploymentEvent):
    """It was ended before its time; ``undone_by`` is the deployment that takes it back, if one does."""

    undone_by: str = ""


class CommandCompleted(Event):
    """A command that a person ran on many nodes is over.

    ``alert`` are the codes of errors that no repetition mends and a person must look at, empty for none;
    ``alerted`` says for the first of those nodes which it was.
    """

    command_id: str
    by: str
    state: Literal["Success", "Failed", "Cancelled"]
    nodes: int
    succeeded: int
    reason: str
    alert: str = ""
    alerted: tuple[str, ...] = ()


class PolicyChanged(Event):
    """A new policy was adopted, or refused with a reason while the last good one stays."""

    adopted: bool
    policy_version: str
    reason: str


def of_group(group: str) -> str:
    """The subject that stands for a whole group."""
    return f"{_GROUP}{group}"


def traceparent(trace: str, span: str) -> str:
    """A W3C ``traceparent`` derived from names, so that a retry belongs to the same trace and span."""
    trace_id, span_id = (hashlib.sha256(name.encode()).hexdigest() for name in (trace, span))
    return f"00-{trace_id[:32]}-{span_id[:16]}-01"
