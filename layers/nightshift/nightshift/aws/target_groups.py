"""Elastic Load Balancing: take nodes out of a target group before they are touched, and back after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nightshift.aws.session import client
from nightshift.policy import Group
from nightshift.ports import Traffic, Unswitched

_NOT_ATTACHED = "Target.NotInUse"  # no listener sends to this target group: nothing to wait for


def of(group: Group) -> Traffic:
    """What a group's traffic is switched by, as its policy says."""
    return TargetGroup(group.traffic.target_group) if group.traffic else Unswitched()


@dataclass(frozen=True)
class TargetGroup:
    """One target group, by its ARN, whose targets are instances."""

    arn: str

    def leave(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Deregister; the load balancer lets requests end for the target group's deregistration delay."""
        elb = client("elbv2")
        elb.deregister_targets(TargetGroupArn=self.arn, Targets=_targets(nodes))
        found = elb.describe_target_health(TargetGroupArn=self.arn, Targets=_targets(nodes))
        return tuple(
            sorted(
                one["Target"]["Id"]
                for one in found["TargetHealthDescriptions"]
                if one["TargetHealth"]["State"] == "draining"
            )
        )

    def join(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Register; a target that is registered already keeps its health."""
        elb = client("elbv2")
        elb.register_targets(TargetGroupArn=self.arn, Targets=_targets(nodes))
        found = elb.describe_target_health(TargetGroupArn=self.arn, Targets=_targets(nodes))
        serving = {
            one["Target"]["Id"]
            for one in found["TargetHealthDescriptions"]
            if one["TargetHealth"]["State"] == "healthy" or one["TargetHealth"].get("Reason") == _NOT_ATTACHED
        }
        return tuple(sorted(set(nodes) - serving))


def _targets(nodes: Sequence[str]) -> list[dict[str, str]]:
    return [{"Id": node} for node in nodes]
