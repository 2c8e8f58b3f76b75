"""The SSM that agents and functions meet: refusals, limits, deadlines, outputs and events."""

import json
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.contract.fleet.harness import wait_for
from tools.local.fleet.bus import EventBus
from tools.local.fleet.commands import Commands
from tools.local.fleet.documents import DocumentStore
from tools.local.fleet.errors import SsmError
from tools.local.fleet.layout import NodeFacts
from tools.local.fleet.machine import Machine
from tools.local.fleet.registry import Node, Registry

ECHO = """
schemaVersion: '2.2'
parameters:
  Word: {type: String, allowedPattern: '^[a-z]+$', interpolationType: ENV_VAR}
  Words: {type: StringList, default: [one, two], maxItems: 3}
  Size: {type: String, allowedValues: [small, large], default: small}
  Free: {type: String, default: '', maxChars: 5}
mainSteps:
  - action: aws:runShellScript
    name: first
    inputs: {timeoutSeconds: '9', runCommand: ['echo "$SSM_Word-{{ Word }}-{{ Size }}"', '{{ Words }}']}
"""
RUN = """
schemaVersion: '2.2'
parameters:
  Lines: {type: StringList}
  Seconds: {type: String, default: '20'}
mainSteps:
  - {action: 'aws:runShellScript', name: lines,
     inputs: {timeoutSeconds: '{{ Seconds }}', runCommand: '{{ Lines }}'}}
  - {action: 'aws:runShellScript', name: after, inputs: {runCommand: [echo after]}}
"""
WINDOWS = """
schemaVersion: '2.2'
mainSteps:
  - action: aws:runShellScript
    name: never
    precondition: {StringEquals: [platformType, Windows]}
    inputs: {runCommand: [exit 9]}
"""


class KeptEvents(EventBus):
    """Keeps what would be posted."""

    def __init__(self):
        super().__init__("http://127.0.0.1:9")
        self.kept = []

    def put(self, source, kind, detail, resources=()):
        """Keep one event."""
        assert (source, isinstance(resources, list)) == ("aws.ssm", True)
        self.kept.append((kind, detail["status"], detail.get("instance-id")))


class Bench:
    """Commands over nodes without processes; tests speak as their agents."""

    def __init__(self, tmp_path, nodes=4):
        self.registry, self.bus, documents = Registry(), KeptEvents(), DocumentStore()
        documents.create("Echo", ECHO, "YAML")
        self.commands = Commands(documents, self.registry, self.bus)
        for number in range(1, nodes + 1):
            facts = NodeFacts(
                id=f"i-{number}",
                name=f"web-{number}",
                group="web-test" if number < 4 else "api-test",
                app="web",
                auto_scaling_group="web",
                dir=str(tmp_path),
                machine_dir=str(tmp_path),
                port=1,
                ssh_port=2,
                token=f"t{number}",
                fleet="",
                ssh_keys="",
            )
            node = Node(facts, Machine(facts))
            node.greet(1, "key")
            self.registry.add(node)

    def send(self, **request):
        """Send Echo, to every node unless told otherwise."""
        request = {"DocumentName": "Echo", "Parameters": {"Word": ["a"]}, **request}
        if "Targets" not in request:
            request.setdefault("InstanceIds", list(self.registry.nodes))
        return self.commands.send(request)

    def waiting(self):
        """Nodes that have work."""
        return [node_id for node_id in self.registry.nodes if self.commands.next_work(node_id)]

    def report(self, command, node_id, status="Success"):
        """Speak as a node's agent."""
        plugin = {"status": status, "code": 0, "stdout": "", "stderr": "", "started": 1.0, "ended": 2.0}
        self.commands.report(node_id, {"command": command.id, "status": status, "plugins": [plugin]})

    def statuses(self, command):
        """Details of the invocations."""
        return [invocation.details for invocation in command.invocations.values()]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_concurrency_limits_how_many_have_it_at_once(bench):
    """With MaxConcurrency 50 % of four, the third gets it when one of the first two is done."""
    command = bench.send(MaxConcurrency="50%")
    assert bench.waiting() == ["i-1", "i-2"]
    bench.report(command, "i-1", "InProgress")
    assert bench.waiting() == ["i-2"]
    bench.report(command, "i-1")
    assert bench.waiting() == ["i-2", "i-3"]
    for node_id in ("i-2", "i-3", "i-4"):
        bench.report(command, node_id)
    assert (command.status, command.details) == ("Success", "Success")


