"""What a policy must not say although each value alone is fine: contradictions, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from nightshift import policy_inspection, policy_notify

if TYPE_CHECKING:  # the policy is read with these checks: at run time the import goes one way
    from nightshift.policy import Policy
    from nightshift.policy_healing import Healing

Place = tuple[str | int, ...]
Contradiction = tuple[tuple[str, ...], str]  # the limits that contradict, and why
#: What must be shorter than what, and what would happen otherwise.
SHORTER = (
    ("settle_seconds", "verify_timeout_seconds", "no remedy could show its effect in time"),
    ("verify_timeout_seconds", "lease_seconds", "the lease would end while a remedy is being verified"),
    ("verify_timeout_seconds", "deadline_seconds", "an incident would be over before its first remedy is"),
    ("cooldown_seconds", "deadline_seconds", "an incident would be over while its node still rests"),
)
#: What may be as long as what, and no longer.
NO_LONGER = (
    ("settle_seconds", "stale_seconds", "the samples that must show it gone would be too old to count"),
    ("recheck_seconds", "deadline_seconds", "a waiting incident would never ask again"),
)


@dataclass(frozen=True)
class Objection:
    """A contradiction: where, and why."""

    place: Place
    reason: str
    code: str = "policy.invalid"


def objections(policy: Policy, remedies: frozenset[str]) -> Iterator[Objection]:
    """Everything that contradicts; ``remedies`` are the names that a ladder may use."""
    yield from _twice(policy)
    yield from _symptoms(policy, remedies)
    yield from _windows(policy)
    yield from _strategies(policy)
    yield from _gates(policy)
    yield from _ssh(policy)
    for place, reason in (*policy_inspection.objections(policy), *policy_notify.objections(policy)):
        yield Objection(place, reason)
    for group, facts in policy.groups.items():
        try:
            healing = policy.healing_of(group)
        except ValidationError as error:
            for part in error.errors():
                reason = part["msg"].removeprefix("Value error, ")
                yield Objection(("groups", group, "healing", *part["loc"]), reason)
            continue
        yield from _limits(policy, group, healing, set(facts.healing))


def _twice(policy: Policy) -> Iterator[Objection]:
    """Two policies for one node, or two symptoms for one alarm."""
    groups: dict[str, str] = {}
    for name, group in policy.groups.items():
        known = groups.setdefault(group.auto_scaling_group, name)
        if known != name:
            reason = f"{group.auto_scaling_group} belongs to {known} already: a node would have two policies"
            yield Objection(("groups", name, "auto_scaling_group"), reason)
    metrics: dict[tuple[str, str], str] = {}
    for name, symptom in policy.symptoms.items():
        known = metrics.setdefault((symptom.metric.namespace, symptom.metric.name), name)
        if known != name:
            reason = f"{known} reads the same metric: an alarm would not name one"
            yield Objection(("symptoms", name, "metric"), reason)


def _ssh(policy: Policy) -> Iterator[Objection]:
    """A node by SSH has no Auto Scaling group behind it, and none of the guards that count by it."""
    for name, node in policy.ssh.nodes.items():
        if node.group in policy.groups:
            reason = f"the nodes of {node.group} are those of its Auto Scaling group; name another group"
            yield Objection(("ssh", "nodes", name, "group"), reason)


def _symptoms(policy: Policy, remedies: frozenset[str]) -> Iterator[Objection]:
    for name, symptom in policy.symptoms.items():
        resolution = symptom.metric.resolution_seconds
        if symptom.period_seconds < resolution:
            reason = (
                f"period_seconds {symptom.period_seconds} is shorter than resolution_seconds {resolution}"
            )
            yield Objection(
                ("symptoms", name, "period_seconds"), f"{reason}: most periods would hold no sample"
            )
        for number, remedy in enumerate(symptom.ladder):
            if remedy not in remedies:
                reason = f"there is no {remedy}; there are {', '.join(sorted(remedies))}"
                yield Objection(("symptoms", name, "ladder", number), reason, "policy.unknown_remedy")


def _strategies(policy: Policy) -> Iterator[Objection]:
    """What could only be refused later, at each push."""
    for name, app in policy.apps.items():
        front, groups = app.strategy.front, sorted(set(app.groups))
        if front and sorted(front.target_groups) != groups:
            known = ", ".join(sorted(front.target_groups))
            reason = f"the app's groups are {', '.join(groups)}; its front must know these two, not {known}"
            yield Objection(("apps", name, "strategy", "front"), reason)
        for other, sharing in policy.apps.items():
            shared = sorted(set(groups) & set(sharing.groups)) if other != name else []
            if front and shared:
                reason = f"{', '.join(shared)} is {other}'s too: it would be touched while it has requests"
                yield Objection(("apps", name, "groups"), reason)


def _windows(policy: Policy) -> Iterator[Objection]:
    for number, window in enumerate(policy.maintenance):
        for index, group in enumerate(window.groups):
            if group not in policy.groups:
                reason = f"there is no group {group}; there are {', '.join(sorted(policy.groups))}"
                yield Objection(("maintenance", number, "groups", index), reason)


def _gates(policy: Policy) -> Iterator[Objection]:
    for name, app in policy.apps.items():
        known: set[str] = set()
        for index, gate in enumerate(app.gates):
            if gate.name in known:
                yield Objection(("apps", name, "gates", index), f"{gate.name} is among the gates already")
            known.add(gate.name)


def _limits(policy: Policy, group: str, healing: Healing, own: set[str]) -> Iterator[Objection]:
    """Limits of one group that contradict each other or what its symptoms need."""
    found = (*_order(healing), *_needs(policy, healing), *_never(group, healing))
    yield from placed(policy, group, own, found)


def placed(policy: Policy, group: str, own: set[str], found: Iterable[Contradiction]) -> Iterator[Objection]:
    """Contradictions of a group's limits where they are written; ``own`` are those it says for itself."""
    for names, reason in found:
        # What the group says for itself, else what the policy says; what neither says is a default.
        of_group = [name for name in names if name in own]
        of_policy = [name for name in names if name in policy.healing.model_fields_set]
        if of_group:
            yield Objection(("groups", group, "healing", of_group[0]), reason)
        else:
            yield Objection(("healing", (of_policy or names)[0]), reason)


