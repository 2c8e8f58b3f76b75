"""An ELBv2 target group whose targets are instances, by its ARN.

A node leaves by being deregistered; the load balancer lets its requests end within the target group's
deregistration delay. It serves again when it is registered and found healthy by the target group's own
checks. By hand: ``aws elbv2 register-targets --target-group-arn ARN --targets Id=NODE``.
"""

from __future__ import annotations

from collections.abc import Sequence

from nightshift.aws.session import client

ADDRESS = (
    r"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:targetgroup/[A-Za-z0-9-]{1,32}/[0-9a-f]{1,32}$"
)
PERMISSIONS = (
    "elasticloadbalancing:DeregisterTargets",
    "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:DescribeTargetHealth",
)
_NOT_ATTACHED = "Target.NotInUse"  # no listener sends to this target group: nothing to wait for


def leave(address: str, nodes: Sequence[str]) -> tuple[str, ...]:
    """Deregister, and say who still drains."""
    elb = client("elbv2")
    elb.deregister_targets(TargetGroupArn=address, Targets=_targets(nodes))
    found = elb.describe_target_health(TargetGroupArn=address, Targets=_targets(nodes))
    return tuple(
        sorted(
            one["Target"]["Id"]
            for one in found["TargetHealthDescriptions"]
            if one["TargetHealth"]["State"] == "draining"
        )
    )


def join(address: str, nodes: Sequence[str]) -> tuple[str, ...]:
    """Register, and say who is not healthy yet; a target that is registered already keeps its health."""
    elb = client("elbv2")
    elb.register_targets(TargetGroupArn=address, Targets=_targets(nodes))
    found = elb.describe_target_health(TargetGroupArn=address, Targets=_targets(nodes))
    serving = {
        one["Target"]["Id"]
        for one in found["TargetHealthDescriptions"]
        if one["TargetHealth"]["State"] == "healthy" or one["TargetHealth"].get("Reason") == _NOT_ATTACHED
    }
    return tuple(sorted(set(nodes) - serving))


def _targets(nodes: Sequence[str]) -> list[dict[str, str]]:
    return [{"Id": node} for node in nodes]
