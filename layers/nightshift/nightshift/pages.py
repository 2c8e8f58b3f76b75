"""The page a person gets: what happened, what was tried, why Nightshift stops, and what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from nightshift.events import STORM
from nightshift.fleet import Node
from nightshift.incident import Approval, Incident, Level

Kind = Literal["incident", "approval", "deployment", "digest", "policy", "command"]


@dataclass(frozen=True)
class Page:
    """``key`` is the same for every page that says the same, so that a pager can drop a duplicate.

    ``severity`` is one of the policy's; ``link`` leads to what it is about. ``answer`` is a signed address
    that answers a question: it goes out with the first sending, and is stored nowhere.
    """

    key: str
    title: str
    body: str
    severity: str = "critical"
    kind: Kind = "incident"
    app: str = ""
    group: str = ""
    link: str = ""
    answer: str = ""

    @property
    def text(self) -> str:
        """All that a person reads below the title."""
        return f"{self.body}\nOr here, once: {self.answer}" if self.answer else self.body

    def payload(self) -> dict[str, str]:
        """The page as a webhook gets it."""
        told = {name: getattr(self, name) for name in ("severity", "kind", "app", "group", "link")}
        return {"version": "1", "dedup_key": self.key, "title": self.title, "text": self.text, **told}

    def stored(self) -> dict[str, Any]:
        """The page as it is kept until everybody has it."""
        return {name: value for name, value in asdict(self).items() if name != "answer"}


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
    ]
    return Page(
        question(incident.incident_id, asked.remedy),
        f"[nightshift] may {asked.remedy} run on {name}?",
        "\n".join(lines),
        severity="warning",
        kind="approval",
        app=node.app if node else "",
        group=incident.group,
        answer=link,
    )


def question(subject_id: str, remedy: str) -> str:
    """The key of the page that asks about a remedy, or about a release by its version."""
    return f"{subject_id}-approval-{remedy}"


def over(page: Page, reason: str) -> Page:
    """What a channel is told when that which was paged is over."""
    return replace(page, title=f"{page.title}: over", body=f"Over: {reason}", severity="info")


def compose(incident: Incident, node: Node | None, reason: str, severity: str = "critical") -> Page:
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
        severity,
        app=node.app if node else "",
        group=incident.group,
    )


def _storm(incident: Incident, reason: str) -> Page:
    lines = [
        f"What: {reason}.",
        f"Since: {incident.opened_at}",
        "Tried: nothing; healing of this group is held until the storm is over, then goes on.",
        "Why you: so many nodes at once have a common cause, which no remedy on a node removes.",
        f"Next: nightshift incidents, then nightshift why {incident.incident_id}",
    ]
    title = f"[nightshift] storm in {incident.group} needs you"
    return Page(incident.incident_id, title, "\n".join(lines), group=incident.group)


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
