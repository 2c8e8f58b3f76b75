"""Nodes that are begun one by one: retries before a command has begun, and nobody who holds up another."""

from __future__ import annotations

from pathlib import Path

from nightshift_ssh.command import Command
from nightshift_ssh.crew import TRIES, Crew, Ended
from nightshift_ssh.login import Address
from nightshift_ssh.pool import Pool
from tests.ssh.servers import Site, Sshd, free_port, mute

PATIENCE = 20.0


def collect(crew: Crew, number: int) -> dict[str, Ended]:
    found: dict[str, Ended] = {}
    while len(found) < number:
        ended = crew.ended(PATIENCE)
        assert ended, f"only {sorted(found)} ended"
        found |= {one.key: one for one in ended}
    return found


def test_those_that_answer_do_not_wait_for_one_that_never_does(site: Site, server: Sshd) -> None:
    """The hanging one ends by its own limit, after the others."""
    with mute("127.0.0.9") as silent:
        crew = Crew(Pool(site.login()))
        crew.begin("silent", silent, Command(("true",)), 3.0)
        for number in range(2):
            crew.begin(f"node-{number}", server.address(number), Command(("echo", str(number))), PATIENCE)
        order = [*collect(crew, 2)]
        assert "silent" not in order
        last = collect(crew, 1)["silent"]
        assert last.error is not None
        assert last.error.recoverable


def test_a_node_that_is_not_reached_is_tried_again_and_the_tries_are_told(site: Site) -> None:
    """Nothing has begun there, so that is safe."""
    crew = Crew(Pool(site.login()))
    crew.begin("gone", Address("127.0.0.1", free_port()), Command(("true",)), PATIENCE)
    ended = collect(crew, 1)["gone"]
    assert ended.error.code == "ssh.unreachable"
    assert [error.code for error in ended.retried] == ["ssh.unreachable"] * (TRIES - 1)


def test_a_command_that_may_have_begun_is_never_repeated(site: Site, server: Sshd, tmp_path: Path) -> None:
    """It ran too long: the file has one line, and the row says that nobody knows."""
    count = tmp_path / "count"
    crew = Crew(Pool(site.login()))
    order = Command(("sh", "-c", f"echo x >> {count}; sleep 30"), seconds=1.0)
    crew.begin("slow", server.address(), order, PATIENCE)
    ended = collect(crew, 1)["slow"]
    assert (ended.error.code, ended.retried) == ("ssh.command_timeout", ())
    assert count.read_text() == "x\n"


def test_a_key_that_is_not_believed_is_not_tried_again(site: Site, server: Sshd) -> None:
    """Trying again gives the same answer."""
    crew = Crew(Pool(site.login(known_hosts="")))
    crew.begin("strange", server.address(), Command(("true",)), PATIENCE)
    ended = collect(crew, 1)["strange"]
    assert (ended.error.code, ended.retried) == ("ssh.host_key_unknown", ())
