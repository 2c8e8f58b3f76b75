"""Warm nodes are taken step by step by the caller's own thread, and no trouble of one delays another."""

from __future__ import annotations

import threading

import pytest

from nightshift_ssh import connection, exchange, reading
from nightshift_ssh.command import Command
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.fan_out import run_all
from nightshift_ssh.pool import Limits, Pool
from tests.ssh.conftest import PATIENCE
from tests.ssh.test_pool import Clock

SOON = 0.5
HOSTS = 8
WHERE = ("sh", "-c", "set -- $SSH_CONNECTION; echo $3")
BOTH = pytest.mark.parametrize("through_shell", [False, True], ids=["exec", "shell"])


@pytest.fixture
def own(site):
    """An sshd for one test."""
    return site.sshd(*(f"127.0.3.{index}" for index in range(1, HOSTS + 1)))


@pytest.fixture
def clock():
    """The pool's."""
    return Clock()


@pytest.fixture
def pool(site, own, clock):
    """Connected to every host, with a shell on each."""
    pool = Pool(site.login(), Limits(), clock)
    run(pool, own, WHERE, through_shell=True)
    assert own.logins() == HOSTS
    yield pool
    pool.close()


def run(pool, own, argv, crew=32, **options):
    return run_all(
        pool, [own.address(index) for index in range(HOSTS)], Command(argv, **options), PATIENCE, crew
    )


def outputs(rows):
    return [row.result.stdout.strip() if row.result else row.error.code for row in rows]


@BOTH
def test_warm_nodes_need_no_other_thread(pool, own, through_shell, monkeypatch):
    """Each answers for itself, again and again, also a script as long as the probe of an inspection."""
    monkeypatch.setattr(pool, "run", lambda *_: pytest.fail("a worker was asked"))
    before = threading.active_count()
    long = ("sh", "-c", f"{WHERE[-1]}\n# {'x' * 10_000}")
    for argv in (WHERE, long, WHERE):
        assert outputs(run(pool, own, argv, through_shell=through_shell)) == own.hosts
    assert threading.active_count() == before
    assert own.logins() == HOSTS
    assert pool.open() == HOSTS


@BOTH
def test_status_and_streams_are_as_by_a_worker(pool, own, through_shell):
    """Whoever takes the steps."""
    rows = run(pool, own, ("sh", "-c", "echo out; echo err >&2; exit 3"), through_shell=through_shell)
    assert {(row.result.exit_status, row.result.stdout, row.result.stderr) for row in rows} == {
        (3, "out\n", "err\n")
    }


