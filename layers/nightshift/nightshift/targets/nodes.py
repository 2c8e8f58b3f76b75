"""Nodes of an Auto Scaling group: a unit is a node, and a release is a document that its agent runs.

``Nightshift-InstallRelease`` fetches the archive, flips ``releases/current`` and restarts the service; its
end comes as the command's event. A node is well when its symptoms stayed away, by samples newer than that.
By hand: unpack the archive into ``releases/VERSION``, point ``releases/current`` at it, restart the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nightshift.aws import auto_scaling, commands, evidence, group_health
from nightshift.aws.commands import Invocation
from nightshift.aws.stores import Stores
from nightshift.errors import NightshiftError
from nightshift.fleet import GroupState
from nightshift.incident import Sample
from nightshift.policy import Policy
from nightshift.ports import Order, Target, Unit, Units

DOCUMENT = "Nightshift-InstallRelease"
_LOOK = ("autoscaling:DescribeAutoScalingGroups", "cloudwatch:GetMetricData", "dynamodb:BatchGetItem")
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "plan_deployment": _LOOK,
    "deploy_batch": ("ssm:SendCommand", "ssm:ListCommandInvocations"),
    "advance_deployment": _LOOK,
}


def over(stores: Stores) -> Target:
    """The nodes of the inventory."""
    return _Nodes(stores)


@dataclass(frozen=True)
class _Nodes:
    stores: Stores
    inventoried: bool = True

    def look(self, policy: Policy, group: GroupState, now: datetime) -> Units:
        """The nodes that both the inventory and Auto Scaling have in service, by samples of now."""
        capacity = auto_scaling.capacity(policy.groups[group.group].auto_scaling_group)
        nodes, inspections = self.stores.nodes, self.stores.inspections
        seen = group_health.look(nodes, inspections, policy, group, capacity.in_service, now)
        units = (Unit(one.node_id, seen.health(one.node_id), one.release) for one in seen.nodes)
        return Units(capacity.desired, tuple(units))

    def bring(self, order: Order, now: datetime) -> Invocation | None:
        """Send the document; a node that cannot be sent to has failed."""
        step, release, steps = order.step, order.release, self.stores.steps
        parameters = {
            "StepId": step.step_id,
            "Fence": str(step.fence),
            "Service": order.service,
            "Version": release.version,
            "Url": order.url,
            "Sha256": release.sha256,
            "Size": str(release.size),
            "Mode": "install",
            **order.settings,
        }
        try:
            command_id = commands.send(DOCUMENT, step.node_id, parameters, f"nightshift {step.step_id}")
        except NightshiftError as error:
            return Invocation.not_begun(error)
        end = steps.sent(command_id, step.step_id, step.node_id, now)
        return commands.invocation(command_id, step.node_id) if end.complete else None

    def samples(
        self, policy: Policy, node_id: str, since: datetime, now: datetime
    ) -> Mapping[str, tuple[Sample, ...]]:
        """CloudWatch's, else what inspections saw."""
        return evidence.samples(self.stores.inspections, policy.symptoms, node_id, since, now)
