"""Replace the node: terminate it in its Auto Scaling group, which launches a fresh one.

Helps against everything that is wrong with the machine. Takes 5 to 10 minutes and loses what only
this node had. Refused while the group's processes are suspended, while an instance refresh runs, or
when the instance is not InService. The fresh node gets the group's desired release before it counts.
By hand: ``aws autoscaling terminate-instance-in-auto-scaling-group --instance-id ID
--no-should-decrement-desired-capacity``.
"""

from typing import Literal

from nightshift.remedies import Target

STATE: Literal["ReplaceNode"] = "ReplaceNode"
RISK: Literal["high"] = "high"
EXPECTED_SECONDS = 450
INTERRUPTS = True
PERMISSIONS = (
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeInstanceRefreshes",
)
DOCUMENT = ""


def parameters(_: Target) -> dict[str, str]:
    """No document runs on a node that goes away."""
    return {}