def test_too_many_errors_spare_the_rest(bench):
    """Beyond MaxErrors nobody else gets the command, and it has failed."""
    command = bench.send(MaxConcurrency="1", MaxErrors="1")
    bench.report(command, "i-1", "Failed")
    bench.report(command, "i-2", "Failed")
    assert bench.waiting() == []
    assert bench.statuses(command) == ["Failed", "Failed", "Terminated", "Terminated"]
    assert (command.status, command.details) == ("Failed", "Failed")


def test_tolerated_errors_are_incomplete(bench):
    """Failures within MaxErrors do not stop the others, and are told."""
    command = bench.send(MaxErrors="1")
    bench.report(command, "i-2", "Failed")
    for node_id in ("i-1", "i-3", "i-4"):
        bench.report(command, node_id)
    assert (command.status, command.details) == ("Failed", "Incomplete")


def test_what_no_agent_takes_times_out(bench):
    """After TimeoutSeconds an undelivered invocation is DeliveryTimedOut, and stays so."""
    command = bench.send(InstanceIds=["i-1"], TimeoutSeconds=30)
    command.requested -= 31
    bench.commands.tick()
    assert (command.status, command.details) == ("TimedOut", "DeliveryTimedOut")
    bench.report(command, "i-1")
    assert bench.statuses(command) == ["DeliveryTimedOut"]
    assert bench.waiting() == []


def test_what_an_agent_never_finishes_times_out(bench):
    """Long after all step timeouts a silent node's invocation is ExecutionTimedOut."""
    command = bench.send(InstanceIds=["i-1"])
    bench.report(command, "i-1", "InProgress")
    command.invocations["i-1"].started -= 30
    bench.commands.tick()
    assert (command.status, command.details) == ("TimedOut", "ExecutionTimedOut")


def test_a_vanished_node_is_undeliverable(bench):
    """Terminating a node ends what it had to do."""
    command = bench.send(InstanceIds=["i-1"])
    bench.registry.remove("i-1")
    bench.commands.tick()
    assert (command.status, bench.statuses(command)) == ("Failed", ["Undeliverable"])


def test_a_cancelled_command_ends_everywhere(bench):
    """What did not begin is cancelled at once, what runs once its agent says so."""
    command = bench.send(InstanceIds=["i-1", "i-2"])
    bench.report(command, "i-1", "InProgress")
    bench.commands.cancel(command.id, [])
    assert (command.status, bench.registry.nodes["i-1"].cancellations) == ("Cancelling", [command.id])
    bench.report(command, "i-1", "Cancelled")
    assert (command.status, bench.statuses(command)) == ("Cancelled", ["Cancelled", "Cancelled"])


def test_targets_are_found_by_tag(bench):
    """Tags choose nodes; several targets have to hold together; none is no error."""
    by_group = bench.send(Targets=[{"Key": "tag:nightshift:group", "Values": ["web-test", "other"]}])
    assert list(by_group.invocations) == ["i-1", "i-2", "i-3"]
    both = bench.send(
        Targets=[
            {"Key": "InstanceIds", "Values": ["i-3", "i-4"]},
            {"Key": "tag:nightshift:group", "Values": ["api-test"]},
        ]
    )
    assert list(both.invocations) == ["i-4"]
    none = bench.send(Targets=[{"Key": "tag:Name", "Values": ["nobody"]}])
    assert (none.status, none.details) == ("Success", "NoInstancesInTag")


