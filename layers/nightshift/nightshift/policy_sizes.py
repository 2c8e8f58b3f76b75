"""Does a policy fit its groups as large as they really are? What nobody can tell from its text alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nightshift.amounts import at_least, at_most
from nightshift.fleet import Capacity
from nightshift.policy import Policy, refused
from nightshift.policy_checks import Contradiction, placed
from nightshift.policy_healing import Healing
from nightshift.policy_layers import Layers
from nightshift.policy_source import Problem


def check(text: Layers, policy: Policy, sizes: Mapping[str, Capacity]) -> list[Problem]:
    """Limits that never let a group heal, or that let all of it be down at once, in the text's order.

    ``sizes`` are the groups as Auto Scaling has them now; they may grow to their largest size, so that is
    what counts. A group that is not there, or that may have no node, is not judged.
    """
    problems = set()
    for group, size in sizes.items():
        largest = max(size.largest, size.desired)
        if largest and group in policy.groups:
            found = _contradictions(group, policy.healing_of(group), largest)
            for one in placed(policy, group, set(policy.groups[group].healing), found):
                problems.add(text.problem(one.place, one.reason, one.code))
    return sorted(problems)


def fit(text: Layers, policy: Policy, sizes: Mapping[str, Capacity]) -> None:
    """Raises Refused ``policy.invalid`` for limits that a group of its real size could not live with."""
    problems = check(text, policy, sizes)
    if problems:
        raise refused(problems)


def _contradictions(group: str, healing: Healing, largest: int) -> Iterator[Contradiction]:
    most, needed = at_most(healing.max_in_repair, largest), at_least(healing.min_healthy, largest)
    of = f"of at most {largest} nodes"
    if most == 0:
        reason = f"group {group} would never heal: max_in_repair {healing.max_in_repair} is 0 {of}"
        yield ("max_in_repair",), reason
    if needed >= largest:
        reason = f"min_healthy {healing.min_healthy} is {needed} {of}, besides the one that is healed"
        yield ("min_healthy",), f"group {group} would never heal: {reason}"
    if most >= largest > 1 and needed == 0:
        reason = f"group {group} could lose every node at once: max_in_repair {healing.max_in_repair}"
        yield ("max_in_repair", "min_healthy"), f"{reason} is {most} {of}, min_healthy {healing.min_healthy}"
