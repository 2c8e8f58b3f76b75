"""Alarms as CloudWatch remembers them, and what a policy would have done about each.

Reads what ``aws cloudwatch describe-alarm-history`` prints. It knows when an alarm changed and since when the
metric was beyond its threshold; nothing of the fleet. So each alarm stands alone: its node is taken to be in
service, its samples to be ill while it lasted. Storms, blast radius, leases, cool-downs and flapping hang on
more than an alarm, and object to nothing here. The walk ends with the first action: what it did is not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from nightshift import clock, remedies
from nightshift.decisions.admission import admit
from nightshift.decisions.situation import Situation
from nightshift.errors import NightshiftError
from nightshift.fleet import GroupState, Node
from nightshift.incident import Heard, Incident, Sample
from nightshift.journal import GENESIS
from nightshift.policy import Policy
from nightshift.policy_symptoms import Symptom
from tools.cli.errors import CliError

ASKS = 2_000  # of one alarm; a policy that waits longer is said to wait
NAMED = "-node-"  # <stack>-node-<symptom>-<node>, as Nightshift names its own alarms


@dataclass(frozen=True)
class Episode:
    """One alarm from its beginning to its end; ``cleared_at`` is None where the history ends before.

    ``metric`` is its namespace and name, where the history says so.
    """

    alarm: str
    node_id: str
    raised_at: datetime
    held_since: datetime
    cleared_at: datetime | None
    metric: tuple[str, str] | None = None


@dataclass(frozen=True)
class Fate:
    """What a policy does first about an episode: it ``acts``, ``asks`` a person, ``pages``, does ``nothing``.

    ``unknown`` is what it knows no symptom of.
    """

    what: str
    remedy: str = ""
    at: str = ""
    reason: str = ""


def read(path: Path) -> list[Episode]:
    """The episodes of a history, the oldest first; raises CliError for a file that is none."""
    try:
        found: Any = json.loads(path.read_text())
        items = sorted(found["AlarmHistoryItems"], key=lambda one: _instant(one["Timestamp"]))
        metrics = {item["AlarmName"]: known for item in items if (known := _configured(item))}
        return sorted(_episodes(items, metrics), key=lambda one: one.raised_at)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, NightshiftError) as error:
        raise CliError(
            f"{path} is no alarm history: {type(error).__name__} {error}",
            "write one: aws cloudwatch describe-alarm-history --history-item-type StateUpdate > FILE",
        ) from error


def fate(episode: Episode, policy: Policy, group: str) -> Fate:
    """What ``policy`` does about an episode in a group, up to its first action."""
    name = _symptom(episode, policy)
    if name is None:
        return Fate("unknown", reason="no symptom of the policy is read from this alarm")
    now = episode.raised_at
    for _ in range(ASKS):
        if episode.cleared_at and now >= episode.cleared_at:
            return Fate("nothing", reason=f"it went away by itself at {clock.iso(episode.cleared_at)}")
        found = admit(_situation(episode, name, policy, group, now))
        if found.answer == "refuse":
            return Fate("pages" if found.page else "nothing", at=clock.iso(now), reason=found.reason)
        if found.rung:
            what = "acts" if found.answer == "allow" else "asks"
            return Fate(what, found.rung.remedy, clock.iso(now), found.reason)
        now = found.until or now + timedelta(seconds=1)
    return Fate("nothing", reason=f"it still waits at {clock.iso(now)}")


def _episodes(items: Sequence[Any], metrics: Mapping[str, tuple[str, str, str]]) -> Iterator[Episode]:
    begun: dict[str, tuple[datetime, datetime]] = {}
    for item in items:
        if item["HistoryItemType"] != "StateUpdate":
            continue
        name, at = item["AlarmName"], _instant(item["Timestamp"])
        state = json.loads(item["HistoryData"])["newState"]
        if state["stateValue"] == "ALARM":
            began = (state.get("stateReasonData") or {}).get("startDate")
            begun.setdefault(name, (at, min(at, _instant(began)) if began else at))
        elif name in begun and state["stateValue"] == "OK":
            yield _episode(name, begun.pop(name), at, metrics)
    for name, since in begun.items():
        yield _episode(name, since, None, metrics)


def _episode(
    name: str,
    since: tuple[datetime, datetime],
    cleared_at: datetime | None,
    metrics: Mapping[str, tuple[str, str, str]],
) -> Episode:
    namespace, metric, node_id = metrics.get(name, ("", "", ""))
    node_id = node_id or name.rpartition("-i-")[2]
    known = (namespace, metric) if metric else None
    return Episode(name, node_id, *since, cleared_at, known)


def _configured(item: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Namespace, metric and node of an alarm, out of the history of its configuration."""
    if item["HistoryItemType"] != "ConfigurationUpdate":
        return None
    data = json.loads(item["HistoryData"])
    alarm = data.get("updatedAlarm") or data.get("createdAlarm") or {}
    if not alarm.get("metricName"):
        return None
    dimensions = {one["name"]: one["value"] for one in alarm.get("dimensions", [])}
    return alarm["namespace"], alarm["metricName"], dimensions.get("InstanceId", "")


def _symptom(episode: Episode, policy: Policy) -> str | None:
    if episode.metric:
        return policy.symptom_of(*episode.metric)
    named = episode.alarm.partition(NAMED)[2]
    fits = [name for name in policy.symptoms if named.startswith(f"{name}-")]
    return max(fits, key=len, default=None)


def _situation(episode: Episode, name: str, policy: Policy, group: str, now: datetime) -> Situation:
    symptom, healing = policy.symptoms[name], policy.healing_of(group)
    raised, held = clock.iso(episode.raised_at), clock.iso(episode.held_since)
    heard = Heard(alarm=episode.alarm, held_since=held, raised_at=raised)
    return Situation(
        now=now,
        incident=Incident(
            incident_id=f"inc-{raised[:10].replace('-', '')}-alarmhistory",
            subject=episode.node_id,
            node_id=episode.node_id,
            group=group,
            symptom=name,
            symptoms={name: heard},
            opened_at=raised,
            head=GENESIS,
        ),
        node=_node(episode, group),
        group=GroupState(group=group),
        pause=None,
        symptoms={name: symptom},
        samples={name: _samples(episode, symptom, now, max(healing.stale_seconds, symptom.for_seconds))},
        healing=healing,
        risks={one: remedies.load(one).RISK for one in symptom.ladder},
        maintenance=policy.maintenance,
    )


def _node(episode: Episode, group: str) -> Node:
    return Node(
        node_id=episode.node_id,
        name=episode.node_id,
        app="",
        group=group,
        auto_scaling_group="",
        state="in_service",
        registered_at=clock.iso(episode.held_since),
    )


def _samples(episode: Episode, symptom: Symptom, now: datetime, back: int) -> tuple[Sample, ...]:
    """Ill from the beginning on, a sample for each of the metric's periods, as far back as anybody looks."""
    every = symptom.metric.resolution_seconds
    ill = symptom.above + 1 if symptom.above is not None else (symptom.below or Decimal(0)) - 1
    since = max(episode.held_since, now - timedelta(seconds=back + 60))
    count = max(1, int((now - since).total_seconds()) // every)
    return tuple(
        Sample(at=clock.iso(since + timedelta(seconds=number * every)), value=ill, seconds=every)
        for number in range(count)
    )


def _instant(value: object) -> datetime:
    """An instant as the aws CLI prints it (text), or as a program dumps it (seconds since 1970)."""
    if isinstance(value, int | float):
        return clock.truncated(datetime.fromtimestamp(value).astimezone())
    return clock.parse(str(value))
