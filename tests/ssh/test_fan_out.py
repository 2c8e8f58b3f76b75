"""One command on many nodes: each has its row, and none delays another."""

from __future__ import annotations

import contextlib
import time

import pytest

from nightshift_ssh.command import Command
from nightshift_ssh.fan_out import run_all
from nightshift_ssh.login import Address
from nightshift_ssh.pool import Limits, Pool
from tests.ssh.conftest import PATIENCE
from tests.ssh.servers import another_key, free_port, mute

WHERE = Command(("sh", "-c", "set -- $SSH_CONNECTION; echo $3"))


@pytest.fixture
def many(site):
    """An sshd on ten addresses."""
    return site.sshd(*(f"127.0.1.{index}" for index in range(1, 11)))


def pool_of(site, known_hosts=None, **limits):
    return Pool(site.login(known_hosts), Limits(**limits))


def codes(rows):
    return [row.error.code if row.error else None for row in rows]


def test_every_node_has_its_row_in_order(site, many):
    """And the output is that node's own."""
    addresses = [many.address(index) for index in range(10)]
    pool = pool_of(site)
    rows = run_all(pool, addresses, WHERE, PATIENCE, crew=4)
    assert [row.address for row in rows] == addresses
    assert [row.result.stdout.strip() for row in rows] == many.hosts
    again = run_all(pool, addresses, Command(WHERE.argv, through_shell=True), PATIENCE)
    assert [row.result.stdout for row in again] == [row.result.stdout for row in rows]
    assert many.logins() == 10
    pool.close()


def test_no_trouble_of_one_node_delays_or_hides_another(site, many):
    """Refusing, hanging, unknown, changed, failing: a row each; the well ones are done long before."""
    known = many.known().splitlines()
    known[1] = f"[{many.hosts[1]}]:{many.port} {another_key(3)}"
    del known[2]
    pool = pool_of(site, "\n".join(known), connect_seconds=3.0)
    with mute("127.0.0.4") as silent:
        well = [many.address(index) for index in range(3, 10)]
        ill = [silent, many.address(1), many.address(2), Address("127.0.0.4", free_port())]
        rows = run_all(pool, [*ill, *well], WHERE, PATIENCE)
    assert codes(rows[:4]) == [
        "ssh.connect_timeout",
        "ssh.host_key_changed",
        "ssh.host_key_unknown",
        "ssh.unreachable",
    ]
    assert [row.result.stdout.strip() for row in rows[4:]] == many.hosts[3:]
    assert max(row.seconds for row in rows[1:]) < rows[0].seconds
    pool.close()


def test_nodes_that_hang_are_left_to_themselves_and_their_workers_replaced(site, many, monkeypatch):
    """More silent nodes than the crew has workers, all before the well ones."""
    pool = pool_of(site, connect_seconds=4.0)
    real, done = pool.run, []

    def run(address, command, deadline):
        try:
            return real(address, command, deadline)
        finally:
            done.append(address)

    monkeypatch.setattr(pool, "run", run)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(mute("127.0.0.4")) for _ in range(6)]
        well = [many.address(index) for index in range(4)]
        rows = run_all(pool, [*silent, *well], WHERE, PATIENCE, crew=2)
    assert codes(rows) == ["ssh.connect_timeout"] * 6 + [None] * 4
    assert set(done[:4]) == set(well)
    pool.close()


def test_the_total_deadline_ends_everything_with_a_row(site, many):
    """Commands that hang, and nodes that were never begun."""
    pool = pool_of(site, total=3)
    began = time.monotonic()
    rows = run_all(pool, [many.address(index) for index in range(10)], Command(("sleep", "600")), 1.5)
    spent = time.monotonic() - began
    assert codes(rows) == ["ssh.total_deadline"] * 10
    assert all(row.error.recoverable and row.seconds <= spent for row in rows)
    pool.close()


def test_a_command_s_own_deadline_is_its_own(site, many):
    """It ends that command, not the fan-out."""
    pool = pool_of(site)
    slow = Command(
        ("sh", "-c", f"case $SSH_CONNECTION in *{many.hosts[0]}' '*) sleep 600;; esac; echo well"),
        seconds=1.0,
    )
    rows = run_all(pool, [many.address(0), many.address(1)], slow, PATIENCE)
    assert codes(rows) == ["ssh.command_timeout", None]
    pool.close()


def test_a_mistake_in_the_transport_is_one_node_s_row(site, many, monkeypatch):
    """Even what nobody expected does not hide the others."""
    pool = pool_of(site)
    real = pool.run

    def run(address, command, deadline):
        if address == many.address(0):
            raise ZeroDivisionError("a mistake")
        return real(address, command, deadline)

    monkeypatch.setattr(pool, "run", run)
    rows = run_all(pool, [many.address(0), many.address(1)], WHERE, PATIENCE)
    assert codes(rows) == ["ssh.unexpected", None]
    pool.close()


def test_no_nodes_are_no_rows(site):
    """Nothing is started."""
    assert run_all(pool_of(site), [], WHERE, PATIENCE) == []
