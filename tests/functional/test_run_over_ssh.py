"""One command over SSM and SSH together, by the real handlers, against real SSH servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.gate import Killed
from tests.functional.racks import put, racked
from tests.functional.running import ALLOWED, run
from tests.functional.world import World
from tests.ssh.conftest import site  # noqa: F401 - the fixture
from tests.ssh.servers import Site


@pytest.fixture
def world(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:  # noqa: F811
    """Commands are allowed, and nobody waits for the fake of Run Command."""
    monkeypatch.setattr("functions.run_command.app.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("nightshift.aws.remote_runs.FIRST_LOOK_SECONDS", 0.01)
    with racked(ALLOWED, site) as fresh:
        yield fresh


def test_every_node_has_its_row_whichever_way_it_is_reached(world: World) -> None:
    """A changed key is refused with both fingerprints and alerts once; what is dark stops nobody."""
    ended, rows = run(world, "sh", "-c", "echo out; echo err >&2; exit 4")
    assert (rows["good"].status, rows["good"].exit_status) == ("Failed", 4)
    assert (rows["good"].stdout, rows["good"].stderr) == ("out\n", "err\n")
    assert rows["changed"].status == rows["dark"].status == "Undeliverable"
    assert rows["changed"].reason.count("SHA256:") == 2
    assert rows["dark"].reason.startswith("ssh.unreachable")
    assert {rows[node].status for node in world.instances()} == {"Success"}
    (told,) = world.events("CommandCompleted")
    assert told["alert"] == "ssh.host_key_changed"
    for _ in range(2):
        world.deliver("CommandCompleted")
    (page,) = world.pages()
    assert page["Subject"] == "[nightshift] ssh.host_key_changed on nodes of a command"
    assert page["Message"].count("SHA256:") == 2
    assert ended.counts == {"Failed": 1, "Undeliverable": 2, "Success": 2}


def test_a_warm_function_keeps_its_connections_until_the_key_changes(world: World, site: Site) -> None:  # noqa: F811
    """Two commands, one login; a known_hosts that was changed holds at once."""
    before = site.servers[0].logins()
    for _ in range(2):
        assert run(world, "true", selector={"nodes": ["good"]})[0].state == "Success"
    assert site.servers[0].logins() == before + 1
    put("")
    _, rows = run(world, "true", selector={"nodes": ["good"]})
    assert rows["good"].reason.startswith("ssh.host_key_unknown")


def test_a_login_that_cannot_be_read_is_a_row_and_never_in_it(world: World) -> None:
    """Nodes with agents go on; nothing of the secret is told."""
    world.secrets["ssh"] = '{"user": "nightshift", "private_key": "torn-SECRET"}'
    _, rows = run(world, "true", selector={"nodes": ["good", *world.instances()]})
    assert rows["good"].reason.startswith("ssh.key_unreadable")
    assert "SECRET" not in rows["good"].reason
    assert {rows[node].status for node in world.instances()} == {"Success"}
    world.secrets["ssh"] = "SECRET"
    _, rows = run(world, "true", selector={"nodes": ["good"]})
    assert rows["good"].reason == "ssh.login_unreadable: the secret is not JSON with user and private_key"


def test_what_an_invocation_that_died_had_begun_by_ssh_is_never_repeated(
    world: World, tmp_path: Path
) -> None:
    """It may have run: its row says that nobody knows, and the file has one line."""
    count = tmp_path / "count"

    def die(when: str, who: str) -> None:
        # Its row was written as begun, and its thread runs: the next look never ends.
        if who.startswith("run_command ") and when == "before" and count.exists():
            world.pulse = None
            raise Killed

    world.pulse = die
    ended, rows = run(world, "sh", "-c", f"echo x >> {count}; sleep 1", selector={"nodes": ["good"]})
    assert count.read_text() == "x\n"
    assert rows["good"].reason.endswith("whether it took effect is unknown")
    assert ended.state == "Failed"
