"""Where a rollback leads: the last good release, the nodes newest-touched first, or a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nightshift.releases import UNSAFE, Built


@dataclass(frozen=True)
class Way:
    """The way back: to which release, over which nodes in which order, and why.

    Without a ``target`` there is none, and ``page`` says that a person must find one; ``code`` names why.
    """

    reason: str
    target: Built | None = None
    nodes: tuple[str, ...] = ()
    code: str = ""
    page: bool = False


def last_good(releases: Iterable[Built], group: str, besides: str) -> Built | None:
    """The release that was good in the group last, other than the version ``besides``.

    A release that failed in the group is never good there, whatever it was before.
    """
    good = [one for one in releases if one.version != besides and one.state_in(group) == "good"]
    return max(good, key=lambda one: (one.standings[group].at, one.version), default=None)


def way_back(releases: Iterable[Built], group: str, failing: str, touched: Mapping[str, str]) -> Way:
    """How to undo the version ``failing``; ``touched`` says when each node was, by node.

    Every release that would be undone must be safe to undo: the failing one, and those that came to the
    group after the one that is gone back to and were not undone yet.
    """
    known = list(releases)
    order = newest_first(touched)
    target = last_good(known, group, failing)
    if target is None:
        reason = f"{group} has no good release to go back to from {failing}"
        return Way(reason, code="rollback.none", page=True)
    since = target.standings[group].at
    unsafe = sorted(
        one.version
        for one in known
        if one.rollback == UNSAFE and (one.version == failing or _stands_since(one, group, since))
    )
    if unsafe:
        reason = f"{', '.join(unsafe)} cannot be undone by going back to {target.version}: rollback is unsafe"
        return Way(reason, code="rollback.unsafe", page=True)
    reason = f"{failing} goes back to {target.version}, good since {since}; {len(order)} nodes, newest first"
    return Way(reason, target=target, nodes=order)


def _stands_since(release: Built, group: str, since: str) -> bool:
    """Whether it came to the group after ``since`` and was not undone there already."""
    standing = release.standings.get(group)
    return standing is not None and standing.state != "failed" and standing.at > since


def newest_first(touched: Mapping[str, str]) -> tuple[str, ...]:
    """Nodes in the order in which they are rolled back: the one that was touched last comes first."""
    return tuple(sorted(sorted(touched), key=lambda node: touched[node], reverse=True))
