"""What another policy would have done otherwise, counted over everything recorded, and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nightshift import clock
from nightshift.policy import Policy
from tools.cli import alarm_history, screen
from tools.cli.alarm_history import Episode, Fate
from tools.cli.divergence import Comparison, compare
from tools.cli.history import History

HONEST = (
    "Each is followed to the first other decision only: what the world would have been like after it is not"
    " known."
)
ALONE = (
    "Each alarm stands alone, up to the first action: an alarm history knows neither storms, leases,"
    " cool-downs, flapping nor whether a remedy helps."
)


@dataclass(frozen=True)
class Difference:
    """One incident, deployment or alarm: what came, and what would have come first instead.

    ``seconds`` is how much later the same would have come (negative: earlier), None where that is not known.
    """

    what: str
    at: str
    before: str
    after: str
    seconds: int | None = None
    at_least: bool = False
    acts: int = 0
    pages: int = 0

    @property
    def shift(self) -> str:
        """The time as a person says it."""
        if self.seconds is None or (self.seconds == 0 and not self.at_least):
            return "-"
        when = "later" if self.seconds >= 0 else "earlier"
        return f"{'at least ' if self.at_least else ''}{screen.duration(abs(self.seconds))} {when}"


@dataclass(frozen=True)
class Outcome:
    """All of it. ``recorded`` says what really came, ``unknown`` what could not be compared, and why."""

    compared: int
    decisions: int
    different: tuple[Difference, ...]
    unknown: tuple[tuple[str, str], ...]
    recorded: dict[str, int]
    note: str

    @property
    def totals(self) -> dict[str, int]:
        """What is known to change: actions, pages, and seconds until action or heal, summed."""
        known = [one.seconds for one in self.different if one.seconds is not None]
        return {
            "actions": sum(one.acts for one in self.different),
            "pages": sum(one.pages for one in self.different),
            "seconds": sum(known),
        }


def over_journals(history: History, policy: Policy) -> Outcome:
    """Every chain of a history under ``policy``; a broken one is not believed."""
    sound = [one for one in history.chains if one.check.intact and one.entries]
    found = [compare(one, history.given, policy) for one in sound]
    broken = [
        (one.name, f"its journal is broken: {one.check.reason}") for one in history.chains if one not in sound
    ]
    times = [one.healed_in for one in found if one.healed_in is not None]
    recorded = {
        "actions": sum(one.acted for one in found),
        "pages": sum(one.paged for one in found),
        "healed": len(times),
        "seconds_to_heal": round(sum(times) / len(times)) if times else 0,
    }
    return Outcome(
        compared=len(found),
        decisions=sum(one.compared for one in found),
        different=tuple(_difference(one) for one in found if one.differs),
        unknown=(*((one.chain, one.unknown) for one in found if one.unknown), *broken),
        recorded=recorded,
        note=HONEST,
    )


def over_alarms(path: Path, before: Policy, after: Policy, group: str) -> Outcome:
    """Every alarm of a history, under two policies."""
    episodes = alarm_history.read(path)
    fates = [
        (one, alarm_history.fate(one, before, group), alarm_history.fate(one, after, group))
        for one in episodes
    ]
    counted = Counter(fate.what for _, fate, _ in fates)
    return Outcome(
        compared=len(fates),
        decisions=len(fates),
        different=tuple(_otherwise(*one) for one in fates if _told(one[1]) != _told(one[2])),
        unknown=tuple(
            (one.alarm, was.reason) for one, was, will in fates if was.what == will.what == "unknown"
        ),
        recorded={"actions": counted["acts"], "pages": counted["pages"]},
        note=ALONE,
    )


def plain(outcome: Outcome) -> Iterator[str]:
    """For a person at a terminal."""
    for one in outcome.different:
        yield f"{one.what} at {one.at}"
        yield f"  was    {one.before}"
        yield f"  other  {one.after}"
        if one.shift != "-":
            yield f"  time   {one.shift}"
    for what, reason in outcome.unknown:
        yield f"{what}: not compared: {reason}"
    yield from _summary(outcome)
    yield outcome.note


def markdown(outcome: Outcome) -> Iterator[str]:
    """For a pull request."""
    yield "### What if this policy had been in force"
    yield ""
    yield from (f"- {line}" for line in _summary(outcome))
    if outcome.different:
        yield ""
        yield "| what | at | was | other | time |"
        yield "|---|---|---|---|---|"
        for one in outcome.different:
            cells = (one.what, one.at, one.before, one.after, one.shift)
            yield f"| {' | '.join(map(_cell, cells))} |"
    if outcome.unknown:
        yield ""
        yield from (f"- not compared: `{what}`: {reason}" for what, reason in outcome.unknown)
    yield ""
    yield f"_{outcome.note}_"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _summary(outcome: Outcome) -> Iterator[str]:
    otherwise = len(outcome.different)
    yield (
        f"{outcome.compared} compared, {outcome.decisions} decisions:"
        f" {outcome.compared - otherwise} the same, {otherwise} otherwise"
    )
    was, change = outcome.recorded, outcome.totals
    counted = [f"{name} {was[name]} -> {was[name] + change[name]}" for name in ("actions", "pages")]
    yield f"{', '.join(counted)}, as far as is known"
    if was.get("healed"):
        known = f"known to change by {change['seconds']:+d} s in all"
        yield f"time to heal was {was['seconds_to_heal']} s on average over {was['healed']}; {known}"
    elif change["seconds"]:
        yield f"first actions come {change['seconds']:+d} s in all"


def _difference(one: Comparison) -> Difference:
    found = one.divergence
    if found is None:
        sooner = f"the same verdict {abs(one.sooner)} s {'earlier' if one.sooner > 0 else 'later'}"
        return Difference(one.chain, "its verification", "as recorded", sooner, -one.sooner)
    return Difference(
        what=f"{one.chain} #{found.seq} {found.name}",
        at=found.at,
        before=found.before,
        after=found.after,
        seconds=found.seconds if found.seconds is None else found.seconds - one.sooner,
        at_least=found.at_least,
        acts=found.acts,
        pages=found.pages,
    )


def _otherwise(episode: Episode, before: Fate, after: Fate) -> Difference:
    both = before.at and after.at and before.what == after.what
    seconds = round((clock.parse(after.at) - clock.parse(before.at)).total_seconds()) if both else None
    return Difference(
        what=episode.alarm,
        at=clock.iso(episode.raised_at),
        before=" ".join(_told(before)) + f": {before.reason}",
        after=" ".join(_told(after)) + f": {after.reason}",
        seconds=seconds,
        acts=(after.what == "acts") - (before.what == "acts"),
        pages=(after.what == "pages") - (before.what == "pages"),
    )


def _told(fate: Fate) -> tuple[str, ...]:
    return tuple(part for part in (fate.what, fate.remedy, fate.at) if part)
