"""What the demo sees: the fleet, the incidents, their journals and the pages, asked afresh on each look."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nightshift.aws import tables
from nightshift.aws.deployments import Deployments
from nightshift.aws.groups import Groups
from nightshift.aws.incidents import Incidents
from nightshift.aws.journals import Journals
from nightshift.deployment import Deployment
from nightshift.incident import Incident
from nightshift.journal import Entry
from tools.cli.connection import Connection
from tools.local.demo.pager import Pager

Node = dict[str, Any]


@dataclass
class World:
    """One look at everything; ``look`` renews it and tells what is new in the journals."""

    connection: Connection
    pager: Pager
    fleet: str
    began: float = field(default_factory=time.monotonic)
    nodes: list[Node] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    _read: dict[str, int] = field(default_factory=dict)

    @property
    def journals(self) -> Journals:
        """The journal table, and where large inputs are kept."""
        return Journals(self.connection.output("JournalTable"), self.connection.output("ArtifactsBucket"))

    @property
    def store(self) -> Incidents:
        """The incidents table."""
        return Incidents(self.connection.output("IncidentsTable"), self.journals)

    @property
    def seconds(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self.began

    def look(self) -> list[tuple[Incident, Entry]]:
        """Look again; returns the journal entries that were written since the last look."""
        self.nodes = json.loads(_get(f"{self.fleet}/fleet/nodes"))
        self.pager.look()
        self.incidents = sorted(self._incidents(), key=lambda one: one.opened_at)
        return [(incident, entry) for incident in self.incidents for entry in self._news(incident)]

    def node(self, name: str) -> Node:
        """The node called ``name``; raises KeyError when it is gone."""
        for node in self.nodes:
            if node["name"] == name:
                return node
        raise KeyError(name)

    def node_by_id(self, node_id: str) -> Node | None:
        """The node with an id, if it is there."""
        return next((node for node in self.nodes if node["id"] == node_id), None)

    def incident_of(self, subject: str, symptom: str = "") -> Incident | None:
        """The newest incident about a node (and symptom)."""
        found = [one for one in self.incidents if one.subject == subject and symptom in ("", one.symptom)]
        return found[-1] if found else None

    def commands_of(self, incident_id: str) -> int:
        """How many commands were sent for an incident."""
        commands = self.connection.client("ssm").list_commands()["Commands"]
        return sum(incident_id in one.get("Comment", "") for one in commands)

    def holders(self, group: str) -> list[str]:
        """Who holds a node of the group at this moment."""
        found = Groups(self.connection.output("GroupsTable")).get(group)
        return [lease.incident_id for lease in found.leases.values()] if found else []

    def deployments(self, group: str) -> list[Deployment]:
        """The deployments to a group, the oldest first, read from the table: the index may be behind."""
        store = Deployments(self.connection.output("DeploymentsTable"), self.journals)
        found = [store.get(one.deployment_id) for one in store.of_group(group)]
        return sorted(found, key=lambda one: one.created_at)

    def is_quiet(self, node_id: str, symptom: str) -> bool:
        """Whether the node's alarm for a symptom says OK."""
        name = f"nightshift-node-{symptom}-{node_id}"
        found = self.connection.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return bool(found) and found[0]["StateValue"] == "OK"

    def answers(self, node_id: str) -> bool:
        """Whether the node's own service answers its health check with its own name."""
        node = self.node_by_id(node_id)
        if node is None:
            return False
        try:
            said = json.loads(_get(f"{node['url']}/health"))
        except (OSError, ValueError):
            return False
        return bool(said.get("node") == node_id and said.get("status") == "ok")

    def _incidents(self) -> Iterator[Incident]:
        for item in tables.pages(
            "scan", TableName=self.connection.output("IncidentsTable"), ConsistentRead=True
        ):
            if "version" in item:  # the others point from a subject to its incident
                yield Incident.model_validate(item)

    def _news(self, incident: Incident) -> list[Entry]:
        known = self._read.get(incident.incident_id, 0)
        if incident.seq == known:
            return []
        entries = [entry for entry in self.journals.read(incident.incident_id) if entry.seq > known]
        self._read[incident.incident_id] = known + len(entries)
        return entries


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=2) as answer:
        return bytes(answer.read())
