"""Does a node's agent answer, and does its host? Two questions to two services, never one for the other."""

from __future__ import annotations

from typing import Any, Literal

from nightshift.aws.session import client
from nightshift.fleet import Reach

Answer = Literal["yes", "no", "unknown"]


def look(node_id: str) -> Reach:
    """Ask Systems Manager for the agent's ping and EC2 for its status checks.

    EC2 answers ``impaired`` only for what it checks itself; a check that has no result yet is unknown.
    """
    key = [{"Key": "InstanceIds", "Values": [node_id]}]
    agents = client("ssm").describe_instance_information(Filters=key)["InstanceInformationList"]
    hosts = client("ec2").describe_instance_status(InstanceIds=[node_id], IncludeAllInstances=True)
    ping = agents[0]["PingStatus"] if agents else "not registered"
    checks = _checks(hosts["InstanceStatuses"])
    agent: Answer = "yes" if ping == "Online" else "no"
    host: Answer = "no" if "impaired" in checks else "yes" if set(checks) == {"ok"} else "unknown"
    said = ", ".join(checks) or "no answer"
    return Reach(agent=agent, host=host, reason=f"agent {ping}; host checks: {said}")


def _checks(statuses: list[dict[str, Any]]) -> list[str]:
    return [str(one[part]["Status"]) for one in statuses for part in ("InstanceStatus", "SystemStatus")]