def _order(healing: Healing) -> Iterator[Contradiction]:
    """Limits that must be shorter than others."""
    for rules, most, must in ((SHORTER, -1, "be shorter"), (NO_LONGER, 0, "not be longer")):
        for short, long, why in rules:
            first, second = getattr(healing, short), getattr(healing, long)
            if first > second + most:
                yield (short, long), f"{short} {first} must {must} than {long} {second}: {why}"


def _needs(policy: Policy, healing: Healing) -> Iterator[Contradiction]:
    """Limits that leave a symptom no time."""
    for name, symptom in policy.symptoms.items():
        least = 2 * symptom.metric.resolution_seconds
        if healing.stale_seconds < least:
            reason = (
                f"stale_seconds {healing.stale_seconds} must be at least {least}, twice the resolution of"
            )
            yield ("stale_seconds",), f"{reason} {name}'s metric: nothing would ever be fresh"
        if symptom.for_seconds >= healing.deadline_seconds:
            reason = f"deadline_seconds {healing.deadline_seconds} must be longer than for_seconds"
            why = "an incident would be over before anything may be done"
            yield ("deadline_seconds",), f"{reason} {symptom.for_seconds} of {name}: {why}"


def _never(group: str, healing: Healing) -> Iterator[Contradiction]:
    """Limits that never let a group heal, or that let everything die, whatever its size."""
    if healing.max_in_repair in (0, "0%"):
        yield ("max_in_repair",), f"group {group} would never heal: max_in_repair is {healing.max_in_repair}"
    if healing.min_healthy == "100%":
        yield ("min_healthy",), f"group {group} would never heal: min_healthy is 100%"
    if healing.max_in_repair == "100%" and healing.min_healthy in (0, "0%"):
        reason = f"group {group} could lose every node at once: max_in_repair 100%, min_healthy 0"
        yield ("max_in_repair", "min_healthy"), reason
