"""What the policy says of pages: which channels there are, which pages go where, and when.

No secret stands here: a channel names a secret of Secrets Manager, ``<stack>/notify/NAME``, that holds its
address or key. The stack's SNS topic (``sns``) gets every page, whatever the routes say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from nightshift import channels
from nightshift.amounts import Name
from nightshift.windows import Recurring

if TYPE_CHECKING:  # the policy is read with this: at run time the import goes one way
    from nightshift.policy import Policy

Severity = Literal["critical", "error", "warning", "info"]
#: The stack's own topic, which needs no entry among the channels; e-mail is a subscription of it.
TOPIC = "sns"
Place = tuple[str | int, ...]
Contradiction = tuple[Place, str]
_RESERVED = re.compile(rf"{TOPIC}|webhook-\d+")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Channel(_Part):
    """One way to people. ``kind`` is a file of ``nightshift/channels``."""

    kind: Name = Field(description="The kind: slack, pagerduty, teams or webhook")
    secret: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="The secret <stack>/notify/NAME"
    )
    url: HttpUrl | None = Field(None, description="Where the kind's own service is not the usual one")
    room: str = Field("", max_length=100, description="The conversation that a bot writes to")


class When(_Part):
    """Which pages a route is for; what is left out means all."""

    severity: tuple[Severity, ...] = Field((), description="Pages of these severities")
    apps: tuple[Name, ...] = Field((), description="Pages about these apps")
    groups: tuple[Name, ...] = Field((), description="Pages about these groups")
    hours: tuple[Recurring, ...] = Field((), description="Only in these times")


class Route(_Part):
    """Where some pages go. ``otherwise`` gets them when a channel of ``to`` has failed too often."""

    when: When = When()
    to: tuple[Name, ...] = Field(min_length=1, description="The channels that get each of these pages")
    otherwise: tuple[Name, ...] = Field((), description="Who gets what a channel of `to` does not take")


class Notify(_Part):
    """Where pages go besides the stack's SNS topic: by every route that is for them."""

    webhooks: tuple[HttpUrl, ...] = Field((), description="Addresses without secrets; each gets every page")
    channels: dict[Name, Channel] = Field({}, description="The ways to people, by names of your own")
    routes: tuple[Route, ...] = Field((), description="Each adds channels to the pages that it is for")
    second_after: int = Field(
        3, ge=1, le=20, description="Failures of a channel after which `otherwise` is tried"
    )
    digest: tuple[Name, ...] = Field((), description="Who is told once a day of what healed by itself")


def objections(policy: Policy) -> Iterator[Contradiction]:
    """Channels, groups and apps that there are not, and channels that must not be told quietly."""
    yield from _channels(policy.notify)
    known = {TOPIC, *policy.notify.channels}
    apps = {group.app for group in policy.groups.values()}
    for number, route in enumerate(policy.notify.routes):
        at = ("notify", "routes", number)
        yield from _named((*at, "to"), "channel", route.to, known)
        yield from _named((*at, "otherwise"), "channel", route.otherwise, known)
        yield from _named((*at, "when", "groups"), "group", route.when.groups, set(policy.groups))
        yield from _named((*at, "when", "apps"), "app", route.when.apps, apps)
    yield from _named(("notify", "digest"), "channel", policy.notify.digest, known)
    for index, name in enumerate(policy.notify.digest):
        channel = policy.notify.channels.get(name)
        if channel and channel.kind in channels.names() and channels.load(channel.kind).WAKES:
            yield ("notify", "digest", index), f"{name} wakes people: a digest is no reason to"


def _channels(notify: Notify) -> Iterator[Contradiction]:
    usable = [kind for kind in channels.names() if channels.load(kind).NEEDS]
    for name, channel in notify.channels.items():
        place = ("notify", "channels", name)
        if _RESERVED.fullmatch(name):
            yield place, f"{name} is the name of a channel that Nightshift has already"
        if channel.kind not in usable:
            reason = f"there is no kind of channel {channel.kind}; there are {', '.join(usable)}"
            yield (*place, "kind"), reason


def _named(place: Place, what: str, names: Iterable[str], known: Collection[str]) -> Iterator[Contradiction]:
    for index, name in enumerate(names):
        if name not in known:
            yield (*place, index), f"there is no {what} {name}; there are {', '.join(sorted(known))}"
