"""The page a person gets: what happened, what was tried, why Nightshift stops, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from nightshift.events import STORM
from nightshift.incident import Approval, Incident, Level, Node


@dataclass(frozen=True)
class Page:
    """``key`` is the same for every page that says the same, so that a pager can drop a duplicate."""

    key: str
    title: str
    body: str

    def payload(self) -> dict[str, str]:
        """The page as a webhook gets it."""
        return {"version": "1", "dedup_key": self.key, "title": self.title, "text": self.body}


def ask(incident: Incident, asked: Approval, node: Node | None, reason: str, link: str) -> Page:
    """The question whether a remedy may run; ``reason`` says what the samples show and what would be done."""
    name = _name(incident, node)
    lines = [
        f"What: {incident.symptom} on {name} of {incident.group or 'no group'}, since {incident.opened_at}.",
        f"Tried: {_tried(incident.levels)}",
        f"Question: may {asked.remedy} (level {asked.level}) run? {reason}",
        f"Answer by {asked.expires_at}; nothing is done to the node meanwhile, and you are paged after it.",
        f"Yes: nightshift approve {incident.incident_id} --why REASON",
        f"No: nightshift deny {incident.incident_id} --why REASON",
        f"Or here, once: {link}",
    ]
    return Page(
        f"{incident.incident_id}-approval-{asked.remedy}",
        f"[nightshift] may {asked.remedy} run on {name}?",
        "\n".join(lines),
    )


def compose(incident: Incident, node: Node | None, reason: str) -> Page:
    """The one page about an incident; ``reason`` says why Nightshift gives it to a person."""
    if incident.symptom == STORM:
        return _storm(incident, reason)
    name = _name(incident, node)
    lines = [
        f"What: {incident.symptom} on {name} of {incident.group or 'no group'}, since {incident.opened_at}.",
        f"Alarm: {incident.symptoms[incident.symptom].alarm}",
        f"Tried: {_tried(incident.levels)}",
        f"Why you: {reason}",
        f"Next: nightshift why {incident.incident_id}",
        *_diagnostics(incident),
    ]
    # An incident of a storm shares the storm's page: a pager gets one for all of them.
    return Page(
        incident.storm or incident.incident_id,
        f"[nightshift] {incident.symptom} on {name} needs you",
        "\n".join(lines),
    )


def _storm(incident: Incident, reason: str) -> Page:
    lines = [
        f"What: {reason}.",
        f"Since: {incident.opened_at}",
        "Tried: nothing; healing of this group is held until the storm is over, then goes on.",
        "Why you: so many nodes at once have a common cause, which no remedy on a node removes.",
        f"Next: nightshift incidents, then nightshift why {incident.incident_id}",
    ]
    return Page(incident.incident_id, f"[nightshift] storm in {incident.group} needs you", "\n".join(lines))


def _name(incident: Incident, node: Node | None) -> str:
    return f"{node.name} ({node.node_id})" if node else incident.node_id


def _diagnostics(incident: Incident) -> list[str]:
    """What the node was like before each remedy: the command that prints it, and where it is kept."""
    if not incident.diagnostics:
        return []
    return [
        f"Diagnostics: nightshift diagnostics {incident.incident_id}",
        *(f"  {key}" for key in incident.diagnostics),
    ]


def _tried(levels: tuple[Level, ...]) -> str:
    if not levels:
        return "nothing"
    return "; ".join(f"level {one.level} {one.remedy}: {_outcome(one)}" for one in levels)


def _outcome(level: Level) -> str:
    last = level.detail.splitlines()[-1] if level.detail else ""
    return f"{level.outcome} after {level.seconds} s" + (f" ({last[:120]})" if last else "")
