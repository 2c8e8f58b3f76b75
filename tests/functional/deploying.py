"""A repository, an app of the policy, pushes as GitHub signs them, and a walk through the machine."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from dulwich import porcelain

from nightshift import clock
from nightshift.aws import session
from nightshift.aws.deployments import Deployments
from nightshift.aws.releases import Releases
from nightshift.deployment import Deployment
from nightshift.releases import Built, Standing
from tests.functional.machine import Machine, turn
from tests.functional.staging import POLICY, RELEASE
from tests.functional.state import GROUP
from tests.functional.targets import ARN
from tests.functional.world import World
from tests.samples import sample
from tests.stack import stack

SECRET = "signs links in tests"
AUTHOR = b"Ada <ada@example.com>"
APPS = """
apps:
  web:
    repository: file://{path}
    groups: [web-prod]
    credentials: web
    strategy: {{ batches: [1], min_healthy: 1, bake_seconds: 5, poll_seconds: 1, deadline_seconds: 600 }}
"""


def policy(repository: Path) -> str:
    """The tests' policy with one app that is pushed to ``repository``."""
    return POLICY + APPS.format(path=repository)


def switched(text: str) -> str:
    """The same policy, with the group behind a target group."""
    known = f"auto_scaling_group: {GROUP}"
    assert known in text
    return text.replace(known, f'{known}, traffic: {{ target_group: "{ARN}" }}')


def repository(folder: Path) -> Path:
    """A fresh repository on branch main with an app that can start."""
    porcelain.init(str(folder))
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    commit(folder, "start", "#!/bin/sh\nexec true\n")
    return folder


def commit(folder: Path, name: str, text: str) -> str:
    """Write a file and commit it; the commit's id."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    porcelain.add(str(folder), paths=[str(path)])
    made = porcelain.commit(str(folder), message=f"change {name}".encode(), author=AUTHOR, committer=AUTHOR)
    return made.decode()


def good(world: World) -> None:
    """What the group runs is known as a good release, archive included."""
    key, content = RELEASE.key, b"an archive"
    session.client("s3").put_object(Bucket=stack().ref("ArtifactsBucket"), Key=key, Body=content)
    at = clock.iso(clock.now())
    releases(world).add(
        Built(
            **{**RELEASE.model_dump(), "size": len(content)},
            app="web",
            unpacked=1,
            files=1,
            commit="a" * 40,
            author="Ada",
            message="first",
            committed_at=at,
            created_at=at,
            standings={GROUP: Standing(state="good", at=at)},
        )
    )


def request(folder: Path, sha: str, secret: str = SECRET) -> dict[str, Any]:
    """GitHub's signed webhook of a push to main, as API Gateway hands it on."""
    push = sample("http/webhook_push")
    body = json.loads(push["body"])
    body["after"] = body["head_commit"]["id"] = sha
    body["repository"]["clone_url"] = f"file://{folder}"
    push["body"] = json.dumps(body)
    mac = hmac.new(secret.encode(), push["body"].encode(), hashlib.sha256).hexdigest()
    push["headers"] |= {"x-hub-signature-256": f"sha256={mac}", "x-github-delivery": mac[:36]}
    return push


def report(world: World, sha: str, gate: str = "ci", verdict: str = "passed", secret: str = "") -> None:
    """A gate reports about a commit, by its webhook signed with the secret of that name."""
    hook = sample("http/webhook_push")
    hook["pathParameters"] = {"provider": "gate", "secret": secret}
    key = f"signs for {secret}" if secret else SECRET
    hook["body"] = json.dumps({"commit": sha, "gate": gate, "verdict": verdict, "url": "https://ci/1"})
    mac = hmac.new(key.encode(), hook["body"].encode(), hashlib.sha256).hexdigest()
    hook["headers"] = {"x-nightshift-signature-256": f"sha256={mac}"}
    answer = world.invoke("receive_webhook", hook)
    assert answer["statusCode"] == 202, answer
    world.deliver("GateReported")


def push(world: World, folder: Path, sha: str) -> str:
    """The webhook arrives and is published; the id of the deployment that it began."""
    answer = world.invoke("receive_webhook", request(folder, sha))
    assert answer["statusCode"] == 202, answer
    detail = world.events("CodePushed")[-1]
    event = {"source": "nightshift", "detail-type": "CodePushed", "detail": detail}
    (deployment_id,) = world.invoke("start_deployment", event)["deployments"]
    return str(deployment_id)


def baking(world: World, deployment_id: str) -> str:
    """Walk until the first node was found well, and is watched; that node."""
    machine = Machine(world, deployment_id, "deploy")
    while True:
        over = [node for node, one in deployments(world).get(deployment_id).nodes.items() if one.ended_at]
        if over:
            return over[0]
        if not machine.advance() and not turn(world):
            world.pass_time(1)


def asking(world: World, folder: Path) -> tuple[str, Machine]:
    """A push whose check has passed and whose question is asked; the deployment and its machine."""
    sha = commit(folder, "page", "new")
    report(world, sha, secret="ci")
    began = push(world, folder, sha)
    machine = Machine(world, began, "deploy")
    while not machine.token:
        machine.advance()
    return began, machine


def walk(world: World, deployment_id: str, machine: Machine | None = None) -> Deployment:
    """Walk the machine (a new one) to its end, commands and time included; tell who must hear of it."""
    machine = machine or Machine(world, deployment_id, "deploy")
    while not machine.over:
        if not machine.advance() and not turn(world):
            world.pass_time(1)
    ended = deployments(world).get(deployment_id)
    name = "DeploymentSucceeded" if ended.state == "Succeeded" else "DeploymentFailed"
    for detail in [one for one in world.events(name) if one["deployment_id"] == deployment_id][-1:]:
        world.invoke("notify", {"source": "nightshift", "detail-type": name, "detail": detail})
    return ended


def deployments(world: World) -> Deployments:
    """Every deployment."""
    return Deployments(stack().ref("DeploymentsTable"), world.journals)


def releases(_: World) -> Releases:
    """Every release."""
    return Releases(stack().ref("ReleasesTable"))
