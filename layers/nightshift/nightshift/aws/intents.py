"""The intent of an effect: written before the effect, in one transaction with everything that must hold.

The transaction loses, and nothing is done, when somebody paused Nightshift in the meantime, when the
incident no longer holds the node's lease under its own fence, or when the incident has changed.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from nightshift import clock
from nightshift.aws import tables
from nightshift.aws.groups import Groups
from nightshift.aws.incidents import Incidents
from nightshift.aws.nodes import Nodes
from nightshift.aws.policies import Policies
from nightshift.aws.steps import Steps
from nightshift.aws.tables import Write
from nightshift.errors import Conflict, Permanent
from nightshift.fleet import Attempt, Node
from nightshift.incident import Incident, Level, Step
from nightshift.journal import Note

RETRIES = 5  # MaxAttempts of ApplyRemedy and ReplaceNode in statemachines/heal.asl.json; a test compares them


class Ordered(BaseModel):
    """What the heal machine orders: one remedy, one rung, and the token that waits for its result.

    ``tries`` counts how often the machine has tried this order before.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    incident_id: str
    level: int
    remedy: str
    symptom: str
    token: str
    tries: int = 0

    @property
    def last_try(self) -> bool:
        """Whether the machine will not try this order again, so that a failure is the step's result."""
        return self.tries >= RETRIES

    @property
    def step_id(self) -> str:
        """The same order always names the same step."""
        return f"{self.incident_id}-{self.remedy.replace('_', '-')}"

    def step(self, incident: Incident, at: str) -> Step:
        """The step that this order is, on the node that the incident is about now."""
        return Step(
            step_id=self.step_id,
            incident_id=self.incident_id,
            node_id=incident.node_id,
            remedy=self.remedy,
            fence=incident.fence,
            token=self.token,
            intended_at=at,
        )

    def rung(self, at: str) -> Level:
        """The incident's record of this order, from its intent on."""
        return Level(
            level=self.level, remedy=self.remedy, symptom=self.symptom, step_id=self.step_id, started_at=at
        )


class Intents:
    """Records intents; knows an order that it has seen before."""

    def __init__(
        self, incidents: Incidents, nodes: Nodes, groups: Groups, steps: Steps, policies: Policies
    ) -> None:
        self._incidents, self._nodes, self._groups = incidents, nodes, groups
        self._steps, self._policies = steps, policies

    def record(self, order: Ordered, now: datetime, actor: str, *, successor: bool = False) -> Step:
        """The step of ``order``, its intent written once. A retried order that still holds its node only
        brings its new token.

        With ``successor`` the step will wait for the node that takes this one's place.
        Raises Conflict when the intent may not be written now, Permanent ``node.unknown``.
        """
        known = self._steps.get(order.step_id)
        if known:
            self.confirm(known, now)
            self._steps.await_with(order.step_id, order.token)
            return known.model_copy(update={"token": order.token})
        incident = self._incidents.get(order.incident_id)
        node = self._node(incident)
        step = order.step(incident, clock.iso(now))
        waiting = step.step_id if successor else ""
        writes = [
            self._steps.intend(step, now),
            self._attempt(order, node, now),
            self._groups.not_paused(),
            self._groups.holds_lease(
                node.group,
                node.node_id,
                incident_id=incident.incident_id,
                fence=incident.fence,
                now=step.intended_at,
                successor=waiting,
            ),
        ]
        reason = f"level {order.level}: {order.remedy} on {node.name}"
        inputs = {"step_id": step.step_id, "fence": step.fence, "node_id": node.node_id}
        # Where no document runs, the last look at the node is what stands before this rung.
        rung = order.rung(step.intended_at).model_copy(
            update={"diagnostics": incident.diagnosed if successor else ""}
        )
        levels = (*incident.levels, rung)
        try:
            self._incidents.record(
                incident, now, Note("intent", actor, "act", reason, inputs), *writes, levels=levels
            )
        except Conflict as error:
            raise Conflict(
                "intent.not_admitted", f"nothing was done: {error.message}", **error.context
            ) from error
        return step

    def confirm(self, step: Step, now: datetime) -> None:
        """Check once more, before an effect, that the step's incident still holds its node under its fence.

        A successor that has come already is held in its predecessor's stead. Raises Conflict when it is not.
        """
        incident = self._incidents.get(step.incident_id)
        node = self._node(incident)
        held = self._groups.holds_lease(
            node.group,
            node.node_id,
            incident_id=incident.incident_id,
            fence=step.fence,
            now=clock.iso(now),
        )
        try:
            tables.transact([held])
        except Conflict as error:
            raise Conflict(
                "intent.not_admitted", f"nothing more is done: {error.message}", **error.context
            ) from error

    def _node(self, incident: Incident) -> Node:
        node = self._nodes.get(incident.node_id)
        if node is None:
            raise Permanent("node.unknown", f"{incident.node_id} is not in the inventory")
        return node

    def _attempt(self, order: Ordered, node: Node, now: datetime) -> Write:
        _, policy = self._policies.current()
        attempt = Attempt(
            at=clock.iso(now), remedy=order.remedy, symptom=order.symptom, incident_id=order.incident_id
        )
        begin = now - clock.seconds(policy.healing_of(node.group).attempts_window_seconds)
        return self._nodes.attempt(node, attempt, clock.iso(begin))
