"""Rules of an Application Load Balancer's listeners: what one does, and where it forwards to."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from nightshift.aws.session import client
from nightshift.errors import Refused

# What a second try does not change: the rule is not there, or we may not see it.
_NO_ANSWER = frozenset({"RuleNotFound", "AccessDenied", "AccessDeniedException", "ValidationError"})


def actions(rule: str) -> list[dict[str, Any]]:
    """What the rule does with requests; raises Refused ``front.unreadable`` when nobody can say."""
    try:
        found = client("elbv2").describe_rules(RuleArns=[rule])["Rules"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _NO_ANSWER:
            raise
        raise Refused("front.unreadable", f"{rule} cannot be read: {code}") from error
    if len(found) != 1:
        raise Refused("front.unreadable", f"{rule} is {len(found)} rules")
    told: list[dict[str, Any]] = found[0]["Actions"]
    return told


def forward(rule: str, target_group: str) -> None:
    """Replace what the rule does by forwarding to one target group."""
    client("elbv2").modify_rule(RuleArn=rule, Actions=[{"Type": "forward", "TargetGroupArn": target_group}])
