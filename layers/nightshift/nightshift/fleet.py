"""The fleet as it is known: nodes and groups, and what is held, remembered and wanted of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from nightshift.events import Instant


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


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


class Reach(_Fact):
    """Who answers for a node besides its app: its agent (Systems Manager), its host (EC2's checks)."""

    agent: Literal["yes", "no", "unknown"] = "unknown"
    host: Literal["yes", "no", "unknown"] = "unknown"
    reason: str = "nobody was asked"


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


class Capacity(_Fact):
    """A group as Auto Scaling sees it now: how many nodes it wants, and which are InService and Healthy.

    ``largest`` is how many it may ever want; 0 when nobody asked.
    """

    desired: int
    largest: int = 0
    in_service: frozenset[str] = frozenset()
