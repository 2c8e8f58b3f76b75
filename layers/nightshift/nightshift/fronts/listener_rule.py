"""A rule of an Application Load Balancer's listener, by its ARN, that forwards to one target group.

Only a rule whose one action forwards to one target group is understood: weights, redirects and logins are
not, since switching would lose them. By hand: ``aws elbv2 modify-rule --rule-arn ARN
--actions Type=forward,TargetGroupArn=ARN``; where it stands: ``aws elbv2 describe-rules --rule-arns ARN``.
"""

from __future__ import annotations

from nightshift.aws import listener_rules
from nightshift.errors import Refused
from nightshift.traffic import target_group

ADDRESS = (
    r"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener-rule/app/[A-Za-z0-9-]{1,32}"
    r"(/[0-9a-f]{1,32}){3}$"
)
TARGET = target_group.ADDRESS
READS = ("elasticloadbalancing:DescribeRules",)
SWITCHES = ("elasticloadbalancing:ModifyRule",)


def serving(address: str) -> str:
    """The target group that the rule forwards to."""
    actions = listener_rules.actions(address)
    kinds = ", ".join(sorted(one["Type"] for one in actions))
    if kinds != "forward":
        reason = f"{address} does more than forward: {kinds or 'nothing'}"
        raise Refused("front.ambiguous", reason)
    (action,) = actions
    groups = action.get("ForwardConfig", {}).get("TargetGroups") or [action]
    found = {one.get("TargetGroupArn", "") for one in groups}
    if len(found) != 1 or "" in found:
        raise Refused("front.ambiguous", f"{address} forwards to {len(found)} target groups, not to one")
    return str(found.pop())


def switch(address: str, target: str) -> None:
    """Forward to ``target`` alone; in one call, so that no request finds nobody."""
    listener_rules.forward(address, target)
