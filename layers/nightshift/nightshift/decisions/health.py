"""Judging samples: is a symptom present, has it lasted, is it gone for good after an action?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.incident import Sample
from nightshift.policy_healing import Healing
from nightshift.policy_symptoms import Symptom

LOOKS = 8  # per settle time, while a verification is undecided


@dataclass(frozen=True)
class Reading:
    """What the samples of one symptom say: ``ill``, ``well`` or ``silent`` (nothing fresh), and why."""

    state: Literal["ill", "well", "silent"]
    reason: str
    value: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer of a verification; ``until`` is when to look again while it is ``undecided``."""

    state: Literal["healthy", "unhealthy", "undecided"]
    reason: str
    until: datetime | None = None


def reading(symptom: Symptom, samples: Sequence[Sample], now: datetime, healing: Healing) -> Reading:
    """What the newest samples say now. Well means: the newest is, and so was the settle time before now."""
    fresh = clock.iso(now - clock.seconds(healing.stale_seconds))
    recent = [sample for sample in samples if sample.at >= fresh]
    if not recent:
        return Reading("silent", f"no sample of {symptom.metric.name} since {fresh}")
    settled = clock.iso(now - clock.seconds(healing.settle_seconds))
    newest = recent[-1]
    # The newest sample counts however old it is: a node that fell silent while ill did not get well.
    ill = [
        sample
        for sample in recent
        if symptom.breached_by(sample.value) and (sample.at >= settled or sample is newest)
    ]
    if ill:
        return Reading(
            "ill", f"{symptom.metric.name} was {ill[-1].value} at {ill[-1].at}", str(ill[-1].value)
        )
    return Reading("well", f"{symptom.metric.name} is {newest.value} at {newest.at}", str(newest.value))


def readings(
    symptoms: Mapping[str, Symptom],
    samples: Mapping[str, Sequence[Sample]],
    now: datetime,
    healing: Healing,
) -> dict[str, Reading]:
    """What the samples of each symptom say now."""
    return {name: reading(one, samples.get(name, ()), now, healing) for name, one in symptoms.items()}


def gone(found: Mapping[str, Reading]) -> str:
    """By which samples every symptom is well now; empty while one is not, or is silent."""
    if any(one.state != "well" for one in found.values()):
        return ""
    return "; ".join(f"{name}: {one.reason}" for name, one in found.items())


def lasted(
    symptom: Symptom, samples: Iterable[Sample], held_since: str, now: datetime, share: int
) -> tuple[bool, str]:
    """Whether at least ``share`` percent of the last ``for_seconds`` were ill, with the reason."""
    begin = now - clock.seconds(symptom.for_seconds)
    if held_since > clock.iso(begin):
        return False, f"held since {held_since}, which is less than {symptom.for_seconds} s"
    # A sample covers the seconds that begin at its time: one that began before the window reaches into it.
    window = [sample for sample in samples if clock.parse(sample.at) + clock.seconds(sample.seconds) > begin]
    ill = sum(symptom.breached_by(sample.value) for sample in window)
    found = f"{ill} of {len(window)} samples of the last {symptom.for_seconds} s were {symptom.threshold}"
    return bool(window) and ill * 100 >= share * len(window), found


def judge(
    symptoms: Mapping[str, Symptom],
    samples: Mapping[str, Sequence[Sample]],
    acted_at: str,
    now: datetime,
    healing: Healing,
) -> Verdict:
    """Whether an action at ``acted_at`` helped, by samples newer than it; never by an alarm's colour."""
    if not symptoms:
        return Verdict("unhealthy", "the policy knows none of the symptoms: nothing can be verified")
    timeout = clock.parse(acted_at) + clock.seconds(healing.verify_timeout_seconds)
    look_again = now + clock.seconds(max(2, healing.settle_seconds // LOOKS))
    present, quiet_since = _after(acted_at, symptoms, samples)
    if present:
        if now >= timeout:
            return Verdict("unhealthy", f"after {healing.verify_timeout_seconds} s still {present}")
        return Verdict("undecided", present, min(look_again, timeout))
    settled_at = clock.parse(quiet_since) + clock.seconds(healing.settle_seconds)
    last_look = timeout + clock.seconds(healing.settle_seconds)
    if now < settled_at:
        if now >= last_look:  # it comes and goes: nobody waits for ever for a quiet moment
            return Verdict(
                "unhealthy", f"after {healing.verify_timeout_seconds} s ill again at {quiet_since}"
            )
        return Verdict(
            "undecided",
            f"gone since {quiet_since}, not yet for {healing.settle_seconds} s",
            min(settled_at, look_again, last_look),
        )
    return Verdict("healthy", f"gone since {quiet_since}, for at least {healing.settle_seconds} s")


def _after(
    acted_at: str, symptoms: Mapping[str, Symptom], samples: Mapping[str, Sequence[Sample]]
) -> tuple[str, str]:
    """By samples newer than the action: which symptoms are still there, and since when all others are not."""
    present, quiet_since = [], acted_at
    for name, symptom in symptoms.items():
        newer = [sample for sample in samples.get(name, ()) if sample.at > acted_at]
        ill = [sample for sample in newer if symptom.breached_by(sample.value)]
        if not newer or newer[-1] in ill:
            last = f"{newer[-1].value} at {newer[-1].at}" if newer else "silent"
            present.append(f"{name}: {symptom.metric.name} is {last} since the action at {acted_at}")
        elif ill:
            quiet_since = max(quiet_since, ill[-1].at)
    return "; ".join(present), quiet_since
