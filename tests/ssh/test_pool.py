"""Connections survive between uses, and are closed, replaced and bounded."""

from __future__ import annotations

import threading
import time

import pytest

from nightshift.errors import NightshiftError
from nightshift_ssh import warm
from nightshift_ssh.command import Command
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.pool import Limits, Pool
from tests.ssh.conftest import PATIENCE
from tests.ssh.servers import Site, mute

SOON = 0.5
ECHO = Command(("echo", "well"))
THROUGH = Command(("echo", "well"), through_shell=True)


class Clock:
    """Seconds that pass only when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def own(site, tmp_path):
    """An sshd for one test, whose logins can be counted and whose connections can be cut."""
    return site.sshd("127.0.0.6", "127.0.0.7", "127.0.0.8")


@pytest.fixture
def make(site):
    """Pools, closed at the end."""
    pools = []

    def pool(clock=time.time, **limits):
        pools.append(Pool(site.login(), Limits(**limits), clock))
        return pools[-1]

    yield pool
    for one in pools:
        one.close()


def run(pool, address, command=ECHO, seconds=PATIENCE):
    return pool.run(address, command, Deadline.after(seconds))


def cut(own, pool):
    """Break every connection of ``own``, and wait until the pool's thread has heard."""
    own.cut()
    ends = time.monotonic() + PATIENCE
    while any(one.connection.alive for one in pool._idle.values()) and time.monotonic() < ends:
        time.sleep(0.01)


@pytest.mark.parametrize("command", [ECHO, THROUGH], ids=["exec", "shell"])
def test_a_connection_is_used_again(make, own, command):
    """One login for many commands."""
    pool = make()
    assert [run(pool, own.address(), command).stdout for _ in range(5)] == ["well\n"] * 5
    assert own.logins() == 1
    assert pool.open() == 1


@pytest.mark.parametrize("command", [ECHO, THROUGH], ids=["exec", "shell"])
def test_a_connection_that_broke_between_uses_is_replaced(make, own, command):
    """The command runs, once, on a fresh one."""
    pool = make()
    run(pool, own.address(), command)
    cut(own, pool)
    assert run(pool, own.address(), command).stdout == "well\n"
    assert own.logins() == 2
    assert pool.open() == 1


@pytest.mark.parametrize("command", [ECHO, THROUGH], ids=["exec", "shell"])
def test_a_connection_that_looks_alive_and_is_not_is_replaced(make, own, command, monkeypatch):
    """As after a Lambda was frozen: the news is in the socket, and nobody has read it."""
    clock = Clock()
    pool = make(clock=clock)
    run(pool, own.address(), command)
    kept = next(iter(pool._idle.values())).connection
    told = type(kept).alive
    cut(own, pool)
    looks = iter([True])
    monkeypatch.setattr(type(kept), "alive", property(lambda self: next(looks, None) or told.fget(self)))
    clock.now += 2
    assert run(pool, own.address(), command).stdout == "well\n"
    assert own.logins() == 2


def test_a_command_that_may_have_begun_is_not_repeated(make, own, tmp_path):
    """The connection breaks under it: the caller decides."""
    pool = make()
    run(pool, own.address())
    count = tmp_path / "count"
    breaking = Command(("sh", "-c", f"echo x >> {count}; kill -9 $PPID; sleep 600"))
    with pytest.raises(NightshiftError, match=r"ssh\.connection_lost"):
        run(pool, own.address(), breaking)
    assert count.read_text() == "x\n"
    assert pool.open() == 0


def test_idle_connections_are_closed_at_the_next_use(make, own):
    """Whatever the node: the pool has no thread that would do it."""
    clock = Clock()
    pool = make(clock=clock, idle_seconds=60)
    run(pool, own.address(0))
    run(pool, own.address(1))
    clock.now += 61
    run(pool, own.address(2))
    assert [pool.open(own.address(index)) for index in range(3)] == [0, 0, 1]


def test_the_total_is_kept_by_closing_what_is_idle_longest(make, own):
    """A new node is worth more than one that was done with long ago."""
    pool = make(total=2)
    for index in (0, 1, 2):
        run(pool, own.address(index))
    assert pool.open() == 2
    assert pool.open(own.address(0)) == 0


def test_one_host_gets_no_more_than_its_share(make, own, tmp_path):
    """The others wait for their turn, and all are served."""
    pool = make(per_host=2)
    sleeping = Command(("sh", "-c", "sleep 0.1; echo well"))
    results, seen = [], []

    def work():
        results.append(run(pool, own.address(), sleeping).stdout)
        seen.append(pool.open())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["well\n"] * 6
    assert max(seen) == 2
    assert own.logins() == 2


@pytest.mark.parametrize("limits", [{"per_host": 1}, {"total": 1}], ids=["per host", "total"])
def test_a_full_pool_refuses_with_the_numbers(make, own, limits):
    """Who waits longer than the deadline learns why."""
    pool = make(**limits)
    inside = threading.Event()

    def hold():
        inside.set()
        run(pool, own.address(), Command(("sleep", "1")))

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait()
    while pool.open() == 0:
        time.sleep(0.01)
    with pytest.raises(NightshiftError, match=r"ssh\.pool_full") as caught:
        run(pool, own.address(), seconds=0.2)
    assert "1 of " in caught.value.message
    holder.join()
    assert run(pool, own.address()).ok


def test_a_host_that_cannot_be_reached_takes_no_place(make, site):
    """Its place is given back."""
    pool = make(connect_seconds=SOON)
    with mute("127.0.0.4") as address, pytest.raises(NightshiftError, match=r"ssh\.connect_timeout"):
        run(pool, address)
    assert pool.open() == 0


def test_a_bastion_is_shared_replaced_and_closed(make, own, server):
    """One connection to it for all nodes behind it."""
    pool = make()
    bastion = own.address(0)
    behind = [type(bastion)(host, server.port, bastion) for host in server.hosts]
    for address in behind:
        assert run(pool, address).stdout == "well\n"
    assert own.logins() == 1
    cut(own, pool)
    for address in behind:
        assert run(pool, address).stdout == "well\n"
    assert own.logins() == 2
    assert pool.open() == len(behind)
    pool.close()
    assert pool.open() == 0
    assert len(pool._bastions) == 0


def test_lines_of_known_hosts_that_cannot_be_read_are_told_once_for_each_pool(site, server, caplog):
    """Whether or not a command goes to one of their hosts."""
    credentials = site.credentials(f"{server.known()}web-1 ssh-ed25519\n")
    first = warm.pool(credentials, Limits())
    assert warm.pool(credentials, Limits()) is first
    warm.close()
    (told,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "known_hosts line 3: 2 fields" in told.getMessage()


def test_a_pool_shows_no_secret(make, site):
    """Wherever it is printed."""
    assert isinstance(site, Site)
    secret = site.private_key.splitlines()[2]
    assert secret not in repr(vars(make()))
