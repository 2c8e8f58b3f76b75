"""The fault matrix, row 37: a release that is not what it should be changes no node.

What can be seen in the commit or the bucket is refused before any node hears of it; what only the bytes
show is refused on the node, by the document's real script, before anything there is touched.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain

from nightshift import clock
from nightshift.aws import session
from nightshift.releases import Built, Standing
from tests.contract.test_documents import Node
from tests.faults.life import effects
from tests.functional.deploying import AUTHOR, commit, deployments, policy, push, releases, repository, walk
from tests.functional.run_command import Command
from tests.functional.staging import RELEASE, made
from tests.functional.state import GROUP
from tests.functional.world import World
from tests.stack import stack

START = b"#!/bin/sh\nexec true\n"
MOST = 50_000  # bytes that a node unpacks here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path, tmp_path: Path) -> Iterator[World]:
    """Two healthy nodes whose documents really run, on folders that have the good release."""
    with made(policy(folder)) as fresh:
        content = packed({"start": START})
        keep(built(RELEASE.version, content, good=True), content)
        fresh.groups.desire(GROUP, built(RELEASE.version, content).artifact)
        real(fresh, tmp_path)
        yield fresh


def packed(files: dict[str, bytes]) -> bytes:
    """An archive with these members, whatever they are called."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def built(version: str, content: bytes, *, good: bool = False) -> Built:
    """A release that is said to have this content."""
    at = clock.iso(clock.now())
    return Built(
        app="web",
        version=version,
        key=f"releases/web/{version}.tar.gz",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        unpacked=1,
        files=1,
        commit=hashlib.sha1(version.encode(), usedforsecurity=False).hexdigest(),
        author="Ada",
        message="by hand",
        committed_at=at,
        created_at=at,
        standings={GROUP: Standing(state="good", at=at)} if good else {},
    )


def keep(release: Built, content: bytes) -> None:
    """The release is known, and this is what the bucket holds of it."""
    bucket = stack().ref("ArtifactsBucket")
    session.client("s3").put_object(Bucket=bucket, Key=release.key, Body=content)
    releases(World()).add(release)


def real(world: World, base: Path) -> None:
    """Every node gets a folder with the good release, and runs the document's own script there."""
    racks = {node_id: Node(base / node_id) for node_id in world.instances()}

    def act(command: Command) -> tuple[str, str]:
        node, given = racks[command.node_id], dict(command.parameters)
        step, fence = given.pop("StepId"), given.pop("Fence")
        archive = base / f"{step}.tar.gz"
        key = f"releases/web/{given['Version']}.tar.gz"
        body = session.client("s3").get_object(Bucket=stack().ref("ArtifactsBucket"), Key=key)["Body"]
        archive.write_bytes(body.read())
        before = (node.snapshot(), node.calls)
        done = node.run("install_release", step, fence, **given | {"Url": archive.as_uri()})
        if given["Version"] != RELEASE.version:
            assert (node.snapshot(), node.calls) == before, "the node was touched"
            assert not (base / "evil").exists()
        return ("Success" if done.returncode == 0 else "Failed"), done.stdout

    world._act = act  # type: ignore[method-assign]
    for node in racks.values():
        node.environment["NIGHTSHIFT_LARGEST_RELEASE"] = str(MOST)
        good = base / "good.tar.gz"
        good.write_bytes(packed({"start": START}))
        assert node.install(good, "first", "0", version=RELEASE.version).returncode == 0


def order(world: World, version: str) -> str:
    """A person deploys a version; the deployment's id."""
    wanted = {"id": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "app": "web", "by": "ada", "version": version}
    (deployment_id,) = world.invoke("start_deployment", wanted)["deployments"]
    return str(deployment_id)


def untouched(world: World) -> None:
    """Nobody was sent anything, the group wants what it wanted, nothing is held, and a person was told."""
    assert (effects(world), world.ssm.running()) == ([], [])
    group = world.group()
    assert group.desired_release is not None
    assert (group.desired_release.version, group.leases, group.deploying) == (RELEASE.version, {}, "")
    assert len(world.pages()) == 1


CRAFTED: dict[str, tuple[dict[str, bytes], str]] = {
    "bad checksum": ({"start": START}, "sha256"),
    "zip-slip": ({"start": START, "../../../../evil": b"evil"}, "refused member"),
    "bomb": ({"start": START, "data": b"0" * (2 * MOST)}, f"unpacks to more than {MOST} bytes"),
}


@pytest.mark.parametrize("case", CRAFTED)
def test_row_37_crafted_bytes_change_nothing_on_the_first_node_and_reach_no_other(
    world: World, case: str
) -> None:
    """The script refuses them; the node goes on with what it ran, and the other one is not asked."""
    files, why = CRAFTED[case]
    content = packed(files)
    stored = content[:-1] + bytes([content[-1] ^ 1]) if case == "bad checksum" else content
    keep(built("6.6.6", content), stored)
    failed = walk(world, order(world, "6.6.6"))
    (touched,) = failed.nodes
    assert failed.state == "Failed"
    assert why in failed.nodes[touched].detail
    undo = walk(world, failed.undone_by)
    assert undo.state == "Succeeded"
    assert effects(world) == [("InstallRelease", touched)] * 2
    assert [one.parameters["Version"] for one in world.guards.acted] == ["6.6.6", RELEASE.version]
    assert releases(world).get("web", "6.6.6").state_in(GROUP) == "failed"  # type: ignore[union-attr]
    assert (world.group().leases, world.group().deploying) == ({}, "")
    assert len(world.pages()) == 1


def _link_out(folder: Path, _: pytest.MonkeyPatch) -> str:
    (folder / "link").symlink_to("../../etc/passwd")
    porcelain.add(str(folder), paths=[str(folder / "link")])
    made = porcelain.commit(str(folder), message=b"link", author=AUTHOR, committer=AUTHOR)
    return made.decode()


def _too_big(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("nightshift_git.archive.LARGEST", MOST)
    return commit(folder, "data", "0" * (2 * MOST))


Spoil = Callable[[Path, pytest.MonkeyPatch], str]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(_link_out, "a link that leads out of the release"), (_too_big, f"of {MOST} are allowed")],
    ids=["zip-slip", "bomb"],
)
def test_row_37_a_commit_that_would_lead_out_or_burst_is_refused_before_any_node(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, why: str
) -> None:
    """It becomes no release at all."""
    failed = walk(world, push(world, folder, spoil(folder, monkeypatch)))
    assert (failed.state, failed.nodes, failed.undone_by) == ("Failed", {}, "")
    assert why in failed.reason
    untouched(world)


@pytest.mark.parametrize("content", [None, b"cut"], ids=["gone", "cut"])
def test_row_37_an_archive_that_is_not_as_it_was_built_is_refused_before_any_node(
    world: World, content: Any
) -> None:
    """Its size is compared in the bucket; the sum of its bytes by each node."""
    release = built("6.6.6", packed({"start": START}))
    keep(release, content or b"")
    if content is None:
        session.client("s3").delete_object(Bucket=stack().ref("ArtifactsBucket"), Key=release.key)
    failed = walk(world, order(world, "6.6.6"))
    assert (failed.state, failed.nodes) == ("Failed", {})
    assert deployments(world).get(failed.deployment_id).undone_by == ""
    assert release.key in failed.reason
    untouched(world)
