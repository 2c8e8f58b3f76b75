"""Nodes push: what is genuine becomes a row, a metric and evidence; and never more than evidence."""

from __future__ import annotations

import gzip
import json
import uuid
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from nightshift import clock, pushing
from nightshift.aws import session, tables, taken_pushes
from nightshift.errors import Refused
from nightshift.pushing import Package, node_key
from tests.functional import staging
from tests.functional.inspecting import UNWATCHED, begin, collect, crowd, full, hear, printed, whole
from tests.functional.machine import Machine
from tests.functional.pushing import MASTER, line, push, queued, request
from tests.functional.world import World
from tests.samples import sample
from tests.stack import stack
from tools.cli import app, connection

FULL = [{"mount": "/", "size_kib": 1000, "used": 97.0}]


@pytest.fixture
def unwatched(request: pytest.FixtureRequest) -> Any:
    """A world whose disks nobody but inspection measures."""
    with staging.made(getattr(request, "param", UNWATCHED)) as world:
        for values in world.readings.values():
            del values["DiskUsedPercent"]
        world.pass_time(25)
        yield world


def rows() -> list[dict[str, str]]:
    """Every row that was kept."""
    s3, bucket = session.client("s3"), stack().ref("ArtifactsBucket")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="samples/").get("Contents", [])]
    found = [gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return [json.loads(row) for one in found for row in one.splitlines()]


def metrics(text: str) -> list[dict[str, Any]]:
    """The embedded metrics that were printed."""
    return [json.loads(one) for one in text.splitlines() if '"_aws"' in one]


def test_the_sample_request_is_genuine(world: World) -> None:
    """events/http/samples.json carries a real signature, by the key of its node."""
    world.time.move_to("2026-11-23T03:03:21Z")
    assert world.invoke("receive_samples", sample("http/samples"))["statusCode"] == 202
    ((_, body),) = world.queued
    assert json.loads(sample("queue/samples")["Records"][0]["body"]) | {"received_at": ""} == body | {
        "received_at": ""
    }


def test_a_sample_becomes_a_row_and_its_group_s_metrics(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two nodes of one group: one line of metrics, at the minute that was measured in."""
    capsys.readouterr()
    for node in world.instances():
        world.invoke("receive_samples", request(node, [line(world, 600), line(world)]))
    assert world.invoke("ingest_metrics", queued(world)) == {"batchItemFailures": []}
    assert {(row["node_id"], row["group"]) for row in rows()} == {
        (node, "web-prod") for node in world.instances()
    }
    assert len(rows()) == 4
    late, now = metrics(capsys.readouterr().out)
    assert now["_aws"]["Timestamp"] - late["_aws"]["Timestamp"] == 600_000
    assert (now["Group"], now["cpu_busy"]) == ("web-prod", [3.5, 3.5])


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"webhook-timestamp": "1795402000"}, 401, "push.stale"),
        ({"webhook-signature": "v1,AAAA"}, 401, "push.forged"),
        ({"nightshift-node": "i-0f9e8d7c6b5a41302"}, 401, "push.forged"),
        ({"webhook-id": ""}, 400, "push.unreadable"),
    ],
)
def test_what_is_refused_reaches_no_queue(
    world: World, change: dict[str, str], status: int, code: str
) -> None:
    """The caller is told the code and nothing else."""
    event = request(world.instances()[0], [line(world)])
    event["headers"] |= change
    answer = world.invoke("receive_samples", event)
    assert (answer["statusCode"], json.loads(answer["body"])) == (status, {"code": code})
    assert world.queued == []


@pytest.mark.parametrize(("body", "encoded", "status"), [("{" * 300_000, False, 413), ("%%%", True, 400)])
def test_a_body_that_is_too_big_or_no_base64_is_refused(
    world: World, body: str, encoded: object, status: int
) -> None:
    """Before anything is decoded or computed."""
    event = request(world.instances()[0], [line(world)])
    event["body"], event["isBase64Encoded"] = body, encoded
    assert world.invoke("receive_samples", event)["statusCode"] == status
    assert world.queued == []


def test_a_replay_is_refused_by_every_process(world: World) -> None:
    """What was taken stands in a table, for longer than its signature is fresh; nothing is queued again."""
    event = request(world.instances()[0], [line(world)], "p-the-first-of-its-name")
    assert world.invoke("receive_samples", event)["statusCode"] == 202
    for _ in range(2):
        answer = world.invoke("receive_samples", event)
        assert (answer["statusCode"], json.loads(answer["body"])) == (409, {"code": "push.replayed"})
    assert len(world.queued) == 1
    (taken,) = tables.pages("scan", TableName=stack().ref("TakenPushesTable"))
    assert taken["push_id"] == f"{world.instances()[0]}/p-the-first-of-its-name"
    assert taken["expires_at"] > (clock.now() + pushing.TOLERANCE).timestamp()


def test_two_nodes_may_use_the_same_id(world: World) -> None:
    """A node names its own requests, and cannot take another one's names."""
    for node in world.instances():
        event = request(node, [line(world)], "p-the-first-of-its-name")
        assert world.invoke("receive_samples", event)["statusCode"] == 202


def test_what_is_refused_claims_nothing(world: World) -> None:
    """Or anybody could take a node's ids before it does."""
    event = request(world.instances()[0], [line(world)], "p-the-first-of-its-name")
    forged = event | {"headers": event["headers"] | {"webhook-signature": "v1,AAAA"}}
    assert world.invoke("receive_samples", forged)["statusCode"] == 401
    assert world.invoke("receive_samples", event)["statusCode"] == 202


def test_the_sdk_s_second_try_of_a_claim_is_no_replay(world: World) -> None:
    """An answer of DynamoDB may be lost after the write."""
    package = Package.model_validate_json(sample("queue/samples")["Records"][0]["body"])
    table = stack().ref("TakenPushesTable")
    with patch.object(uuid, "uuid4", return_value=uuid.UUID(int=1)):
        for _ in range(2):
            taken_pushes.claim(table, package)
    with pytest.raises(Refused, match="taken before"):
        taken_pushes.claim(table, package)


@pytest.mark.parametrize("call", ["dynamodb.UpdateItem", "sqs.SendMessage"])
def test_what_could_not_be_queued_is_a_failure_and_the_node_s_next_try_is_taken(
    world: World, call: str
) -> None:
    """The node keeps its samples, and signs the same lines anew."""
    world.broken[call] = "ServiceUnavailable"
    node, lines = world.instances()[0], [line(world)]
    with pytest.raises(Exception, match="ServiceUnavailable"):
        world.invoke("receive_samples", request(node, lines))
    world.broken.clear()
    assert world.invoke("receive_samples", request(node, lines))["statusCode"] == 202
    assert len(world.queued) == 1


def test_the_same_lines_twice_are_the_same_rows(world: World) -> None:
    """An answer was lost on its way to the node."""
    node, lines = world.instances()[0], [line(world)]
    for _ in range(2):
        assert world.invoke("receive_samples", request(node, lines))["statusCode"] == 202
    world.invoke("ingest_metrics", queued(world))
    assert len(rows()) == 1


def test_a_master_that_is_not_there_is_our_trouble_and_not_the_node_s(world: World) -> None:
    """An answer of 400 would make it drop what it holds."""
    world.broken["secrets-manager.GetSecretValue"] = "ResourceNotFoundException"
    with pytest.raises(Exception, match="secret"):
        world.invoke("receive_samples", request(world.instances()[0], [line(world)]))


def test_what_is_no_package_fails_alone(world: World) -> None:
    """The others of its batch are ingested."""
    world.invoke("receive_samples", request(world.instances()[0], [line(world)]))
    batch = queued(world)
    batch["Records"].append({"messageId": "junk", "body": '{"node_id": 1}'})
    assert world.invoke("ingest_metrics", batch) == {"batchItemFailures": [{"itemIdentifier": "junk"}]}
    assert len(rows()) == 1


def test_a_batch_that_cannot_be_kept_stays_in_the_queue_and_is_the_same_rows_again(world: World) -> None:
    """Nothing is measured or said before the rows are safe."""
    world.invoke("receive_samples", request(world.instances()[0], [line(world)]))
    batch = queued(world)
    world.broken["s3.PutObject"] = "SlowDown"
    with pytest.raises(Exception, match="SlowDown"):
        world.invoke("ingest_metrics", batch)
    world.broken.clear()
    for _ in range(2):
        world.invoke("ingest_metrics", batch)
    assert len(rows()) == 1


def test_half_a_line_and_a_node_that_is_gone_are_rows_that_say_why(world: World) -> None:
    """They move no metric and raise nothing."""
    first, second = world.instances()
    world.invoke("retire_node", world.terminated(second))
    push(world, first, line(world)[:60], line(world))
    push(world, second, line(world))
    told = {row.get("reason", "") for row in rows()}
    assert told == {
        "",
        "the inventory knows no such node",
        f"the probe's line was cut off: {line(world)[:60]!r}",
    }


def test_healthy_nodes_cost_no_write_of_their_own(unwatched: World) -> None:
    """One object for the whole batch, and no item."""
    for node in unwatched.instances():
        unwatched.invoke("receive_samples", request(node, [line(unwatched)]))
    unwatched.calls.clear()
    unwatched.invoke("ingest_metrics", queued(unwatched))
    written = [one.action for one in unwatched.calls if one.action.rpartition(":")[2].startswith("Put")]
    assert written == ["s3:PutObject"]


def test_a_pushed_finding_heals_without_waiting_for_a_pass(unwatched: World) -> None:
    """Two samples show that it lasted; the ladder's first rung cures it, and pushes verify that."""
    sick, _ = unwatched.instances()
    push(unwatched, sick, line(unwatched, disks=FULL))
    unwatched.time.shift(10)
    push(unwatched, sick, line(unwatched, disks=FULL))
    hear(unwatched, "FindingRaised")
    incident_id = unwatched.deliver("SignalRaised")["incident_id"]
    heal = Machine(unwatched, incident_id)
    heal.run(until="VerifyHealth")
    for _ in range(2):
        unwatched.time.shift(5)
        push(unwatched, sick, line(unwatched))
    heal.run()
    assert unwatched.incident(incident_id).state == "healed"
    assert [one.remedy for one in unwatched.incident(incident_id).levels] == ["clean_disk"]
    (known,) = standing(sick)
    assert [one["pushed"] for one in known["samples"]] == [True] * len(known["samples"])
    assert unwatched.events("FindingCleared")[-1]["findings"][0]["subject"] == sick


def standing(node_id: str) -> list[dict[str, Any]]:
    """What stands about a node."""
    found = tables.get(stack().ref("InspectionsTable"), {"inspection_id": f"node#{node_id}"}) or {}
    return list(found["standing"].values())


def test_a_pass_that_pushes_overtook_adds_its_sample_and_takes_none_away(unwatched: World) -> None:
    """It is what an inspection vouches for; the newest word stays the node's."""
    sick, _ = unwatched.instances()
    unwatched.ssm.probes.answer = lambda node: ("Success", full() if node == sick else printed())
    begin(unwatched)
    unwatched.time.shift(5)
    push(unwatched, sick, line(unwatched, disks=FULL))
    collect(unwatched)
    (known,) = standing(sick)
    assert [one["pushed"] for one in known["samples"]] == [False, True]


def test_what_came_before_or_comes_again_is_no_evidence(unwatched: World) -> None:
    """A spool that is drained late does not make a node ill again."""
    sick, _ = unwatched.instances()
    ill = line(unwatched, disks=FULL)
    push(unwatched, sick, ill)
    unwatched.time.shift(10)
    push(unwatched, sick, line(unwatched))
    before = standing(sick)
    unwatched.time.shift(10)
    push(unwatched, sick, ill)
    assert standing(sick) == before


def replacing(policy: str) -> str:
    """The same, with a ladder that begins with level 3."""
    return policy.replace("ladder: [clean_disk]", "ladder: [replace_node]")


@pytest.mark.parametrize("unwatched", [replacing(UNWATCHED)], indirect=True)
def test_a_node_is_never_replaced_on_its_own_word_alone(unwatched: World) -> None:
    """What it pushes waits until a pass has seen the same; then it is replaced."""
    sick, _ = unwatched.instances()
    for _ in range(2):
        push(unwatched, sick, line(unwatched, disks=FULL))
        unwatched.time.shift(10)
    hear(unwatched, "FindingRaised")
    incident_id = unwatched.deliver("SignalRaised")["incident_id"]
    answer = unwatched.invoke("admit_incident", {"incident_id": incident_id})
    assert answer["next"] == "WaitUntil"
    assert "only the node's own pushes show disk_filling" in answer["reason"]
    unwatched.ssm.probes.answer = lambda node: ("Success", full() if node == sick else printed())
    whole(unwatched)
    unwatched.time.shift(10)
    answer = unwatched.invoke("admit_incident", {"incident_id": incident_id})
    assert answer["remedy"] == "replace_node"


def test_every_node_of_a_crowd_is_looked_up(world: World) -> None:
    """More than one BatchGetItem takes."""
    crowd(world, 130)
    for node in world.nodes.listing():
        world.invoke("receive_samples", request(node.node_id, [line(world)]))
    world.invoke("ingest_metrics", queued(world))
    assert len([row for row in rows() if "reason" not in row]) == 130


def test_a_key_is_written_for_its_bearer_and_shown_to_nobody(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node signs with it; a file that is there is not overwritten."""

    class Here:
        """The world's stack."""

        def __init__(self, _target: object) -> None:
            """Whatever was asked for."""

        def output(self, _name: str) -> str:
            """The master secret."""
            return stack().ref("SamplesSecret")

    monkeypatch.setattr(connection, "Connection", Here)
    node, file = world.instances()[0], tmp_path / "push.key"
    assert app.main(["push-key", node, str(file)]) == 0
    key = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert bytes.fromhex(key) == node_key(MASTER, node)
    assert app.main(["push-key", node, str(file)]) == 1
    assert app.main(["push-key", "../x", str(tmp_path / "other")]) == 1
    told = capsys.readouterr()
    assert key not in told.out + told.err
