"""What a person hears of a policy that was refused: where it is wrong, what holds meanwhile, what to do."""

from __future__ import annotations

from nightshift.events import PolicyChanged
from nightshift.pages import Page


def compose(change: PolicyChanged, in_force: str) -> Page:
    """The one page about a refusal; ``in_force`` is the version that stays, so that nothing is urgent."""
    lines = [
        f"What: the policy that was read at {change.occurred_at} ({change.policy_version}) is refused.",
        f"Why: {change.reason}",
        f"Meanwhile: version {in_force} stays in force; what it limits is limited still.",
        "Next: nightshift config show, mend the source that is named, nightshift config validate FILE",
    ]
    key = f"policy-{change.policy_version}-{change.occurred_at}"
    return Page(key, "[nightshift] a policy is refused", "\n".join(lines), severity="warning", kind="policy")
