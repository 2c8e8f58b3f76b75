"""Routing: which channels a page goes to, which of them are tried next, and when again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightshift.pages import Page
from nightshift.policy import Policy
from nightshift.policy_notify import TOPIC, Route

FIRST, LONGEST = timedelta(minutes=2), timedelta(minutes=30)
#: After so long a page that nobody took is given up, loudly.
GIVEN_UP = timedelta(hours=24)


@dataclass(frozen=True)
class Leg:
    """One channel that a page goes to, which ones stand in for it, and why."""

    channel: str
    otherwise: tuple[str, ...] = ()
    reason: str = ""

    def is_walked(self, delivered: Collection[str], failures: int, second_after: int) -> bool:
        """Whether the channel has the page or, once it has failed too often, one that stands in for it."""
        stands_in = failures >= second_after and not set(self.otherwise).isdisjoint(delivered)
        return self.channel in delivered or stands_in

    def order(self, failures: int, second_after: int) -> tuple[str, ...]:
        """What may be tried in one go, in order: stand-ins first where the channel has failed too often."""
        if failures < second_after:
            return (self.channel,)
        return (*self.otherwise, self.channel)


def legs(policy: Policy, page: Page, now: datetime) -> tuple[Leg, ...]:
    """Where ``page`` goes: the topic always, the open webhooks, and what every route that is for it says.

    A digest goes where the policy wants digests, and nowhere else.
    """
    notify = policy.notify
    if page.kind == "digest":
        return tuple(Leg(name, (), "the policy's digest") for name in notify.digest)
    found = {TOPIC: Leg(TOPIC, (), "every page")}
    for number, _ in enumerate(notify.webhooks, start=1):
        found[f"webhook-{number}"] = Leg(f"webhook-{number}", (), "every page")
    for number, route in enumerate(notify.routes, start=1):
        if not _is_for(route, policy, page, now):
            continue
        for name in route.to:
            known = found.get(name, Leg(name, (), f"route {number}"))
            others = dict.fromkeys((*known.otherwise, *(one for one in route.otherwise if one != name)))
            found[name] = Leg(name, tuple(others), known.reason)
    return tuple(found.values())


def following(
    walk: Iterable[Leg],
    delivered: Collection[str],
    failures: Mapping[str, int],
    tried: Collection[str],
    second_after: int,
) -> tuple[str, ...]:
    """The channels to try now, each once, besides those that were ``tried`` in this go already."""
    names: list[str] = []
    for leg in walk:
        failed = failures.get(leg.channel, 0)
        if leg.is_walked(delivered, failed, second_after):
            continue
        order = leg.order(failed, second_after)
        names += [name for name in order if name not in tried][:1]
    return tuple(dict.fromkeys(names))


def again(rounds: int, now: datetime, asked: timedelta = timedelta()) -> datetime:
    """When a page that somebody misses is tried again after ``rounds`` in vain, and ``asked`` is over."""
    return now + max(min(FIRST * (1 << min(rounds, 10)), LONGEST), asked)


def _is_for(route: Route, policy: Policy, page: Page, now: datetime) -> bool:
    when = route.when
    group = policy.groups.get(page.group)
    app = page.app or (group.app if group else "")
    return (
        (not when.severity or page.severity in when.severity)
        and (not when.apps or app in when.apps)
        and (not when.groups or page.group in when.groups)
        and (not when.hours or any(time.end(now) > now for time in when.hours))
    )
