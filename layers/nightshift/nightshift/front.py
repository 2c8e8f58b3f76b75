"""What sends an app's requests to one of its groups, as a policy names it and as a deployment crosses it."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nightshift import fronts
from nightshift.amounts import Name
from nightshift.errors import NightshiftError, Refused
from nightshift.events import Instant

PAIR = 2  # blue and green


class Front(BaseModel):
    """The switch of a blue-green app. Which group gets requests is always asked of the front itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Name = Field(description="What it is: a file in `fronts`")
    address: str = Field(max_length=500, description="Which one: the rule's ARN")
    target_groups: dict[Name, Annotated[str, Field(description="The target group's ARN")]] = Field(
        description="What each of the app's two groups is called there"
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.kind not in fronts.names():
            raise ValueError(f"there is no front {self.kind}; there are {', '.join(fronts.names())}")
        kind = fronts.load(self.kind)
        if not re.fullmatch(kind.ADDRESS, self.address):
            raise ValueError(f"{self.address!r} is no address of a {self.kind}")
        for group, target in self.target_groups.items():
            if not re.fullmatch(kind.TARGET, target):
                raise ValueError(f"{target!r} of {group} is no target of a {self.kind}")
        if len(self.target_groups) != PAIR or len(set(self.target_groups.values())) != PAIR:
            raise ValueError("target_groups must name two groups, each with a target of its own")
        return self

    def serving(self) -> str:
        """The group that gets the requests now; raises Refused ``front.ambiguous`` when it is neither."""
        target = fronts.load(self.kind).serving(self.address)
        found = [group for group, known in self.target_groups.items() if known == target]
        if not found:
            pair = " nor ".join(self.target_groups)
            raise Refused("front.ambiguous", f"requests go to {target} by {self.address}, neither to {pair}")
        return found[0]

    def idle(self, serving: str) -> str:
        """The other group."""
        return next(group for group in self.target_groups if group != serving)

    def switch(self, group: str) -> None:
        """Send all requests to ``group``."""
        fronts.load(self.kind).switch(self.address, self.target_groups[group])


class Crossing(BaseModel):
    """How far a blue-green deployment has crossed its front, which stays the one that it was planned with.

    ``serving`` is the group that got the requests at the plan: the way back. From ``intended_at`` on requests
    may go to the new group, from ``switched_at`` on they were seen to. ``back_at`` is when going back was
    intended, ``returned_at`` when it was done.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    front: Front
    serving: str
    intended_at: Instant | None = None
    switched_at: Instant | None = None
    back_at: Instant | None = None
    returned_at: Instant | None = None

    def require_unmoved(self, otherwise: type[NightshiftError]) -> None:
        """Raises ``otherwise`` with the code ``front.moved`` when requests go elsewhere than at the plan."""
        serving = self.front.serving()
        if serving != self.serving:
            raise otherwise("front.moved", f"requests go to {serving} by now, no more to {self.serving}")

    @property
    def is_home(self) -> bool:
        """Whether requests go where they went before, as far as Nightshift is concerned."""
        return self.intended_at is None or self.returned_at is not None
