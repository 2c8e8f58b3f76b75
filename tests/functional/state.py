"""What stands in the tables and reached the outside, read past the handlers and without their policies."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from nightshift import clock
from nightshift.aws import session, tables
from nightshift.aws.groups import Groups
from nightshift.aws.incidents import Incidents, Subject
from nightshift.aws.journals import Journals
from nightshift.aws.nodes import Nodes
from nightshift.aws.pauses import Pauses
from nightshift.aws.steps import Steps
from nightshift.aws.turns import Turns
from nightshift.fleet import GroupState, Node
from nightshift.incident import Incident
from nightshift.journal import verify
from tests.stack import stack

GROUP = "web-prod"


@dataclass
class State:
    """The stack's stores, its executions and its pages."""

    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    read_pages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def nodes(self) -> Nodes:
        """The inventory."""
        return Nodes(stack().ref("NodesTable"))

    @property
    def groups(self) -> Groups:
        """Leases, pause, desired releases."""
        return Groups(stack().ref("GroupsTable"))

    @property
    def pauses(self) -> Pauses:
        """The pause of everything."""
        return Pauses(self.groups, self.journals)

    @property
    def turns(self) -> Turns:
        """Who deploys to a group."""
        return Turns(stack().ref("GroupsTable"))

    @property
    def incidents(self) -> Incidents:
        """Incidents and subjects."""
        return Incidents(stack().ref("IncidentsTable"), self.journals)

    @property
    def journals(self) -> Journals:
        """Every chain."""
        return Journals(stack().ref("JournalTable"))

    @property
    def steps(self) -> Steps:
        """Intents and tokens."""
        return Steps(stack().ref("StepsTable"))

    def pause(self, by: str = "ada", why: str = "change") -> None:
        """Somebody stops everything."""
        self.pauses.begin(by, why, clock.now())

    def resume(self, by: str = "ada", why: str = "done") -> None:
        """Somebody lets it go on."""
        self.pauses.end(by, why, clock.now())

    def incident(self, incident_id: str) -> Incident:
        """An incident as it is now."""
        return self.incidents.get(incident_id)

    def subject(self, node_id: str) -> Subject:
        """What is known of a subject."""
        return self.incidents.subject(node_id)

    def node(self, node_id: str) -> Node:
        """A node of the inventory."""
        found = self.nodes.get(node_id)
        assert found is not None, f"{node_id} is not in the inventory"
        return found

    def group(self) -> GroupState:
        """The one group there is."""
        found = self.groups.get(GROUP)
        assert found is not None
        return found

    def story(self, incident_id: str) -> list[tuple[str, str]]:
        """(kind, verdict) of every entry about an incident, after the chain was verified against its head."""
        entries = list(self.journals.read(incident_id))
        checked = verify(incident_id, entries, self.incident(incident_id).head)
        assert checked.intact, checked
        return [(str(one.content["kind"]), str(one.content["verdict"])) for one in entries]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The details of every event of a name that was published."""
        return [detail for kind, detail in self.published if kind == name]

    def instances(self) -> list[str]:
        """The ids of every group's instances, as Auto Scaling sees them now."""
        found = session.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        return [one["InstanceId"] for group in found for one in group["Instances"]]

    def pages(self) -> list[dict[str, Any]]:
        """Every page that the topic's subscriber got, in order."""
        sqs = session.client("sqs")
        url = sqs.get_queue_url(QueueName="pager")["QueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:  # one that stays in the queue comes again when time has passed
                self.read_pages.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self.read_pages

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything that stands in a table."""
        return list(tables.pages("scan", TableName=stack().ref(table)))

    def executions(self) -> list[str]:
        """The names of the executions that were started."""
        arn = stack().ref("HealStateMachine")
        found = session.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
        return sorted(one["name"] for one in found)
