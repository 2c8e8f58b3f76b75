"""Facts for pure tests: one node that is ill since two minutes, at a fixed instant, under a plain policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from nightshift import clock
from nightshift.decisions.situation import Situation
from nightshift.fleet import Attempt, Capacity, GroupState, Lease, Node
from nightshift.incident import Heard, Incident, Level, Sample
from nightshift.journal import GENESIS
from nightshift.policy import Policy
from nightshift.policy_healing import Healing
from nightshift.policy_symptoms import Metric, Symptom

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
NODE = "i-0a1b2c3d4e5f60718"
INCIDENT = "inc-20261123-0123456789"
LADDER = ("restart_service", "rebuild_container", "replace_node")


def at(seconds: float) -> str:
    """The instant ``seconds`` after NOW (before it when negative), as text."""
    return clock.iso(NOW + timedelta(seconds=seconds))


def symptom(**changes: Any) -> Symptom:
    """Service down: a sample each second, below 1 for 60 s, the whole ladder."""
    facts = {
        "metric": Metric(namespace="Nightshift", name="ServiceUp", statistic="Minimum", resolution_seconds=1),
        "below": Decimal(1),
        "period_seconds": 10,
        "for_seconds": 60,
        "ladder": LADDER,
    }
    return Symptom.model_validate({**facts, **changes})


def cpu(**changes: Any) -> Symptom:
    """CPU over 85 for 60 s."""
    metric = Metric(namespace="AWS/EC2", name="CPUUtilization", resolution_seconds=1)
    facts = {"metric": metric, "below": None, "above": Decimal(85), "ladder": ("restart_service",)}
    return symptom(**{**facts, **changes})


def healing(**changes: Any) -> Healing:
    """The default limits with a short settle time."""
    return Healing.model_validate({"settle_seconds": 30, "stale_seconds": 120, **changes})


def samples(value: object, first: int = -150, last: int = -1, every: int = 1) -> tuple[Sample, ...]:
    """The same ``value`` from ``first`` to ``last`` seconds after NOW, oldest first."""
    return tuple(
        Sample(at=at(second), value=Decimal(str(value)), seconds=every)
        for second in range(first, last + 1, every)
    )


def pushed(value: object, *window: int) -> tuple[Sample, ...]:
    """The same, as the node pushed it."""
    return tuple(one.model_copy(update={"pushed": True}) for one in samples(value, *window))


def heard(**changes: Any) -> Heard:
    """An alarm that speaks since a minute about something that began two minutes ago."""
    facts = {"alarm": "nightshift-node-service_down", "held_since": at(-120), "raised_at": at(-60)}
    return Heard.model_validate({**facts, **changes})


def level(number: int, remedy: str, outcome: str = "failed", **changes: Any) -> Level:
    """One rung that was tried a minute ago."""
    facts = {
        "level": number,
        "remedy": remedy,
        "symptom": "service_down",
        "step_id": f"{INCIDENT}-{remedy.replace('_', '-')}",
        "outcome": outcome,
        "started_at": at(-60),
        "acted_at": at(-58),
    }
    return Level.model_validate({**facts, **changes})


def tried(*remedies: str) -> tuple[Level, ...]:
    """These remedies, all in vain."""
    return tuple(level(number, remedy) for number, remedy in enumerate(remedies, start=1))


def incident(**changes: Any) -> Incident:
    """An open incident, nothing tried yet."""
    facts = {
        "incident_id": INCIDENT,
        "subject": NODE,
        "node_id": NODE,
        "group": "web-prod",
        "symptom": "service_down",
        "symptoms": {"service_down": heard()},
        "opened_at": at(-59),
        "head": GENESIS,
    }
    return Incident.model_validate({**facts, **changes})


def node(**changes: Any) -> Node:
    """A node in service."""
    facts = {
        "node_id": NODE,
        "name": "web-1",
        "app": "web",
        "group": "web-prod",
        "auto_scaling_group": "web-prod",
        "state": "in_service",
        "release": "1.0.0",
        "registered_at": at(-86_400),
    }
    return Node.model_validate({**facts, **changes})


def attempts(count: int, seconds_ago: int = 600) -> tuple[Attempt, ...]:
    """So many remedies of earlier incidents on the node."""
    return tuple(
        Attempt(at=at(-seconds_ago), remedy="restart_service", symptom="service_down", incident_id=f"inc-{n}")
        for n in range(count)
    )


def lease(holder: str, expires: float) -> dict[str, Lease]:
    """A lease of the node that ends ``expires`` seconds after NOW."""
    return {NODE: Lease(incident_id=holder, fence=6, expires_at=at(expires))}


def capacity(desired: int = 4) -> Capacity:
    """A group that has all it wants: this node, and healthy others."""
    return Capacity(
        desired=desired, in_service=frozenset({NODE, *(f"i-other{n}" for n in range(1, desired))})
    )


def situation(**changes: Any) -> Situation:
    """A node that is down long enough and that nothing forbids to heal."""
    facts: dict[str, Any] = {
        "now": NOW,
        "incident": incident(),
        "node": node(),
        "group": GroupState(group="web-prod", app="web", auto_scaling_group="web-prod", fence=6),
        "pause": None,
        "symptoms": {"service_down": symptom()},
        "samples": {"service_down": samples(0)},
        "healing": healing(),
        "capacity": capacity(),
        "replacing": frozenset({"replace_node"}),
    }
    return Situation(**{**facts, **changes})


def policy(**changes: Any) -> Policy:
    """One group and two symptoms."""
    facts = {
        "version": 1,
        "groups": {"web-prod": {"app": "web", "service": "web", "auto_scaling_group": "web-prod"}},
        "symptoms": {"service_down": symptom(), "cpu_sustained": cpu()},
    }
    return Policy.model_validate({**facts, **changes})
