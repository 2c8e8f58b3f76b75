"""Read the operator's policy, and put it in force if it is sound; otherwise the last good one stays."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, policy, policy_sizes, remedies
from nightshift.aws import artifacts, auto_scaling
from nightshift.aws.stores import Stores
from nightshift.errors import Refused
from nightshift.events import PolicyChanged, traceparent
from nightshift.incident import Capacity
from nightshift.policy import Policy
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """Where the policy is written, where the adopted one is kept, and the bus."""

    artifacts_bucket: str
    policy_key: str
    policies_table: str
    bus_name: str


@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Adopt what the bucket holds now; the answer says the version in force and why."""
    here = Environment.current()
    answer = adopt(artifacts.text(here.artifacts_bucket, here.policy_key), clock.now())
    logger.info("policy", **answer)
    return answer


def adopt(text: str, now: datetime) -> dict[str, Any]:
    """Validate ``text`` and point to it; a refused policy is an event and an ERROR, never half in force."""
    policies, version = Stores.of(Environment).policies, hashlib.sha256(text.encode()).hexdigest()[:12]
    in_force = policies.version()
    if version == in_force:
        return {"adopted": False, "policy_version": version, "code": "", "reason": "it is in force already"}
    try:
        sound = policy.read(text, remedies.names())
        policy_sizes.fit(text, sound, _sizes(sound))
    except Refused as error:
        logger.error(  # noqa: TRY400 - a refusal is no crash: its reason says all
            "the policy is refused", code=error.code, reason=error.message, in_force=in_force
        )
        _publish(now, adopted=False, version=version, reason=f"{error.code}: {error.message}")
        return {"adopted": False, "policy_version": in_force, "code": error.code, "reason": error.message}
    policies.adopt(version, sound, clock.iso(now))
    _publish(now, adopted=True, version=version, reason=f"replaces {in_force or 'nothing'}")
    return {
        "adopted": True,
        "policy_version": version,
        "code": "",
        "reason": f"replaces {in_force or 'nothing'}",
    }


def _sizes(sound: Policy) -> dict[str, Capacity]:
    """How large each group is and may become; one that Auto Scaling does not know is judged when it comes."""
    found: dict[str, Capacity] = {}
    for name, group in sound.groups.items():
        try:
            found[name] = auto_scaling.capacity(group.auto_scaling_group)
        except Refused as unknown:
            logger.warning("a group is not there", code=unknown.code, reason=unknown.message)
    return found


def _publish(now: datetime, *, adopted: bool, version: str, reason: str) -> None:
    at = clock.iso(now)
    change = PolicyChanged(
        occurred_at=at,
        traceparent=traceparent(version, at),
        adopted=adopted,
        policy_version=version,
        reason=reason[:900],
    )
    Stores.of(Environment).bus.publish(change)
