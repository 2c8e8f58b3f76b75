"""What the nightshift command reads and writes, on moto's tables of a deployed stack."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from nightshift import clock, policy, remedies
from nightshift.aws import session, tables
from nightshift.aws.groups import Groups
from nightshift.aws.incidents import Incidents
from nightshift.aws.journals import Journals
from nightshift.aws.nodes import Nodes
from nightshift.aws.policies import Pointer, Policies
from nightshift.errors import Conflict
from nightshift.fleet import Fared, Node
from nightshift.incident import Heard, Incident, Level
from nightshift.journal import GENESIS, Note
from nightshift.policy_layers import Layers
from tests.functional.staging import POLICY
from tools.cli import app
from tools.cli.connection import Connection

AWS = ["--region", "us-east-1"]
OPENED = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def _table(*keys, index=()):
    attributes = [
        {"AttributeName": name, "AttributeType": "N" if name == "seq" else "S"}
        for name in (*keys, *index[1:])
    ]
    schema = [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)
    ]
    properties = {"AttributeDefinitions": attributes, "KeySchema": schema, "BillingMode": "PAY_PER_REQUEST"}
    if index:
        name, *by = index
        schema = [
            {"AttributeName": one, "KeyType": kind} for one, kind in zip(by, ("HASH", "RANGE"), strict=True)
        ]
        properties["GlobalSecondaryIndexes"] = [
            {"IndexName": name, "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}
        ]
    return {"Type": "AWS::DynamoDB::Table", "Properties": properties}


TABLES = {
    "NodesTable": _table("node_id"),
    "GroupsTable": _table("group"),
    "IncidentsTable": _table("incident_id", index=("by_state", "state", "opened_at")),
    "DeploymentsTable": _table("deployment_id", index=("by_group", "group", "created_at")),
    "CommandsTable": _table("command_id"),
    "JournalTable": _table("chain", "seq"),
    "PoliciesTable": _table("policy_version"),
    "AnchorsBucket": {"Type": "AWS::S3::Bucket"},
}


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    """A deployed stack in an account of moto's, with its outputs by name."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    template = {"Resources": TABLES, "Outputs": {name: {"Value": {"Ref": name}} for name in TABLES}}
    with mock_aws():
        session.client.cache_clear()
        session._session.cache_clear()
        boto3.client("cloudformation").create_stack(StackName="nightshift", TemplateBody=json.dumps(template))
        yield Connection(app.Target(region="us-east-1")).outputs
        session.client.cache_clear()
        session._session.cache_clear()


def _node(node_id, name, **more):
    facts = {
        "app": "web",
        "group": "web-prod",
        "auto_scaling_group": "web-prod",
        "state": "in_service",
        "release": "1.0.0",
        "registered_at": "2026-11-01T00:00:00.000Z",
    }
    return Node(node_id=node_id, name=name, **{**facts, **more})


@pytest.fixture
def nodes(outputs):
    """Two nodes in service and one that is gone."""
    inventory = Nodes(outputs["NodesTable"])
    inventory.register(_node("i-2", "web-prod-2"))
    inventory.register(_node("i-1", "web-prod-1"))
    inventory.register(_node("i-0", "web-prod-1", state="terminated"))
    return inventory


@pytest.fixture
def incident(outputs):
    """A healed incident of i-1 with a chain of three entries."""
    incidents = Incidents(outputs["IncidentsTable"], Journals(outputs["JournalTable"]))
    at = clock.iso(OPENED)
    heard = Heard(alarm="nightshift-node-service_down-i-1", held_since=at, raised_at=at)
    fresh = Incident(
        incident_id="inc-1",
        subject="i-1",
        node_id="i-1",
        group="web-prod",
        symptom="service_down",
        symptoms={"service_down": heard},
        opened_at=at,
        head=GENESIS,
    )
    opened = incidents.open(
        fresh, heard.alarm, OPENED, Note("opened", "open_incident", "opened", "ServiceUp below 1")
    )
    level = Level(
        level=1,
        remedy="restart_service",
        symptom="service_down",
        step_id="inc-1-restart-service",
        outcome="healed",
        started_at=at,
        seconds=4,
    )
    acted = incidents.record(
        opened, OPENED.replace(second=1), Note("intent", "apply_remedy", "act", "level 1"), levels=(level,)
    )
    note = Note("closed", "close_incident", "healed", "gone")
    end = OPENED.replace(second=6)
    return incidents.record(acted, end, note, state="healed", reason="gone", closed_at=clock.iso(end))


