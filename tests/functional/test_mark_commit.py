"""A commit's home is told what became of it; and whatever it answers, no deployment is concerned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nightshift_forge
from nightshift import policy_apps
from nightshift.errors import NightshiftError, Permanent, Retryable
from tests.functional.deploying import commit, deployments, good, policy, push, repository, walk
from tests.functional.forge import TOKEN, Forge, serving
from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def forge() -> Iterator[Forge]:
    """The API."""
    with serving() as fresh:
        yield fresh


@pytest.fixture(params=nightshift_forge.names())
def provider(request: pytest.FixtureRequest) -> str:
    """Each provider."""
    return str(request.param)


@pytest.fixture
def world(folder: Path, forge: Forge, provider: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two nodes, and an app whose commits are marked at the forge."""
    status = f"    commit_status: {{ provider: {provider}, credentials: acme, url: {forge.url} }}\n"
    monkeypatch.setattr(policy_apps.App, "project", "acme/web")  # the repository is a folder here
    with made(policy(folder).replace("    credentials: web\n", status)) as fresh:
        good(fresh)
        yield fresh


def happened(world: World, index: int = -1, name: str = "DeploymentStarted") -> dict[str, Any]:
    """The event reaches the function."""
    detail = world.events(name)[index]
    return world.invoke("mark_commit", {"source": "nightshift", "detail-type": name, "detail": detail})


def started(world: World, folder: Path) -> str:
    """A deployment that is planned."""
    began = push(world, folder, commit(folder, "page", "new"))
    Machine(world, began, "deploy").run(until="AdvanceDeployment")
    return began


RUNNING = {"github": ("pending", "in_progress"), "gitlab": ("running", "running")}
FAILED = {"github": ("failure", "failure"), "gitlab": ("failed", "failed")}


def last(forge: Forge) -> tuple[str, str]:
    """The state of the commit and of its deployment record now."""
    record = forge.deployments[-1]
    return forge.statuses[-1]["state"], record["states"][-1] if "states" in record else record["status"]


def test_a_commit_is_told_that_it_runs_and_how_it_ended(
    world: World, folder: Path, forge: Forge, provider: str
) -> None:
    """One record for one deployment, also when events come twice."""
    began = started(world, folder)
    assert happened(world)["told"] == "running"
    assert happened(world)["told"] == "running"
    assert last(forge) == RUNNING[provider]
    assert walk(world, began).state == "Succeeded"
    assert happened(world, name="DeploymentSucceeded")["told"] == "success"
    assert happened(world, name="DeploymentSucceeded")["told"] == "success"
    assert last(forge) == ("success", "success")
    (record,) = forge.deployments
    assert record["environment"] == "web-prod"
    assert record["sha"] == deployments(world).get(began).commit
    assert forge.statuses[-1].get("context", forge.statuses[-1].get("name")) == "nightshift/web-prod"


def test_a_failure_is_told_and_so_is_what_runs_again(
    world: World, folder: Path, forge: Forge, provider: str
) -> None:
    """The rollback is a deployment of the commit before; a late event says how it stands now."""
    world.endings["InstallRelease"] = ("Failed", "did not start")
    failed = walk(world, push(world, folder, commit(folder, "page", "new")))
    assert happened(world, name="DeploymentStarted")["told"] == "failure"
    assert last(forge) == FAILED[provider]
    del world.endings["InstallRelease"]
    assert walk(world, failed.undone_by).state == "Succeeded"
    assert happened(world, name="DeploymentSucceeded")["told"] == "success"
    assert [one["sha"][:4] for one in forge.deployments][-1] == "aaaa"


MARK = nightshift_forge.Mark("acme/web", "a" * 40, "nightshift/web", "web", "dep-1", "running", "text")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "forge.refused"),
        (401, "forge.refused"),
        (403, "forge.refused"),
        (404, "forge.refused"),
        (422, "forge.refused"),
        (429, "forge.unreachable"),
        (500, "forge.unreachable"),
        (503, "forge.unreachable"),
    ],
)
def test_what_is_refused_is_tried_again_only_where_that_can_help(
    forge: Forge, provider: str, status: int, code: str
) -> None:
    """Asked once, without a pause; the token is in no error."""
    forge.fails = status
    with pytest.raises(NightshiftError) as refused:
        nightshift_forge.load(provider).mark(MARK, TOKEN, forge.url)
    assert (refused.value.code, refused.value.recoverable) == (code, code == "forge.unreachable")
    assert TOKEN not in str(refused.value)
    assert len(forge.asked) == 1


def test_a_wrong_token_is_told_as_one(forge: Forge, provider: str) -> None:
    """And repeated nowhere."""
    with pytest.raises(Permanent, match="answered 401") as refused:
        nightshift_forge.load(provider).mark(MARK, "a-wrong-token", forge.url)
    assert "a-wrong-token" not in str(refused.value)


def test_a_forge_that_hangs_or_is_gone_is_left(
    forge: Forge, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time; Lambda tries again later."""
    forge.hangs = True
    module = nightshift_forge.load(provider)
    monkeypatch.setattr(module, "TIMEOUT", 1)
    for url in (forge.url, "http://127.0.0.1:1"):
        with pytest.raises(Retryable, match="did not answer"):
            module.mark(MARK, TOKEN, url)


def test_no_deployment_waits_for_its_forge(world: World, folder: Path, forge: Forge) -> None:
    """It is told of events, beside the machine: what it answers changes nothing."""
    began = started(world, folder)
    forge.fails = 500
    with pytest.raises(Retryable):
        happened(world)
    assert walk(world, began).state == "Succeeded"


def test_an_app_that_wants_nothing_told_tells_nothing(folder: Path) -> None:
    """Nor does one whose deployment has no commit."""
    with made(policy(folder)) as world:
        good(world)
        started(world, folder)
        assert happened(world)["told"] == ""


def test_an_unknown_forge_is_said_so() -> None:
    """With those that there are."""
    assert nightshift_forge.names() == ("github", "gitlab")
    with pytest.raises(Permanent, match="github, gitlab"):
        nightshift_forge.load("sourcehut")


@pytest.mark.parametrize(
    ("address", "project"),
    [
        ("https://GitHub.com/acme/web.git", "acme/web"),
        ("https://gitlab.example.com/group/sub/web/", "group/sub/web"),
    ],
)
def test_a_project_is_called_as_its_repository_is(address: str, project: str) -> None:
    """What comes after the host."""
    assert policy_apps.App(repository=address, groups=("web-prod",)).project == project
