"""What comes in from outside: taken once, by whoever may say it, and refused without a hint."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain

from tests.functional.deploying import (
    SECRET,
    commit,
    deployments,
    good,
    policy,
    push,
    report,
    repository,
    request,
    walk,
)
from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.world import World
from tests.samples import sample

SHA = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
REPORT = json.dumps({"commit": SHA, "gate": "ci", "verdict": "passed", "url": "https://ci/1"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world() -> Iterator[World]:
    """Any world; most of what is sent begins nothing."""
    with made() as fresh:
        yield fresh


def hook(body: str = REPORT, secret: str = "", key: str = SECRET, **headers: str) -> dict[str, Any]:
    """A report of a gate, signed with ``key``, sent in the name of ``secret``."""
    event = sample("http/webhook_push")
    mac = hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()
    event["headers"] = {"X-Nightshift-Signature-256": f"sha256={mac}", **headers}
    event["pathParameters"] = {"provider": "gate"} | ({"secret": secret} if secret else {})
    return event | {"body": body}


def send(world: World, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The answer that the sender gets."""
    answer = world.invoke("receive_webhook", event)
    return answer["statusCode"], json.loads(answer["body"])


def test_the_same_body_is_taken_once_however_it_comes(world: World) -> None:
    """Again, in base64, with other headers: by its digest. A forged one changes nothing."""
    assert send(world, hook(key="guessed"))[0] == 401
    assert send(world, hook()) == (202, {"taken": [SHA]})
    encoded = base64.b64encode(REPORT.encode()).decode()
    for again in (hook(), hook() | {"body": encoded, "isBase64Encoded": True}, hook(accept="*/*")):
        assert send(world, again) == (200, {"taken": "before"})
    assert len(world.events("GateReported")) == 1


def test_a_redelivery_is_known_by_its_id_only_once_it_was_completed(world: World, folder: Path) -> None:
    """A provider that writes the body anew sends the same id; one that failed on our side counts again."""
    first = request(folder, SHA)
    anew = request(folder, "0" * 40)
    anew["headers"]["x-github-delivery"] = first["headers"]["x-github-delivery"]
    world.broken["eventbridge.PutEvents"] = "InternalFailure"
    with pytest.raises(Exception, match="InternalFailure"):
        world.invoke("receive_webhook", first)
    world.broken.clear()
    assert send(world, first)[0] == 202
    assert send(world, anew) == (200, {"taken": "before"})


def test_nobody_takes_the_delivery_of_another_secret_first(world: World) -> None:
    """The same body under another gate's secret is another report."""
    assert send(world, hook(secret="ci", key="signs for ci"))[0] == 202
    assert send(world, hook())[0] == 202
    assert [one["secret"] for one in world.events("GateReported")] == ["ci", ""]


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        (hook(secret="ci", key=SECRET), 401, "webhook.forged"),
        (hook(secret="nobody", key=""), 401, "webhook.forged"),
        (hook(secret="../git/web", key=""), 401, "webhook.forged"),
        (hook(key=""), 401, "webhook.forged"),
        (hook("{}"), 400, "webhook.unknown_shape"),
        (hook("[" * 100_000), 400, "webhook.unknown_shape"),
        (hook() | {"body": "no base64!", "isBase64Encoded": True}, 400, "webhook.unknown_shape"),
        (hook(" " * (4 * 1024 * 1024 + 1)), 413, "webhook.too_big"),
        (hook() | {"pathParameters": {"provider": "../os"}}, 404, "webhook.unknown_provider"),
    ],
    ids=range(9),
)
def test_a_refusal_tells_its_code_and_nothing_else(
    world: World, event: dict[str, Any], status: int, code: str
) -> None:
    """A secret that does not exist is answered as a wrong signature is."""
    assert send(world, event) == (status, {"code": code})
    assert world.events("GateReported") == []


def test_what_is_too_big_is_refused_before_its_signature_is_looked_at(world: World) -> None:
    """Otherwise anybody could let us compute."""
    assert send(world, hook("x" * (4 * 1024 * 1024 + 1), key="guessed"))[0] == 413
    assert ("receive_webhook", "secrets-manager.GetSecretValue") not in world.done


def test_a_leaked_secret_of_one_gate_opens_no_other(folder: Path) -> None:
    """Nor closes it, nor begins anything: who knows the checks' secret says nothing of the scan."""
    gates = "    gates: [{ name: ci, secret: ci }, scan]\n    gates_seconds: 60\n"
    with made(policy(folder).replace("    credentials: web\n", gates)) as world:
        good(world)
        sha = commit(folder, "page", "new")
        for gate in ("ci", "scan"):
            report(world, sha, gate, secret="ci")
        began = push(world, folder, sha)
        Machine(world, began, "deploy").run(until="WaitForTurn")
        assert "waits for scan until" in deployments(world).get(began).reason
        report(world, sha, "scan", "failed", secret="ci")
        ended = walk(world, began)
        assert (ended.state, ended.nodes) == ("Failed", {})
        assert "scan did not report by" in ended.reason
        stolen = request(folder, sha, "signs for ci")
        stolen["pathParameters"]["secret"] = "ci"
        assert send(world, stolen) == (403, {"code": "webhook.not_allowed"})


@pytest.mark.parametrize("annotated", [False, True])
def test_a_release_deploys_its_tag_and_not_the_head(folder: Path, *, annotated: bool) -> None:
    """For an app that wants releases; what was pushed after it waits for the next."""
    with made(
        policy(folder).replace("branch: main", "").replace("credentials: web", "deploy_on: release")
    ) as world:
        good(world)
        released = commit(folder, "page", "released")
        porcelain.tag_create(
            str(folder), b"v2", author=b"Ada <a@b>", message=b"two", annotated=annotated, objectish="HEAD"
        )
        after = commit(folder, "page", "not yet")
        assert send(world, request(folder, after))[0] == 202
        assert world.deliver("CodePushed")["deployments"] == []
        body = {
            "action": "published",
            "release": {"tag_name": "v2", "author": {"login": "ada"}},
            "repository": {"clone_url": f"file://{folder}"},
        }
        event = request(folder, after) | {"body": json.dumps(body)}
        mac = hmac.new(SECRET.encode(), event["body"].encode(), hashlib.sha256).hexdigest()
        event["headers"] |= {
            "x-github-event": "release",
            "x-github-delivery": "another",
            "x-hub-signature-256": f"sha256={mac}",
        }
        assert send(world, event)[0] == 202
        (began,) = world.deliver("CodePushed")["deployments"]
        ended = walk(world, began)
        assert (ended.state, ended.commit) == ("Succeeded", released)
        assert world.invoke("find_pushes", sample("schedule/find_pushes"))["found"] == []
