"""One open problem on one subject, and the smaller things around it: nodes, leases, samples, steps."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

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
    def current(self) -> Level | None:
        """The rung that was tried last."""
        return self.levels[-1] if self.levels else None

    @property
    def diagnostics(self) -> tuple[str, ...]:
        """Every key under which diagnostics were saved, the oldest first."""
        found = (*(level.diagnostics for level in self.levels), self.diagnosed)
        return tuple(dict.fromkeys(key for key in found if key))


class Attempt(_Fact):
    """A remedy that was admitted on a node."""

    at: Instant
    remedy: str
    symptom: str
    incident_id: str


class Node(_Fact):
    """A managed machine. ``answers`` is the step that waits for it, when it takes another node's place.

    ``offline_since`` is when an inspection last found that its agent did not answer; None while it does.
    ``flapped`` is when a person was last told of each symptom that comes back after its heal.
    """

    node_id: str
    name: str
    app: str
    group: str
    auto_scaling_group: str
    transport: Literal["ssm"] = "ssm"
    state: Literal["pending", "in_service", "terminated"] = "pending"
    release: str = ""
    registered_at: Instant
    replaces: str = ""
    replaced_by: str = ""
    answers: str = ""
    offline_since: Instant | None = None
    flapped: dict[str, Instant] = {}
    attempts: tuple[Attempt, ...] = ()
    healed: dict[str, tuple[Instant, ...]] = {}


class Lease(_Fact):
    """The exclusive right to act on a node until ``expires_at``; a higher ``fence`` beats a lower one."""

    incident_id: str
    fence: int
    expires_at: Instant


class Release(_Fact):
    """One built version of an app, in the artifacts bucket; ``size`` in bytes, 0 when nobody noted it."""

    version: str
    key: str
    sha256: str
    size: int = 0


class Pause(_Fact):
    """Somebody stopped all new effects."""

    by: str
    why: str
    at: Instant


class Storm(_Fact):
    """Too many nodes of a group are ill at once: the storm's own incident, and since when it is calm."""

    incident_id: str
    began_at: Instant
    calm_since: Instant | None = None


class Deployed(_Fact):
    """The release that was brought to a group last: to which nodes, and until when it is suspected first.

    ``rolled_back_by`` names the deployment that takes it back again, once it is found guilty.
    """

    deployment_id: str
    version: str
    suspected_until: Instant
    nodes: tuple[str, ...] = ()
    rolled_back_by: str = ""


class Fared(_Fact):
    """How a remedy fared for a symptom in a group: tries that were judged, and the last ones in vain."""

    tried: int = 0
    helped: int = 0
    in_vain: int = 0
    last_at: Instant

    @staticmethod
    def key(symptom: str, remedy: str) -> str:
        """Under which a group keeps it."""
        return f"{symptom}/{remedy}"


class GroupState(_Fact):
    """What is known and held of a group of nodes.

    ``troubled`` are the subjects that have an incident (open, or with a person), by subject;
    ``attempts`` the remedies that were admitted lately, by step; ``fared`` how remedies fared, by symptom and
    remedy; ``deploying`` is the one deployment that
    may touch the group now. ``drained`` are the nodes that get no requests because Nightshift took them out.
    """

    group: str
    app: str = ""
    auto_scaling_group: str = ""
    desired_release: Release | None = None
    leases: dict[str, Lease] = {}
    fence: int = 0
    paused: Pause | None = None
    pause_seq: int = 0
    pause_head: str = ""
    replacements: dict[str, str] = {}
    troubled: dict[str, str] = {}
    attempts: dict[str, Attempt] = {}
    fared: dict[str, Fared] = {}
    storm: Storm | None = None
    deployed: Deployed | None = None
    deploying: str = ""
    drained: frozenset[str] = frozenset()


class Reach(_Fact):
    """Who answers for a node besides its app: its agent (Systems Manager), its host (EC2's checks)."""

    agent: Literal["yes", "no", "unknown"] = "unknown"
    host: Literal["yes", "no", "unknown"] = "unknown"
    reason: str = "nobody was asked"


class Capacity(_Fact):
    """A group as Auto Scaling sees it now: how many nodes it wants, and which are InService and Healthy.

    ``largest`` is how many it may ever want; 0 when nobody asked.
    """

    desired: int
    largest: int = 0
    in_service: frozenset[str] = frozenset()


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
