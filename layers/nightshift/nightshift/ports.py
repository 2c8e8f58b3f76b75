"""The few things that have a second implementation, as what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # the policy asks for the kinds there are: at run time the import goes one way
    from nightshift.fleet import GroupState, Release
    from nightshift.incident import Sample, Step
    from nightshift.policy import Policy

    Samples = Mapping[str, Sequence[Sample]]

Health = Literal["healthy", "unhealthy", "unknown"]


class Traffic(Protocol):
    """What decides which nodes of a group get requests. Each call may be repeated, and never waits itself."""

    def leave(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Give these nodes no new request; those that still have old ones to answer."""
        ...

    def join(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Give these nodes requests again; those that are not found healthy there yet."""
        ...


class Unswitched:
    """A group with nothing before it that could be switched."""

    def leave(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Nothing has to drain."""
        del nodes
        return ()

    def join(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Nothing has to become healthy."""
        del nodes
        return ()


@dataclass(frozen=True)
class Unit:
    """One thing that is brought a release by itself (a node): how it is now, and what it runs."""

    node_id: str
    health: Health = "healthy"
    release: str = ""


@dataclass(frozen=True)
class Units:
    """The units of a group that are in service, and how many it should have."""

    desired: int
    units: tuple[Unit, ...]

    def of(self, health: Health) -> frozenset[str]:
        """The units that are so."""
        return frozenset(one.node_id for one in self.units if one.health == health)


@dataclass(frozen=True)
class Order:
    """Bring ``release`` to the unit of ``step``: ``url`` is where it is fetched for a while.

    ``settings`` are what the app wants of an installation, as the document is told.
    """

    step: Step
    release: Release
    url: str
    service: str
    settings: Mapping[str, str]


class Ended(Protocol):
    """How bringing a release to a unit ended."""

    @property
    def succeeded(self) -> bool:
        """Whether the release was brought; whether it is well there is judged later."""
        ...

    @property
    def status(self) -> str:
        """The end in one word, the target's own."""
        ...

    @property
    def output(self) -> str:
        """The tail of what was printed."""
        ...


class Target(Protocol):
    """What releases are brought to, unit by unit: batches, gates, bake and rollback are the same for all.

    Each call may be repeated, and never waits itself.
    """

    @property
    def inventoried(self) -> bool:
        """Whether its units are nodes of the inventory, where what they run is written down."""
        ...

    def look(self, policy: Policy, group: GroupState, now: datetime) -> Units:
        """The group's units as they are now."""
        ...

    def bring(self, order: Order, now: datetime) -> Ended | None:
        """Begin, once for each step; how it ended, if it is over already or could not begin.

        Who learns of its end later tells ``Deployments.conclude``.
        """
        ...

    def samples(self, policy: Policy, node_id: str, since: datetime, now: datetime) -> Samples:
        """What is known of a unit's symptoms since then, by symptom: its health is judged by them alone."""
        ...
