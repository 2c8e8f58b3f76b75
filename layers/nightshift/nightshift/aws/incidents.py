"""The incidents table: one item per incident, and one per subject that points to its open incident.

Every change of an incident is one transaction that also appends the journal's entry explaining it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import BaseModel

from nightshift.aws import tables
from nightshift.aws.amending import Amending
from nightshift.aws.journals import Journals
from nightshift.aws.tables import Write
from nightshift.errors import Permanent
from nightshift.incident import Incident
from nightshift.journal import GENESIS, Note


class Subject(BaseModel):
    """What is known of a subject: its open incident, the last that ended, and when each alarm last spoke."""

    open_incident: str = ""
    last_incident: str = ""
    seen: dict[str, str] = {}


class Incidents(Amending[Incident]):
    """Reads are consistent; writes are conditioned on the version that was read."""

    tries = 5

    def __init__(self, table: str, journals: Journals) -> None:
        self._table = table
        self._journals = journals

    def get(self, incident_id: str) -> Incident:
        """The incident; raises Permanent ``incident.unknown``."""
        found = self.find(incident_id)
        if found is None:
            raise Permanent("incident.unknown", f"there is no incident {incident_id}")
        return found

    def find(self, incident_id: str) -> Incident | None:
        """The incident, or None."""
        item = tables.get(self._table, {"incident_id": incident_id})
        return Incident.model_validate(item) if item else None

    def subject(self, subject: str) -> Subject:
        """What is known of a subject; empty for a new one."""
        return Subject.model_validate(tables.get(self._table, {"incident_id": f"subject#{subject}"}) or {})

    def open(self, incident: Incident, alarm: str, at: datetime, note: Note, *more: Write) -> Incident:
        """Store a new incident as its subject's open one, with ``more`` writes in the same transaction.

        Raises Conflict when there is one already.
        """
        entry = self._journals.link(incident.incident_id, 1, GENESIS, at, note)
        stored = incident.model_copy(update={"version": 1, "seq": 1, "head": entry.hash})
        heard = self.subject(incident.subject).seen | {alarm: incident.symptoms[incident.symptom].raised_at}
        tables.transact(
            [
                tables.put("incident", self._table, _item(stored), unless="incident_id"),
                self.point(incident.subject, incident.incident_id, heard),
                self._journals.append(entry),
                *more,
            ]
        )
        return stored

    def record(
        self, incident: Incident, at: datetime, note: Note, /, *more: Write, **changes: object
    ) -> Incident:
        """Change ``incident`` and append ``note``, with ``more`` writes in the same transaction.

        Raises Conflict when the incident is not as it was read, or when one of ``more`` loses.
        """
        entry = self._journals.link(incident.incident_id, incident.seq + 1, incident.head, at, note)
        version = {"version": incident.version + 1, "seq": entry.seq, "head": entry.hash}
        changed = incident.model_copy(update={**changes, **version})
        write = tables.replace("incident", self._table, _item(changed), read=incident.version)
        tables.transact([write, self._journals.append(entry), *more])
        return changed

    def point(self, subject: str, incident_id: str, seen: Mapping[str, str]) -> Write:
        """The write that makes an incident its subject's open one; it loses if another one is."""
        return tables.update(
            "subject",
            self._table,
            {"incident_id": f"subject#{subject}"},
            "SET open_incident = :id, seen = :seen",
            {":id": incident_id, ":seen": dict(seen)},
            condition="attribute_not_exists(open_incident) OR open_incident = :id",
        )

    def release(self, subject: str, incident_id: str) -> Write:
        """The write that leaves a subject without an open incident."""
        return tables.update(
            "subject",
            self._table,
            {"incident_id": f"subject#{subject}"},
            "SET last_incident = :id REMOVE open_incident",
            {":id": incident_id},
            condition="open_incident = :id",
        )

    def freed(self, incident: Incident) -> list[Write]:
        """The writes that leave its subject, and the node that took its subject's place, without it."""
        subjects = dict.fromkeys((incident.subject, incident.node_id))
        return [self.release(one, incident.incident_id) for one in subjects]

    def hear(self, subject: str, alarm: str, at: str) -> Write:
        """The write that remembers when ``alarm`` spoke last; it loses when something newer was heard."""
        return tables.update(
            "heard",
            self._table,
            {"incident_id": f"subject#{subject}"},
            "SET seen.#alarm = :at",
            {":at": at},
            condition="attribute_not_exists(seen.#alarm) OR seen.#alarm < :at",
            names={"#alarm": alarm},
        )

    def listing(self, state: str, limit: int = 100) -> Iterator[Incident]:
        """The newest incidents in ``state``, by the index; for people and sweeps, never for guards."""
        for item in tables.newest(self._table, "by_state", "state", state, limit):
            yield Incident.model_validate(item)


def _item(incident: Incident) -> dict[str, object]:
    return incident.model_dump(mode="json", exclude_none=True)
