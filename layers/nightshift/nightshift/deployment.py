"""One deployment: a release on its way to a group, or back; and how far it came on each node."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from nightshift.events import Instant
from nightshift.fleet import Release
from nightshift.front import Crossing
from nightshift.incident import Approval
from nightshift.strategy import Trigger

Kind = Literal["push", "manual", "rollback", "converge"]
State = Literal["Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped"]
NodeState = Literal["InProgress", "Succeeded", "Failed"]
OVER: frozenset[State] = frozenset({"Succeeded", "Failed", "Stopped"})
#: What a deployment's step is called, where a remedy's name stands otherwise.
DEPLOY = "deploy_release"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Touched(_Fact):
    """One node that was touched. It is judged from ``acted_at`` on, which is when its document was over."""

    state: NodeState = "InProgress"
    step_id: str
    started_at: Instant
    acted_at: Instant | None = None
    ended_at: Instant | None = None
    detail: str = ""


class Deployment(_Fact):
    """The state of one deployment. ``version`` grows with every write; ``head`` is the journal's last hash.

    ``ref`` is the tag that is deployed, empty for the app's branch. ``previous`` is what can be gone back to;
    ``release`` is known once it is planned. ``undoes`` is the deployment that a rollback takes back,
    ``undone_by`` the rollback. ``troubled_before`` are subjects that were ill before anything was touched: no
    fault of this release. ``step`` is what was decided last. A ``converge`` brings one node to what its group
    runs already; a person hears of it only when its ``last_attempt`` failed. A blue-green one has a
    ``crossing``; its ``group`` is the idle one from its plan on.
    """

    deployment_id: str
    app: str
    group: str
    kind: Kind = "push"
    last_attempt: bool = False
    ref: str = ""
    commit: str = ""
    author: str = ""
    message: str = ""
    by: str = ""
    state: State = "Created"
    reason: str = ""
    approval: Approval | None = None
    release: Release | None = None
    previous: Release | None = None
    batches: tuple[tuple[str, ...], ...] = ()
    nodes: dict[str, Touched] = {}
    fence: int = 0
    desired: int = 0
    troubled_before: tuple[str, ...] = ()
    crossing: Crossing | None = None
    stop_requested: str = ""
    step: str = ""
    trigger: Trigger | None = None
    undoes: str = ""
    undone_by: str = ""
    created_at: Instant
    planned_at: Instant | None = None
    batch_ended_at: Instant | None = None
    closed_at: Instant | None = None
    version: int = 0
    seq: int = 0
    head: str = ""

    @property
    def id(self) -> str:
        """What it is called."""
        return self.deployment_id

    @property
    def ended(self) -> str:
        """How it ended; empty while it is not over."""
        return self.state if self.is_over else ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in OVER

    @property
    def subject(self) -> str:
        """What it is, for people: the release and where it goes."""
        return f"{self.app} {self.release.version if self.release else self.commit[:12]} to {self.group}"


def convergence_of(group: str, node_id: str, version: str, number: int, at: str) -> str:
    """The id of the attempt ``number`` to bring a node to its group's release: one, whoever begins it.

    ``at`` is when the node was registered, so that attempts are counted for as long as it lives.
    """
    digest = hashlib.sha256(f"converge {group} {node_id} {version} {number}".encode()).hexdigest()
    return f"dep-{at[:10].replace('-', '')}-{digest[:10]}"


def undo_of(deployment_id: str, now: datetime) -> str:
    """The id of the deployment that takes another one back: there is one, whoever begins it that day."""
    digest = hashlib.sha256(f"undo {deployment_id}".encode()).hexdigest()
    return f"dep-{now:%Y%m%d}-{digest[:10]}"