def test_status_is_set_before_its_event_and_repetitions_are_silent(bench):
    """Each change is told once, in order, of the invocation and of the command."""
    command = bench.send(InstanceIds=["i-1"])
    for status in ("InProgress", "InProgress", "Success", "Success"):
        bench.report(command, "i-1", status)
    invocation, whole = (
        "EC2 Command Invocation Status-change Notification",
        "EC2 Command Status-change Notification",
    )
    assert bench.bus.kept == [
        (invocation, "InProgress", "i-1"),
        (whole, "InProgress", None),
        (invocation, "Success", "i-1"),
        (whole, "Success", None),
    ]


BAD = {
    "missing": ({}, "Word is required"),
    "unknown": ({"Word": ["a"], "Other": ["b"]}, "unknown parameters: Other"),
    "pattern": ({"Word": ["a; rm -rf /"]}, "does not match"),
    "line break": ({"Word": ["a\n"]}, "does not match"),
    "two for a String": ({"Word": ["a", "b"]}, "takes one value"),
    "too many items": ({"Word": ["a"], "Words": ["1", "2", "3", "4"]}, "more than 3"),
    "value": ({"Word": ["a"], "Size": ["huge"]}, "not one of"),
    "length": ({"Word": ["a"], "Free": ["123456"]}, "longer than 5"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_parameters_are_refused(bench, case):
    """InvalidParameters, with the parameter and the reason, and nothing is sent."""
    parameters, reason = BAD[case]
    with pytest.raises(SsmError, match=reason) as refused:
        bench.send(Parameters=parameters)
    assert refused.value.code == "InvalidParameters"
    assert bench.waiting() == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"InstanceIds": ["i-1", "i-99"]}, "InvalidInstanceId"),
        ({"InstanceIds": []}, "ValidationException"),
        ({"InstanceIds": ["i-1"], "Targets": [{"Key": "tag:a", "Values": []}]}, "ValidationException"),
        ({"InstanceIds": ["i-1"] * 51}, "ValidationException"),
        ({"DocumentName": "Nobody"}, "InvalidDocument"),
        ({"DocumentVersion": "7"}, "InvalidDocumentVersion"),
        ({"MaxConcurrency": "some"}, "ValidationException"),
        ({"Targets": [{"Key": "colour", "Values": ["red"]}]}, "InvalidTarget"),
    ],
)
def test_bad_requests_are_refused(bench, request_, code):
    """Each with the code that SSM uses."""
    with pytest.raises(SsmError) as refused:
        bench.send(**request_)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "InvalidDocumentContent"),
        ("schemaVersion: '1.2'", "InvalidDocumentSchemaVersion"),
        ("schemaVersion: '2.2'", "InvalidDocumentContent"),
        ("{schemaVersion: '2.2', mainSteps: [{action: 'aws:other', name: a}]}", "InvalidDocumentContent"),
    ],
)
def test_bad_documents_are_refused(text, code):
    """Only documents that would run here are stored."""
    with pytest.raises(SsmError) as refused:
        DocumentStore().create("Bad", text, "YAML")
    assert refused.value.code == code


# -- over the wire, on real nodes


@pytest.fixture(scope="module")
def node(fleet):
    """A node of the fleet and the documents of this file."""
    for name, text in {"Echo": ECHO, "Run": RUN, "Windows": WINDOWS}.items():
        fleet.create_document(name, text)
    return wait_for(lambda: fleet.nodes("api", "in_service"))[0]["id"]


def run(fleet, node_id, *lines, seconds="20"):
    command = fleet.ssm.send_command(
        InstanceIds=[node_id],
        DocumentName="Nightshift-Run",
        Comment="from a test",
        Parameters={"Lines": list(lines), "Seconds": [seconds]},
    )
    return fleet.finish(command["Command"]["CommandId"])[0]


