"""How a deployment is planned: whether it is its turn, which release it is of, and what its gates are asked.

Pure: what is known of the deployment, its groups and the app's releases comes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nightshift import clock
from nightshift.decisions import rollback
from nightshift.decisions.gates import Consent, Passage
from nightshift.decisions.recorded import Asked
from nightshift.decisions.release_drift import wanted
from nightshift.decisions.rollout import Plan
from nightshift.deployment import Deployment
from nightshift.fleet import GroupState, Release
from nightshift.gate import Report
from nightshift.policy import Policy
from nightshift.policy_apps import App, Gate
from nightshift.releases import Built


@dataclass(frozen=True)
class Case:
    """One deployment before its plan, with its group as it was read and the policy of ``version``.

    ``beside`` is the group that has the requests meanwhile, of a blue-green app.
    """

    deployment: Deployment
    app: App
    group: GroupState
    beside: GroupState | None
    policy: Policy
    version: str
    now: datetime

    @property
    def serving(self) -> GroupState:
        """The group whose nodes get requests now."""
        return self.beside or self.group

    @property
    def groups(self) -> tuple[GroupState, ...]:
        """Where nobody else may deploy meanwhile."""
        return (self.group, self.beside) if self.beside else (self.group,)


@dataclass(frozen=True)
class Chosen:
    """The release that is to be deployed.

    Without a ``release`` there is nothing to do, and ``reason`` says why; ``code`` names a refusal.
    """

    release: Built | None
    reason: str = ""
    code: str = ""


@dataclass(frozen=True)
class Planned:
    """A plan that may begin: the release, what can be gone back to, and the batches of ``desired`` nodes."""

    release: Built
    previous: Release | None
    plan: Plan
    desired: int

    def told(self, deployment: Deployment, passed: str) -> dict[str, object]:
        """What the journal says of it; ``passed`` is what its gates said."""
        return {
            "app": deployment.app,
            "group": deployment.group,
            "version": self.release.version,
            "sha256": self.release.sha256,
            "commit": self.release.commit,
            "gates": passed,
            "previous": self.previous.version if self.previous else "",
            "batches": [list(batch) for batch in self.plan.batches],
            "desired": self.desired,
            "serving": deployment.crossing.serving if deployment.crossing else "",
        }

    def changes(self, case: Case) -> dict[str, object]:
        """What the deployment is from now on. Who is ill in its group already is no fault of this release."""
        return {
            "state": "InProgress",
            "release": self.release.artifact,
            "previous": self.previous,
            "commit": self.release.commit,
            "author": self.release.author,
            "message": self.release.message,
            "batches": self.plan.batches,
            "desired": self.desired,
            "troubled_before": tuple(sorted(case.group.troubled)),
            "planned_at": clock.iso(case.now),
        }


def turn(case: Case) -> Passage:
    """Whether it may be planned now: nobody stopped it, it is in time, and its groups are nobody else's."""
    deployment, seconds = case.deployment, case.app.strategy.deadline_seconds
    if deployment.stop_requested:
        return Passage("stop", f"stopped by {deployment.stop_requested}")
    if case.now >= clock.parse(deployment.created_at) + clock.seconds(seconds):
        return Passage("late", f"its turn did not come within {seconds} s")
    for group in case.groups:
        if group.deploying not in ("", deployment.deployment_id):
            return Passage("wait", f"{group.deploying} is being deployed to {group.group}")
    return Passage("go", "nobody else deploys there")


def named(version: str, known: Built | None) -> Chosen:
    """The release that was asked for by its ``version``."""
    if known is None:
        return Chosen(None, f"there is no release {version}", "deployment.unknown_release")
    return Chosen(known)


def head(case: Case, built: Built) -> Chosen:
    """The release of the head, unless the group that gets requests runs it, or a push of it failed before."""
    deployment, version, group = case.deployment, built.version, case.group.group
    if wanted(case.serving) == version:
        ref = deployment.ref or case.app.branch
        return Chosen(None, f"{case.serving.group} runs {version} already, which is {ref} now")
    if built.state_in(group) == "failed" and deployment.kind == "push":
        reason = f"{version} failed in {group} before: push a new commit"
        return Chosen(None, reason, "deployment.failed_before")
    return Chosen(built)


def back(case: Case, known: Sequence[Built]) -> Chosen:
    """The last good release; nothing when somebody else took back meanwhile what is to be undone."""
    deployment, suspect = case.deployment, case.group.deployed
    if deployment.undoes and (suspect is None or suspect.rolled_back_by != deployment.deployment_id):
        return Chosen(None, f"{deployment.undoes} was taken back already")
    way = rollback.way_back(known, case.group.group, wanted(case.serving), {})
    return Chosen(way.target, way.reason, way.code)


def gates_of(case: Case, built: Built) -> Sequence[Gate]:
    """What is asked: nothing of what proved itself in the group before, nor of a rollback."""
    proven = case.deployment.kind == "rollback" or built.state_in(case.group.group) == "good"
    return () if proven else case.app.gates


def asked(case: Case, built: Built, reports: Sequence[Report]) -> Asked:
    """What its gates are judged by; a person's answer counts until the deployment's own deadline at most."""
    began = clock.parse(case.deployment.created_at)
    ends = began + clock.seconds(case.app.strategy.deadline_seconds)
    until = min(case.now + clock.seconds(case.app.approval_seconds), ends)
    consent = Consent(case.deployment.approval, built.version, until)
    deadline = began + clock.seconds(case.app.gates_seconds)
    return Asked(gates_of(case, built), reports, consent, case.now, deadline)
