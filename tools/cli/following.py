"""A recorded wait, followed through the samples that were recorded with it: how often it looked, how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from nightshift import clock
from nightshift.decisions.verification import Aftermath, verify
from nightshift.incident import Sample

LOOKS = 2_000  # at most


def sooner_by(before: Aftermath, after: Aftermath) -> int:
    """By how many seconds the same verdict is reached earlier, both followed through the same samples."""
    return round((_settled(before) - _settled(after)).total_seconds())


def looks(aftermath: Aftermath) -> int:
    """How often a verification looked, followed through its recorded samples; at least once."""
    return max(1, len(_moments(aftermath)))


def over_by(samples: Mapping[str, Sequence[Sample]], moment: datetime) -> dict[str, tuple[Sample, ...]]:
    """The samples whose time was over by ``moment``."""
    return {
        name: tuple(one for one in found if clock.parse(one.at) + clock.seconds(one.seconds) <= moment)
        for name, found in samples.items()
    }


def _settled(aftermath: Aftermath) -> datetime:
    return _moments(aftermath)[-1]


def _moments(aftermath: Aftermath) -> list[datetime]:
    """When it looked: at the action, then whenever it said, until it was certain or the recorded end came."""
    moments = [clock.parse(aftermath.acted_at)]
    while moments[-1] < aftermath.now and len(moments) < LOOKS:
        moment = moments[-1]
        verdict = verify(replace(aftermath, now=moment, samples=over_by(aftermath.samples, moment)))
        if verdict.until is None:
            break
        moments.append(min(verdict.until, aftermath.now))
    return moments