def test_parameters_reach_the_script_both_ways(fleet, node):
    """As variables and in place of braces; list items become lines."""
    done = fleet.finish(fleet.send("Echo", node, Word="hello"))[0]
    assert done["Status"] == "Failed"  # `one` and `two` are no commands
    output = done["CommandPlugins"][0]["Output"]
    assert output.startswith("hello-hello-small\n\n----------ERROR-------\n")
    assert "one" in output


def test_refusals_come_as_boto3_exceptions(fleet, node):
    """Clients meet the very exceptions that AWS's SSM raises."""
    with pytest.raises(fleet.ssm.exceptions.InvalidParameters, match="does not match"):
        fleet.send("Echo", node, Word="NO")
    with pytest.raises(fleet.ssm.exceptions.InvalidInstanceId):
        fleet.send("Echo", "i-0123456789abcdef0", Word="a")
    with pytest.raises(fleet.ssm.exceptions.InvalidDocument):
        fleet.send("Nothing", node)
    command = fleet.send("Windows", node)
    with pytest.raises(fleet.ssm.exceptions.InvocationDoesNotExist):
        fleet.ssm.get_command_invocation(CommandId=command, InstanceId="i-0123456789abcdef0")
    with pytest.raises(ClientError, match="UnknownOperationException"):
        fleet.ssm.list_associations()


def test_outputs_are_cut_as_ssm_cuts_them(fleet, node):
    """2,500 characters in a list with details, 24,000 for one invocation; the comment is kept."""
    done = run(fleet, node, "yes | head -c 40000")
    assert len(done["CommandPlugins"][0]["Output"]) == 2500
    assert done["CommandPlugins"][0]["Output"].endswith("---Output truncated---")
    whole = fleet.ssm.get_command_invocation(CommandId=done["CommandId"], InstanceId=node, PluginName="lines")
    assert len(whole["StandardOutputContent"]) == 24_000
    assert (whole["Comment"], whole["ResponseCode"], whole["Status"]) == ("from a test", 0, "Success")


def test_a_failed_step_ends_the_command(fleet, node):
    """The code is told, and later steps do not run."""
    done = run(fleet, node, "echo out", "echo err >&2", "exit 12")
    first, after = done["CommandPlugins"]
    assert (done["Status"], first["ResponseCode"]) == ("Failed", 12)
    assert first["Output"] == "out\n\n----------ERROR-------\nerr\n"
    assert (after["Status"], after["Output"]) == ("Pending", "")