@BOTH
def test_a_warm_node_that_hangs_delays_none_and_is_well_again(pool, own, through_shell):
    """Half of them hang, and the crew is smaller than that; their connections serve the next command."""
    hanging = own.hosts[: HOSTS // 2]
    script = f"set -- $SSH_CONNECTION; case ' {' '.join(hanging)} ' in *\" $3 \"*) sleep 600;; esac; echo $3"
    rows = run(pool, own, ("sh", "-c", script), crew=2, through_shell=through_shell, seconds=3.0)
    assert outputs(rows) == ["ssh.command_timeout"] * len(hanging) + own.hosts[len(hanging) :]
    assert max(row.seconds for row in rows[len(hanging) :]) < min(row.seconds for row in rows[: len(hanging)])
    assert outputs(run(pool, own, WHERE, through_shell=through_shell)) == own.hosts
    assert own.logins() == HOSTS


@BOTH
def test_the_total_deadline_ends_warm_nodes_too(pool, own, through_shell):
    """With a row each, and their connections are given back."""
    command = Command(("sleep", "600"), through_shell=through_shell)
    rows = run_all(pool, [own.address(index) for index in range(HOSTS)], command, SOON)
    assert outputs(rows) == ["ssh.total_deadline"] * HOSTS
    assert outputs(run(pool, own, WHERE, through_shell=through_shell)) == own.hosts


@BOTH
def test_no_more_are_begun_at_a_time_than_the_crew_has(pool, own, through_shell, monkeypatch):
    """As long as none is stuck."""
    begin, settle, now, most = pool.begin, pool.settle, set(), []

    def begun(address, *rest):
        now.add(address)
        most.append(len(now))
        return begin(address, *rest)

    def settled(exchange, deadline):
        now.remove(exchange.connection.address)
        return settle(exchange, deadline)

    monkeypatch.setattr(pool, "begin", begun)
    monkeypatch.setattr(pool, "settle", settled)
    assert outputs(run(pool, own, WHERE, crew=3, through_shell=through_shell)) == own.hosts
    assert max(most) == 3


@BOTH
@pytest.mark.parametrize("idle", [0, 60], ids=["lately", "long ago"])
def test_connections_that_were_cut_are_replaced_once(pool, own, through_shell, idle, clock):
    """Nobody has read the news yet, perhaps: the command runs all the same, once on each."""
    clock.now += idle
    own.cut()
    assert outputs(run(pool, own, WHERE, through_shell=through_shell)) == own.hosts
    assert own.logins() == 2 * HOSTS
    assert pool.open() == HOSTS


@BOTH
def test_a_host_that_is_silent_before_the_command_is_reached_anew(
    pool, own, through_shell, clock, monkeypatch
):
    """The first step is not answered: nothing has begun, and a fresh connection is made."""
    for module in (connection, exchange):
        monkeypatch.setattr(module, "CHANNEL_SECONDS", SOON)
    monkeypatch.setattr(exchange, "PROOF", Command(("true",), seconds=SOON, through_shell=True))
    clock.now += 60
    own.freeze()
    assert outputs(run(pool, own, WHERE, through_shell=through_shell)) == own.hosts
    assert own.logins() == 2 * HOSTS


@BOTH
def test_a_command_that_may_have_begun_is_not_repeated(pool, own, through_shell, tmp_path):
    """The connection breaks under it: one line for each host, and the caller decides."""
    count = tmp_path / "count"
    # The shell's parent is the sshd that serves the connection; in a shell of ours it is one further up.
    up = "$(cut -d' ' -f4 /proc/$PPID/stat)" if through_shell else "$PPID"
    breaking = ("sh", "-c", f"echo x >> {count}; kill -9 {up}; sleep 600")
    rows = run(pool, own, breaking, through_shell=through_shell)
    assert outputs(rows) == ["ssh.connection_lost"] * HOSTS
    assert count.read_text() == "x\n" * HOSTS


@BOTH
def test_a_flood_on_warm_nodes_is_left(pool, own, through_shell, monkeypatch):
    """And they are well afterwards."""
    monkeypatch.setattr(reading, "FLOOD", 2**18)
    assert outputs(run(pool, own, ("yes",), through_shell=through_shell)) == ["ssh.output_flood"] * HOSTS
    assert outputs(run(pool, own, WHERE, through_shell=through_shell)) == own.hosts


def test_a_shell_is_heard_beyond_its_window(pool, own):
    """Between commands the window is opened again: more passes in all than one window holds."""
    printing = ("sh", "-c", "head -c 15000000 /dev/zero; head -c 15000000 /dev/zero >&2")
    for _ in range(3):
        row, *_ = run_all(pool, [own.address()], Command(printing, limit=10, through_shell=True), PATIENCE)
        assert row.result.stdout.endswith("[cut: 10 of 15000000 bytes]")
        assert row.result.stderr.endswith("[cut: 10 of 15000000 bytes]")


@BOTH
def test_a_mistake_in_a_step_is_one_node_s_row(pool, own, through_shell, monkeypatch):
    """Even what nobody expected does not hide the others."""
    real = connection.Connection.begin if through_shell else connection.Connection.start

    def mistaken(self, *rest, **options):
        if self.address == own.address(0):
            raise ZeroDivisionError("a mistake")
        return real(self, *rest, **options)

    monkeypatch.setattr(connection.Connection, real.__name__, mistaken)
    assert outputs(run(pool, own, WHERE, through_shell=through_shell)) == ["ssh.unexpected", *own.hosts[1:]]


@BOTH
def test_being_told_too_often_ends_no_command(pool, own, through_shell):
    """Only an end is an end."""
    told = threading.Event()
    command = Command(("sleep", "0.5"), through_shell=through_shell)
    exchange_ = pool.begin(own.address(), command, Deadline.after(PATIENCE), told.set)
    if not through_shell:
        assert told.wait(PATIENCE)
        told.clear()
        assert not exchange_.go_on()
    assert not exchange_.go_on()
    assert told.wait(PATIENCE)
    assert exchange_.go_on()
    assert exchange_.well
    assert pool.settle(exchange_, Deadline.after(PATIENCE)).ok
