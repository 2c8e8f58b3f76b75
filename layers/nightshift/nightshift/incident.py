"""One open problem on one subject: what was heard of it, what was tried, asked and measured, step by step."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from nightshift import clock
from nightshift.events import Instant

State = Literal["open", "healed", "escalated", "suppressed", "resolved"]
Outcome = Literal["running", "healed", "failed", "unknown"]
#: The folder of the artifacts bucket that keeps what nodes were like before remedies.
DIAGNOSTICS = "diagnostics"
#: What a step that only looks is called, where a remedy's name stands otherwise.
DIAGNOSE = "diagnose"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Sample(_Fact):
    """One measured value of a symptom's metric; it covers the ``seconds`` that begin ``at``.

    ``pushed`` says that the node sent it unasked: nobody but the node vouches for it.
    """

    at: Instant
    value: Decimal
    seconds: int = 1
    pushed: bool = False


class Heard(_Fact):
    """What alarms have said about one symptom of an incident."""

    alarm: str
    held_since: Instant
    raised_at: Instant
    cleared_at: Instant | None = None


class Level(_Fact):
    """One rung that was tried: what, when, and what came of it.

    ``diagnostics`` is where its whole output is kept in the artifacts bucket; empty when it is not.
    """

    level: int
    remedy: str
    symptom: str
    step_id: str
    outcome: Outcome = "running"
    detail: str = ""
    diagnostics: str = ""
    started_at: Instant
    acted_at: Instant | None = None
    seconds: int = 0


class Approval(_Fact):
    """A person is asked whether one remedy may run, or one release be deployed, until ``expires_at``.

    ``remedy`` is then the release's version. ``version`` is the incident's (or deployment's) when the
    question was asked: an answer to another one is none to this. ``reason`` is why it is asked, ``why`` the
    answer's.
    """

    remedy: str
    level: int = 0
    requested_at: Instant
    expires_at: Instant
    version: int
    reason: str = ""
    decision: Literal["", "approved", "denied"] = ""
    by: str = ""
    why: str = ""
    decided_at: Instant | None = None

    @staticmethod
    def step_of(subject_id: str, remedy: str) -> str:
        """The step that waits for the answer; the same question always names the same one."""
        return f"{subject_id}-approve-{remedy.replace('_', '-')}"


class Incident(_Fact):
    """The state of one incident. ``version`` grows with every write; ``head`` is the journal's last hash.

    ``diagnosed`` is where the last look at its node before that goes away is kept in the artifacts bucket.
    """

    incident_id: str
    subject: str
    node_id: str
    group: str = ""
    symptom: str
    # A table keeps no order of a map's entries, and what is decided must not hang on one.
    symptoms: Annotated[dict[str, Heard], AfterValidator(lambda heard: dict(sorted(heard.items())))]
    state: State = "open"
    reason: str = ""
    opened_at: Instant
    closed_at: Instant | None = None
    levels: tuple[Level, ...] = ()
    approval: Approval | None = None
    diagnosed: str = ""
    fence: int = 0
    wait: str = ""
    storm: str = ""
    version: int = 0
    seq: int = 0
    head: str

    @property
    def id(self) -> str:
        """What it is called."""
        return self.incident_id

    @property
    def ended(self) -> str:
        """How it ended; empty while it is open."""
        return "" if self.state == "open" else self.state

    @property
    def seconds(self) -> int:
        """How long it lasted; 0 while it is open."""
        opened = clock.parse(self.opened_at)
        return round((clock.parse(self.closed_at or self.opened_at) - opened).total_seconds())

    @property
    def current(self) -> Level | None:
        """The rung that was tried last."""
        return self.levels[-1] if self.levels else None

    @property
    def diagnostics(self) -> tuple[str, ...]:
        """Every key under which diagnostics were saved, the oldest first."""
        found = (*(level.diagnostics for level in self.levels), self.diagnosed)
        return tuple(dict.fromkeys(key for key in found if key))


class Step(_Fact):
    """One effect on the world: its intent, and the token that waits for it.

    A step without a token (a release installed on a fresh node) may answer for another step,
    ``answers``, that has one. ``command_id`` is the last command that was sent for it; ``due_at`` stands
    while nobody has said how that ended, and is when silence about it becomes a fault.
    """

    step_id: str
    incident_id: str = ""
    node_id: str
    remedy: str
    fence: int
    token: str = ""
    answers: str = ""
    version: str = ""
    intended_at: Instant
    deployment_id: str = ""
    answered: bool = False
    command_id: str = ""
    due_at: Instant | None = None