def _json(capsys, *arguments):
    assert app.main([*AWS, *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("nodes")
def test_nodes_have_their_promised_shape(capsys):
    """The documented keys, sorted by name; what was terminated only with --all; no local part in AWS."""
    listed = _json(capsys, "nodes")
    assert [row["id"] for row in listed] == ["i-1", "i-2"]
    assert listed[0] == {
        "id": "i-1",
        "name": "web-prod-1",
        "app": "web",
        "group": "web-prod",
        "transport": "ssm",
        "state": "in_service",
        "release": "1.0.0",
        "url": "",
        "local": None,
    }
    assert [row["id"] for row in _json(capsys, "nodes", "--all")] == ["i-0", "i-1", "i-2"]


@pytest.mark.usefixtures("nodes")
def test_nodes_that_the_policy_reaches_by_ssh_are_listed_after_the_inventory_s(capsys, outputs):
    """Nobody watches their state; they are named as ``run`` and ``inspect`` name them."""
    text = POLICY + "ssh: { nodes: { depot-1: { host: depot-1.internal, group: depot } } }\n"
    sound = policy.read(text, remedies.names())
    policies = Policies(outputs["PoliciesTable"])
    policies.adopt(Pointer(points_to="v1", adopted_at=clock.iso(OPENED)), sound, {}, replaces=Pointer())
    listed = _json(capsys, "nodes")
    assert [row["id"] for row in listed] == ["i-1", "i-2", "depot-1"]
    assert set(listed[2]) == set(listed[0])
    assert (listed[2]["group"], listed[2]["transport"], listed[2]["state"]) == ("depot", "ssh", "listed")


@pytest.mark.usefixtures("nodes")
def test_nodes_of_the_local_fleet_show_their_processes(capsys, monkeypatch):
    """What the local fleet knows is merged in: where the node is, and the pid to break."""
    known = {
        "i-1": {
            "url": "http://127.0.0.1:15001",
            "dir": "/state/nodes/i-1",
            "pid": 42,
            "port": 15001,
            "agent_pid": 7,
        }
    }
    monkeypatch.setattr(Connection, "fleet_nodes", lambda _: known)
    first, second = _json(capsys, "nodes")
    assert first["url"] == "http://127.0.0.1:15001"
    assert first["local"] == {"dir": "/state/nodes/i-1", "pid": 42, "port": 15001}
    assert second["local"] is None


@pytest.mark.usefixtures("nodes")
def test_incidents_have_their_promised_shape(capsys, incident):
    """The documented keys and no others; one incident by its id is the same object."""
    expected = {
        "id": "inc-1",
        "subject": "i-1",
        "symptom": "service_down",
        "state": "healed",
        "reason": "gone",
        "opened_at": "2026-11-23T03:00:00.000Z",
        "closed_at": "2026-11-23T03:00:06.000Z",
        "levels": [{"level": 1, "remedy": "restart_service", "outcome": "healed", "seconds": 4}],
    }
    assert _json(capsys, "incidents") == [expected]
    assert _json(capsys, "incidents", incident.incident_id) == expected
    assert _json(capsys, "incidents", "--state", "open") == []


@pytest.mark.usefixtures("nodes", "incident")
def test_tables_for_people_name_the_node(capsys):
    """A person reads names, outcomes and durations."""
    assert app.main([*AWS, "incidents"]) == 0
    said = capsys.readouterr().out
    for part in ("inc-1", "web-prod-1", "service_down", "healed", "6.0 s", "restart_service"):
        assert part in said
    assert app.main([*AWS, "nodes"]) == 0
    assert "web-prod-2" in capsys.readouterr().out


@pytest.mark.usefixtures("nodes", "incident")
def test_why_tells_the_newest_incident_by_itself(capsys):
    """At three in the morning nobody copies ids."""
    assert app.main([*AWS, "why"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "service_down on web-prod-1 (i-1), web-prod" in said
    assert "the chain is intact" in said
    told = _json(capsys, "why", "inc-1")
    assert [entry["kind"] for entry in told["entries"]] == ["opened", "intent", "closed"]
    assert told["journal"]["intact"] is True


@pytest.mark.usefixtures("outputs")
def test_an_unknown_incident_is_an_error_with_a_way_on(capsys):
    """The id is repeated, and where to find the right ones."""
    assert app.main([*AWS, "why", "inc-9"]) == 1
    assert capsys.readouterr().err == (
        "error: there is no incident inc-9\n  next: see which there are: nightshift incidents\n"
    )


@pytest.mark.usefixtures("incident")
def test_an_intact_journal_verifies(capsys):
    """All chains, or one."""
    assert app.main([*AWS, "journal", "verify"]) == 0
    assert "1 of 1 chains intact, 3 entries read" in capsys.readouterr().out
    assert _json(capsys, "journal", "verify", "inc-1")[0]["intact"] is True


@pytest.mark.parametrize("seq", [2, 3])
@pytest.mark.usefixtures("incident")
def test_a_removed_entry_breaks_the_journal(capsys, outputs, seq):
    """An entry cut out of the middle or off the end fails verification, and why says so as well."""
    key = {"chain": {"S": "inc-1"}, "seq": {"N": str(seq)}}
    boto3.client("dynamodb").delete_item(TableName=outputs["JournalTable"], Key=key)
    assert app.main([*AWS, "journal", "verify"]) == 1
    assert "BROKEN inc-1" in capsys.readouterr().out
    assert app.main([*AWS, "why", "inc-1"]) == 1
    assert "journal: BROKEN" in capsys.readouterr().out


@pytest.mark.usefixtures("incident")
def test_one_changed_byte_breaks_the_journal(capsys, outputs):
    """An entry that says something else than it did is found, and which one it is."""
    table = boto3.resource("dynamodb").Table(outputs["JournalTable"])
    item = table.get_item(Key={"chain": "inc-1", "seq": 2})["Item"]
    item["entry"] = item["entry"].replace("a", "b", 1)
    table.put_item(Item=item)
    assert app.main([*AWS, "journal", "verify"]) == 1
    assert "BROKEN inc-1 at entry 2" in capsys.readouterr().out


@pytest.mark.usefixtures("incident")
def test_a_removed_chain_breaks_the_journal(capsys, outputs):
    """A journal without any entry for an incident that has happened is broken, not empty."""
    for seq in range(1, 4):
        key = {"chain": {"S": "inc-1"}, "seq": {"N": str(seq)}}
        boto3.client("dynamodb").delete_item(TableName=outputs["JournalTable"], Key=key)
    assert app.main([*AWS, "journal", "verify"]) == 1
    assert "0 of 1 chains intact" in capsys.readouterr().out


def test_pause_and_resume(capsys, outputs):
    """A pause holds what, who and why; a second one changes nothing; resume says what it ended."""
    groups = Groups(outputs["GroupsTable"])
    assert app.main([*AWS, "pause", "--why", "release party", "--by", "ann"]) == 0
    pause = groups.pause()
    assert pause is not None
    assert (pause.by, pause.why) == ("ann", "release party")
    capsys.readouterr()
    assert app.main([*AWS, "pause", "--why", "other", "--by", "bob"]) == 0
    assert "already paused by ann" in capsys.readouterr().out
    assert groups.pause() == pause
    assert app.main([*AWS, "resume", "--why", "it is over", "--by", "cid"]) == 0
    assert "paused by ann" in capsys.readouterr().out
    assert groups.pause() is None
    assert app.main([*AWS, "resume", "--why", "it is over"]) == 0
    assert capsys.readouterr().out == "nothing is paused\n"


def test_pauses_and_their_ends_stand_in_the_journal(capsys, outputs):
    """Who, when and why, in one chain that is verified as all others are; a cut tail shows."""
    for why in ("release party", "release party again"):
        assert app.main([*AWS, "pause", "--why", why, "--by", "ann"]) == 0
        assert app.main([*AWS, "resume", "--why", "it is over", "--by", "bob"]) == 0
    capsys.readouterr()
    told = _json(capsys, "why", "pause")
    assert told["journal"] == {"entries": 4, "intact": True, "reason": ""}
    assert [(one["verdict"], one["reason"]) for one in told["entries"]] == [
        ("paused", "ann: release party"),
        ("resumed", "bob: it is over"),
        ("paused", "ann: release party again"),
        ("resumed", "bob: it is over"),
    ]
    assert app.main([*AWS, "why", "pause"]) == 0
    assert "paused   by ann: release party\n" in capsys.readouterr().out
    assert _json(capsys, "journal", "verify", "pause")[0]["entries"] == 4
    assert app.main([*AWS, "journal", "verify"]) == 0
    key = {"chain": {"S": "pause"}, "seq": {"N": "4"}}
    boto3.client("dynamodb").delete_item(TableName=outputs["JournalTable"], Key=key)
    assert app.main([*AWS, "journal", "verify"]) == 1
    assert app.main([*AWS, "why", "pause"]) == 1


def test_two_who_pause_at_once_are_one_pause(outputs, monkeypatch):
    """Whoever comes second loses the condition, and the journal has one entry."""
    from nightshift.aws.pauses import Pauses
    from nightshift.errors import Conflict

    journals = Journals(outputs["JournalTable"])
    late = Pauses(Groups(outputs["GroupsTable"]), journals)
    before = late._state()
    Pauses(Groups(outputs["GroupsTable"]), journals).begin("ann", "first", OPENED)
    monkeypatch.setattr(late, "_state", lambda: before)
    with pytest.raises(Conflict):
        late.begin("bob", "second", OPENED)
    assert len(list(journals.read("pause"))) == 1
    assert Groups(outputs["GroupsTable"]).pause().by == "ann"


@pytest.mark.usefixtures("nodes", "incident")
def test_status_counts_what_matters(capsys):
    """Nodes in service, open incidents and the pause, at one glance."""
    app.main([*AWS, "pause", "--why", "release party", "--by", "ann"])
    capsys.readouterr()
    status = _json(capsys, "status")
    assert (status["state"], status["nodes"], status["in_service"]) == ("up", 2, 2)
    assert status["open_incidents"] == []
    assert status["paused"]["why"] == "release party"


@pytest.mark.usefixtures("outputs")
def test_a_stack_of_another_version_is_said(capsys):
    """A missing output names itself and what to do, instead of a KeyError."""
    boto3.client("cloudformation").create_stack(
        StackName="older", TemplateBody=json.dumps({"Resources": {"NodesTable": TABLES["NodesTable"]}})
    )
    assert app.main([*AWS, "--stack", "older", "nodes"]) == 1
    assert "the stack 'older' has no output NodesTable" in capsys.readouterr().err


@pytest.mark.usefixtures("outputs")
def test_an_unknown_stack_is_said(capsys):
    """What AWS answers is passed on, with the options that choose a stack."""
    assert app.main([*AWS, "--stack", "no-such", "nodes"]) == 1
    said = capsys.readouterr().err
    assert "no-such" in said
    assert "check --stack and --region" in said


def test_limits_are_compared_with_groups_as_large_as_they_are(outputs, tmp_path, capsys):
    """Sound by its text, and useless for a group of two: line and column say which limit."""
    session.client("ec2").create_launch_template(
        LaunchTemplateName="web-prod", LaunchTemplateData={"ImageId": "ami-12c6146b"}
    )
    session.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="web-prod",
        LaunchTemplate={"LaunchTemplateName": "web-prod"},
        MinSize=1,
        MaxSize=2,
        AvailabilityZones=["us-east-1a"],
    )
    file = tmp_path / "nightshift.yaml"
    file.write_text(POLICY.replace("min_healthy: 1", "min_healthy: 2"))
    assert app.main([*AWS, "config", "validate", str(file)]) == 0
    capsys.readouterr()
    assert app.main([*AWS, "config", "validate", "--live", str(file)]) == 1
    assert "healing.min_healthy: group web-prod would never heal" in capsys.readouterr().out


def test_remedies_are_listed_with_how_they_fared(incident, capsys):
    """One incident was healed by a restart."""
    assert app.main([*AWS, "remedies"]) == 0
    out = capsys.readouterr().out
    assert "service_down 1 of 1" in out
    assert app.main([*AWS, "remedies", "--json"]) == 0
    rows = {row["remedy"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["restart_service"]["fared"] == {"service_down": {"helped": 1, "tried": 1}}
    assert rows["replace_node"]["fared"] == {}


def test_a_remedy_that_is_left_out_is_listed_with_the_evidence(incident, outputs, capsys):
    """Where, how often in vain, and until when."""
    text = f"{POLICY}  skip_hopeless: {{ after: 2 }}\n"
    sound, now = policy.read(Layers([("nightshift.yaml", text)]), frozenset(remedies.names())), clock.now()
    policies = Policies(outputs["PoliciesTable"])
    policies.adopt(Pointer(points_to="abc", adopted_at=clock.iso(now)), sound, {}, replaces=Pointer())
    groups = Groups(outputs["GroupsTable"])
    groups.ensure("web-prod", "web", "web-prod")
    fared = {"service_down/restart_service": Fared(tried=3, helped=1, in_vain=2, last_at=clock.iso(now))}
    tables.write(groups.give_back("web-prod", "inc-1", learned=({}, fared)))
    assert app.main([*AWS, "remedies"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "service_down in web-prod: restart_service did not help 2 times in a row" in out
    assert "helped 1 of 3; left out until" in out
    with pytest.raises(Conflict):
        tables.write(groups.give_back("web-prod", "inc-1", learned=({}, fared)))