def test_a_step_that_takes_too_long_is_killed_with_its_children(fleet, node):
    """At its timeout the whole process group ends; what it printed is kept."""
    done = run(fleet, node, "echo begun", "sleep 97531 & sleep 97531", seconds="1")
    assert (done["Status"], done["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert done["CommandPlugins"][0]["Output"] == "begun\n"
    machine = Path(fleet.node(node)["machine_dir"])
    assert not [one for one in fleet.living([machine]) if "97531" in one.cmdline()]


def test_a_running_command_can_be_cancelled(fleet, node):
    """CancelCommand reaches the node and ends the step."""
    parameters = {"Lines": ["sleep 97532"], "Seconds": ["60"]}
    sent = fleet.ssm.send_command(InstanceIds=[node], DocumentName="Nightshift-Run", Parameters=parameters)[
        "Command"
    ]["CommandId"]
    machine = Path(fleet.node(node)["machine_dir"])
    wait_for(lambda: [one for one in fleet.living([machine]) if "97532" in one.cmdline()])
    fleet.ssm.cancel_command(CommandId=sent)
    assert fleet.finish(sent)[0]["Status"] == "Cancelled"
    assert not [one for one in fleet.living([machine]) if "97532" in one.cmdline()]


def test_a_daemon_left_behind_does_not_hold_a_step_up(fleet, node):
    """A step is over when its shell is, whoever still holds its pipes."""
    done = run(fleet, node, "sleep 60 & echo done", seconds="20")
    assert done["Status"] == "Success"
    assert done["CommandPlugins"][0]["Output"] == "done\n"


def test_an_unmet_precondition_skips_the_step(fleet, node):
    """A step for another platform does not run, and that is a success."""
    done = fleet.finish(fleet.send("Windows", node))[0]
    assert done["Status"] == "Success"
    assert "skipped" in done["CommandPlugins"][0]["Output"]


def test_scripts_find_the_node_and_nothing_of_the_developer(fleet, node):
    """The environment of a step is the node's own."""
    done = run(fleet, node, "env | cut -d= -f1 | sort | tr '\\n' ' '")
    names = set(done["CommandPlugins"][0]["Output"].split())
    assert {"NIGHTSHIFT_ROOT", "NIGHTSHIFT_STATE", "SUPERVISOR_CONF", "PATH", "AWS_SSM_INSTANCE_ID"} <= names
    assert not names & {"VIRTUAL_ENV", "USER", "AWS_SECRET_ACCESS_KEY", "PYTEST_CURRENT_TEST"}


def test_events_have_the_shape_of_aws(fleet, node):
    """Detail of the status-change events, with parameters as a JSON text."""
    done = run(fleet, node, "true")

    def told(kind):
        found = fleet.cloud.events_of(kind)
        return [one for one in found if one["command-id"] == done["CommandId"] and one["status"] == "Success"]

    whole = wait_for(lambda: told("EC2 Command Status-change Notification"))[0]
    assert set(whole) == {
        "command-id", "document-name", "requested-date-time", "expire-after", "parameters", "status",
    }  # fmt: skip
    assert whole["document-name"] == "Nightshift-Run"
    assert json.loads(whole["parameters"])["Lines"] == ["true"]
    one = wait_for(lambda: told("EC2 Command Invocation Status-change Notification"))[0]
    assert (one["instance-id"], one["status"]) == (node, "Success")


def test_instances_are_described(fleet, node):
    """Registered nodes are online, can be filtered and paged."""
    listed = fleet.ssm.get_paginator("describe_instance_information").paginate(
        PaginationConfig={"PageSize": 5}
    )
    found = {one["InstanceId"]: one for page in listed for one in page["InstanceInformationList"]}
    assert found[node]["PingStatus"] == "Online"
    tag = [{"Key": "tag:nightshift:app", "Values": ["api"]}]
    only = fleet.ssm.describe_instance_information(Filters=tag)["InstanceInformationList"]
    assert [one["InstanceId"] for one in only] == [node]
    assert time.time() - only[0]["LastPingDateTime"].timestamp() < 10


def test_documents_have_versions(fleet):
    """Create, update, read, list and delete; the same content twice is refused."""
    fleet.create_document("Life", ECHO)
    with pytest.raises(fleet.ssm.exceptions.DocumentAlreadyExists):
        fleet.create_document("Life", ECHO)
    update = {"Name": "Nightshift-Life", "DocumentFormat": "YAML", "DocumentVersion": "$LATEST"}
    with pytest.raises(fleet.ssm.exceptions.DuplicateDocumentContent):
        fleet.ssm.update_document(Content=ECHO, **update)
    described = fleet.ssm.update_document(Content=WINDOWS, **update)["DocumentDescription"]
    assert (described["DocumentVersion"], described["DefaultVersion"]) == ("2", "2")
    assert fleet.ssm.get_document(Name="Nightshift-Life")["Content"] == WINDOWS
    assert fleet.ssm.get_document(Name="Nightshift-Life", DocumentVersion="1")["Content"] == ECHO
    names = [one["Name"] for one in fleet.ssm.list_documents()["DocumentIdentifiers"]]
    assert "Nightshift-Life" in names
    fleet.ssm.delete_document(Name="Nightshift-Life")
    with pytest.raises(fleet.ssm.exceptions.InvalidDocument):
        fleet.ssm.describe_document(Name="Nightshift-Life")
