"""Starting and stopping the local stack: real ports, real processes, and what a cut-short start leaves."""

import fcntl
import json
import os
import socket
import subprocess
import sys

import psutil
import pytest

from tools.cli import app
from tools.local import daemons, ports, record, stack
from tools.local.daemons import Daemon, DaemonFailed
from tools.local.fleet.processes import MARK as MACHINE_MARK

pytestmark = pytest.mark.enable_socket

SLEEPER = "import time, sys; time.sleep(600)"


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A state folder of its own."""
    place = tmp_path / "state"
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(place))
    return place


@pytest.fixture
def start():
    """Start Python processes that are gone after the test whatever happens."""
    started = []

    def begin(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def base():
    """A base port that is free with the ports that follow from it."""
    for candidate in range(20_000, 30_000, 7):
        try:
            ports.require_free(ports.Ports(candidate))
        except ports.PortUnusable:
            continue
        return candidate
    raise AssertionError("no free ports")


def _remember(place, process, module):
    daemon = Daemon("fleet", process.pid, psutil.Process(process.pid).create_time(), module)
    record.remember(place, [daemon])
    return daemon


@pytest.mark.parametrize("text", ["no-number", "80", "65535", "-1"])
def test_a_base_port_that_is_none(monkeypatch, text):
    """NIGHTSHIFT_PORT is refused by name when nothing can come of it."""
    monkeypatch.setenv("NIGHTSHIFT_PORT", text)
    with pytest.raises(ports.PortUnusable, match="NIGHTSHIFT_PORT"):
        ports.chosen()


def test_a_port_in_use_is_named(home, base, monkeypatch, capsys):
    """The start fails with the port, the variable that changes it, and nothing left behind."""
    monkeypatch.setenv("NIGHTSHIFT_PORT", str(base))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base + 1))
        taken.listen()
        assert app.main(["up"]) == 1
    said = capsys.readouterr().err
    assert f"port {base + 1} on 127.0.0.1 is in use" in said
    assert "NIGHTSHIFT_PORT=" in said
    assert not home.exists()


def test_a_second_up_says_so(home, start, capsys):
    """A stack that runs is not started again, and that is no failure."""
    process = start("-c", SLEEPER, "tools.local.fleet")
    _remember(home, process, "tools.local.fleet")
    record.complete(home, {"endpoint": "http://127.0.0.1:4566", "started_at": "2026-11-23T03:00:00.000Z"})
    assert app.main(["up"]) == 0
    assert "already up at http://127.0.0.1:4566" in capsys.readouterr().out
    assert process.poll() is None


def test_up_and_down_exclude_each_other(home, capsys):
    """While one is at work another one says so and touches nothing."""
    home.mkdir()
    (home / "kept").touch()
    folder = os.open(home, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        assert app.main(["down"]) == 1
    finally:
        os.close(folder)
    assert "another up or down is at work" in capsys.readouterr().err
    assert (home / "kept").exists()


def test_down_stops_what_it_started_and_keeps_the_report(home, start, capsys):
    """The daemon, a node's orphan and a worker's orphan end; the demo's report stays, all else goes."""
    daemon = start("-c", SLEEPER, "tools.local.fleet")
    orphan = start("-c", SLEEPER, **{MACHINE_MARK: str(home / "machines" / "i-1")})
    worker = start("-c", SLEEPER, TMPDIR=str(home / "tmp"))
    _remember(home, daemon, "tools.local.fleet")
    (home / "machines" / "i-1").mkdir(parents=True)
    (home / "demo-report.json").write_text("{}")
    assert app.main(["down"]) == 0
    assert not [each.pid for each in (daemon, orphan, worker) if psutil.pid_exists(each.pid)]
    assert [path.name for path in home.iterdir()] == ["demo-report.json"]
    said = capsys.readouterr().out
    assert f"stopped fleet ({daemon.pid})" in said
    assert "ended 2 processes that were left behind" in said


def test_down_spares_strangers(home, start):
    """What took a recorded pid, belongs to another stack, or merely looks like a node lives on."""
    stranger = start("-c", SLEEPER, "tools.local.fleet")
    other = start("-c", SLEEPER, **{daemons.MARK: str(home) + "2", "TMPDIR": str(home) + "2/tmp"})
    looker = start("-c", SLEEPER, str(home / "machines" / "i-1" / "supervisord.conf"))
    began = psutil.Process(stranger.pid).create_time()
    record.remember(home, [Daemon("fleet", stranger.pid, began - 60, "tools.local.fleet")])
    assert app.main(["down"]) == 0
    assert [process.poll() for process in (stranger, other, looker)] == [None, None, None]


def test_a_recorded_pid_of_another_program_is_not_ours(start):
    """The number alone is not enough: start time and command line have to agree."""
    process = start("-c", SLEEPER, "tools.local.fleet")
    began = psutil.Process(process.pid).create_time()
    assert Daemon("fleet", process.pid, began, "tools.local.fleet").process() is not None
    assert Daemon("fleet", process.pid, began - 60, "tools.local.fleet").process() is None
    assert Daemon("cloud", process.pid, began, "tools.local.cloud").process() is None


def test_a_process_between_fork_and_exec_is_ours_by_its_start(start, monkeypatch):
    """Its command line is empty for an instant; that must not read as "it ended while starting"."""
    process = start("-c", SLEEPER, "tools.local.fleet")
    began = psutil.Process(process.pid).create_time()
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _self: [])
    assert Daemon("fleet", process.pid, began, "tools.local.fleet").process() is not None


def test_a_killed_part_is_reported(home, start, capsys):
    """The status says which part ended unasked and how to clear it; reading commands point there, too."""
    process = start("-c", SLEEPER, "tools.local.fleet")
    daemon = _remember(home, process, "tools.local.fleet")
    record.complete(home, {"endpoint": "http://127.0.0.1:4566", "started_at": "2026-11-23T03:00:00.000Z"})
    process.kill()
    process.wait()
    assert app.main(["status"]) == 1
    assert f"broken: fleet {daemon.pid} ended unasked" in capsys.readouterr().out
    assert app.main(["nodes"]) == 1
    assert "next: clear it: make down, then: make up" in capsys.readouterr().err


def test_a_daemon_that_dies_while_starting_shows_its_log(tmp_path):
    """The reason is in the message, not only in a file that somebody has to find."""
    log = tmp_path / "daemon.log"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(stack.ROOT)}
    daemon = daemons.start("cloud", "tools.local.no_such_module", [], environment, log)
    with pytest.raises(DaemonFailed, match="the cloud ended while starting") as failed:
        daemons.wait_ready(daemon, "http://127.0.0.1:9/", log, seconds=20)
    assert "No module named" in str(failed.value)


def test_a_stubborn_process_is_killed(start):
    """One that ignores the polite signal does not outlive its patience."""
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); "
    process = start("-c", deaf + SLEEPER)
    assert process.stdout.readline() == b"deaf\n"
    assert daemons.end([psutil.Process(process.pid)], patience=0.2) == 1
    assert not psutil.pid_exists(process.pid)


def test_a_damaged_record_counts_as_none(home):
    """Half a file, as a full disk leaves it, is not a reason to fail."""
    (home / "run").mkdir(parents=True)
    for name in ("processes.json", "stack.json"):
        (home / "run" / name).write_text(json.dumps([{"name": "fleet"}])[:-4])
    assert record.daemons(home) == []
    assert record.running(home) is None
