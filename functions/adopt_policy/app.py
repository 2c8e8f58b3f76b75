"""Read the policy from its sources and put it in force if it is sound; otherwise the last good one stays."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from nightshift import clock, policy, policy_changes, policy_provenance, policy_sizes, remedies, sources
from nightshift.aws import auto_scaling
from nightshift.aws.policies import Pointer, Refusal
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.errors import Refused
from nightshift.events import PolicyChanged, traceparent
from nightshift.fleet import Capacity
from nightshift.policy import Policy
from nightshift.policy_layers import Layers

logger = Logger()
REASON = 900  # characters of an event's reason
UNREAD = "unread"  # the version of texts that could not be read


class Environment(sources.Here):
    """Where the policy is written, where the adopted one is kept, and the bus."""

    policies_table: str
    bus_name: str


@entry(logger)
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Adopt what the sources say now; the answer says the version in force and why."""
    answer = adopt(clock.now())
    logger.info("policy", **answer)
    return answer


def adopt(now: datetime) -> dict[str, Any]:
    """Validate what the sources say together and point to it; a refused policy is never half in force."""
    policies, version = Stores.of(Environment).policies, UNREAD
    pointer = policies.pointer()
    try:
        layers = Layers(sources.texts(Environment.current()))
        version = policy_provenance.version(layers)
        if version == pointer.points_to:
            _settle(pointer, now)
            return _answer(version, "it is in force already")
        if not pointer.points_to and not layers.speaking:
            return _answer("", "no source says anything yet", code="policy.none")
        layers.require(pointer.sources)
        sound = policy.read(layers, remedies.names())
        policy_sizes.fit(layers, sound, _sizes(sound))
    except Refused as error:
        return _refuse(pointer, version, error, now)
    why = f"replaces {pointer.points_to or 'nothing'}{_altered(sound)}"
    following = Pointer(
        points_to=version, adopted_at=clock.iso(now), sources=layers.speaking, untold=why[:REASON]
    )
    policies.adopt(following, sound, policy_provenance.provenance(sound, layers), replaces=pointer)
    _settle(following, now)
    return _answer(version, why, adopted=True)


def _settle(pointer: Pointer, now: datetime) -> None:
    """Tell what is in force, unless that is done; a look that died before it is made good by the next one."""
    if pointer.untold:
        _publish(now, adopted=True, version=pointer.points_to, reason=pointer.untold)
    if pointer.untold or pointer.refused:
        Stores.of(Environment).policies.settle(pointer)


def _refuse(pointer: Pointer, version: str, error: Refused, now: datetime) -> dict[str, Any]:
    """Keep what is in force; tell it once, and log it at every look until it is mended."""
    refused = Refusal(policy_version=version, code=error.code, reason=error.message, at=clock.iso(now))
    logger.error("the policy is refused", code=error.code, reason=error.message, in_force=pointer.points_to)
    before = pointer.refused
    if before is None or (before.policy_version, before.code) != (version, error.code):
        _publish(now, adopted=False, version=version, reason=f"{error.code}: {error.message}")
        Stores.of(Environment).policies.refuse(pointer, refused)
    return _answer(pointer.points_to, error.message, code=error.code)


def _answer(version: str, reason: str, *, adopted: bool = False, code: str = "") -> dict[str, Any]:
    return {"adopted": adopted, "policy_version": version, "code": code, "reason": reason}


def _altered(sound: Policy) -> str:
    """What the new policy changes, in words; the loosened limits first, since they are what matters."""
    policies = Stores.of(Environment).policies
    if not policies.version():
        return ""
    try:
        _, before = policies.current()
    except ValidationError:  # written by code that knew other fields
        return ": what was in force cannot be read any more"
    found = policy_changes.changes(before, sound)
    words = [str(one) for one in sorted(found, key=lambda one: not one.loosens)]
    return f": {'; '.join(words)}" if words else ": nothing that is in force changes"


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
        reason=reason[:REASON],
    )
    Stores.of(Environment).bus.publish(change)
