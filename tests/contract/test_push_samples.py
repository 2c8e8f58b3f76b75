"""The pusher as its document installs it, under the shells that are here, against a server that fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from nightshift import pushing
from tests.contract.pushing import MASTER, PATIENCE, door
from tests.contract.test_probe import SHELLS
from tests.contract.test_probe import script as probe_script
from tests.samples import NODE, ROOT

CONTENT = yaml.safe_load((ROOT / "documents" / "push_samples.yaml").read_text())
SCRIPT = "\n".join(CONTENT["mainSteps"][0]["inputs"]["runCommand"])
KEY = pushing.node_key(MASTER, NODE).hex()
WELL = (
    '{"v":1,"at":"@","cpu":3.5,"memory":{"total_kib":100,"available_kib":60},'
    '"disks":[{"used":20.0}],"failed":[]}'
)


class Node:
    """A node's folder: what the document installs, with a probe that tells numbers."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder, self.shell = folder, shell.split()
        self.home = folder / "state" / "push"
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.key = folder / "push.key"
        self.key.write_text(KEY + "\n")
        self.key.chmod(0o600)
        supervisorctl = self.bin / "supervisorctl"
        supervisorctl.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/supervised"\n')
        supervisorctl.chmod(0o755)
        self.process: subprocess.Popen[str] | None = None

    def install(self, url: str, mode: str = "interval") -> subprocess.CompletedProcess[str]:
        """Run the document's script as the agent does."""
        return subprocess.run(
            [*self.shell, "-c", SCRIPT],
            env={**self.environment, "SSM_Url": url, "SSM_Mode": mode, "SSM_BreachPercent": "85"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """What the agent gives to a document."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "AWS_SSM_INSTANCE_ID": NODE,
            "NIGHTSHIFT_STATE": str(self.folder / "state"),
            "NIGHTSHIFT_PUSH_KEY": str(self.key),
            "SUPERVISOR_CONF": "supervisord.conf",
        }

    def settle(self, probe: str = "", interval: int = 1) -> None:
        """A faster beat, and a probe that counts: its line's time is 1, then 2, then 3."""
        settings = self.home / "settings"
        settings.write_text(settings.read_text().replace("interval=10", f"interval={interval}"))
        count = (
            f'n=$(cat "{self.folder}/n" 2>/dev/null || echo 0); n=$((n + 1)); echo $n > "{self.folder}/n"\n'
        )
        (self.home / "probe").write_text(probe or f"{count}echo '{WELL}' | sed \"s/@/$n/\"\n")

    def start(self) -> None:
        """As systemd or supervisor does."""
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [*self.shell, str(self.home / "push")],
                env={"PATH": self.environment["PATH"], "NIGHTSHIFT_PUSH": str(self.home)},
                stderr=log, text=True, start_new_session=True,
            )  # fmt: skip

    def stop(self, sign: int = signal.SIGKILL) -> None:
        """And everything that it runs."""
        if self.process:
            os.killpg(self.process.pid, sign)
            self.process.wait()
            self.process = None

    @property
    def log(self) -> str:
        """What the pusher said."""
        return (self.folder / "log").read_text()

    @property
    def spool(self) -> list[str]:
        """What waits."""
        file = self.home / "spool"
        return file.read_text().splitlines() if file.exists() else []


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Until it is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def numbers(lines: list[str]) -> list[int]:
    """The counts of lines."""
    return [int(json.loads(line)["at"]) for line in lines]


#: Each shell once: sh is often another one's name.
DIFFERENT = list({os.path.realpath(shutil.which(one.split()[0]) or ""): one for one in SHELLS}.values())


@pytest.fixture
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    """A node under the first of the shells, or under the one that a test asks for."""
    made = Node(tmp_path, getattr(request, "param", DIFFERENT[0]))
    yield made
    made.stop()


every_shell = pytest.mark.parametrize("node", DIFFERENT, indirect=True)


def test_the_probe_is_the_one_of_passes_word_for_word() -> None:
    """One probe for three deliveries; the pusher's copy is written by the same hand."""
    inside = SCRIPT.split("<<'PROBE'\n")[1].split("PROBE\n")[0]
    assert inside.rstrip("\n") == probe_script().rstrip("\n")
    assert "{{" not in SCRIPT  # Run Command would put a parameter there


@every_shell
def test_installed_it_posts_the_real_probe_genuinely(node: Node) -> None:
    """The line is the probe's own, the signature is taken, and the spool is empty again."""
    with door() as server:
        done = node.install(server.url)
        assert done.returncode == 0, done.stderr
        assert (node.folder / "supervised").read_text() == "-c supervisord.conf restart push\n"
        settings = node.home / "settings"
        settings.write_text(settings.read_text().replace("interval=10", "interval=1"))
        node.start()
        wait_for(lambda: server.lines, "the first sample")
        from nightshift import probe

        assert probe.parse(server.lines[0]).cores == psutil.cpu_count()
        wait_for(lambda: not node.spool, "an empty spool")
        assert {status for status, _ in server.requests} == {202}


def test_the_key_is_in_no_argument_and_no_environment(node: Node) -> None:
    """Of nothing that the pusher runs, nor in what it writes down."""
    seen = node.folder / "seen"
    for tool in ("curl", "sha256sum", "base64", "awk", "tail", "head", "date"):
        wrapper = node.bin / tool
        wrapper.write_text(
            f'#!/bin/sh\n{{ echo "{tool}" "$@"; env; }} >> "{seen}"\nexec {shutil.which(tool)} "$@"\n'
        )
        wrapper.chmod(0o755)
    with door() as server:
        assert node.install(server.url).returncode == 0
        node.settle()
        node.start()
        wait_for(lambda: len(server.lines) >= 2, "two samples")
        node.stop()
    told = seen.read_text()
    assert {"curl", "sha256sum", "base64"} <= {line.partition(" ")[0] for line in told.splitlines()}
    for text in (told, node.log, *(file.read_text() for file in node.home.rglob("*"))):
        assert KEY not in text
        assert KEY[:16] not in text


@every_shell
def test_what_a_server_refuses_or_fails_at_arrives_in_order_and_nothing_twice(node: Node) -> None:
    """Nobody listens; then 500; then a server that recovers: every sample is there."""
    with door() as first:
        port = first.server_port
    assert node.install(f"http://127.0.0.1:{port}/samples").returncode == 0
    node.settle()
    node.start()
    wait_for(lambda: len(node.spool) >= 2, "samples in the spool while nobody listens")
    with door(port) as server:
        server.status = 500
        wait_for(lambda: server.requests, "a request that fails")
        server.status = 503
        before = len(server.requests)
        wait_for(lambda: len(server.requests) > before, "another one")
        server.status = 202
        wait_for(lambda: server.lines and not node.spool, "the spool's end")
        taken = numbers(server.lines)
        assert taken == list(range(1, len(taken) + 1))
        assert len(set(server.ids)) == len(server.ids)
    assert "not taken" in node.log
    assert "works again" in node.log


def test_what_is_called_a_replay_comes_again_under_another_id(node: Node) -> None:
    """Somebody in between sent it first, and perhaps in vain; the same rows twice are one row."""
    with door() as server:
        server.status = lambda _: 202 if len(server.requests) >= 2 else 409
        assert node.install(server.url).returncode == 0
        node.settle()
        node.start()
        wait_for(lambda: len(server.lines) >= 3, "samples that are taken in the end")
        taken = numbers(server.lines)
        assert taken == list(range(1, len(taken) + 1))
        assert len(set(server.ids)) == len(server.ids)
    assert "not taken (409)" in node.log


def test_a_server_that_hangs_loses_nothing(node: Node) -> None:
    """The request ends by its own limit, and the same samples are posted again."""
    with door() as server:
        server.status = 0
        assert node.install(server.url).returncode == 0
        push = node.home / "push"
        push.write_text(push.read_text().replace("--max-time 10", "--max-time 1"))
        node.settle()
        node.start()
        wait_for(lambda: server.requests, "a request")
        server.status = 202
        wait_for(lambda: len(server.lines) >= 3, "what was measured meanwhile")
        taken = numbers(server.lines)
        assert taken == list(range(1, len(taken) + 1))


@every_shell
def test_a_spool_is_bounded_and_drained_oldest_first_in_batches(node: Node) -> None:
    """360 lines at most; the oldest are the ones that go, and the log says how many."""
    with door() as server:
        assert node.install(server.url).returncode == 0
        node.settle()
        old = [WELL.replace("@", str(number)) for number in range(1, 401)]
        (node.home / "spool").write_text("".join(f"{line}\n" for line in old))
        (node.folder / "n").write_text("400\n")
        node.start()
        wait_for(lambda: len(server.lines) >= 360, "everything that was kept")
        assert numbers(server.lines)[:360] == list(range(42, 402))
        assert [len(lines) for _, lines in server.requests][:6] == [60] * 6
    assert "41 samples are lost: the spool is full" in node.log


def test_a_death_in_the_middle_loses_nothing(node: Node) -> None:
    """Killed between measuring and posting, and with half a line in its spool."""
    with door() as first:
        port = first.server_port
    assert node.install(f"http://127.0.0.1:{port}/samples").returncode == 0
    node.settle()
    node.start()
    wait_for(lambda: len(node.spool) >= 2, "samples in the spool")
    node.stop()
    with (node.home / "spool").open("a") as spool:
        spool.write('{"v":1,"at":"x')
    kept = numbers(node.spool[:-1])
    with door(port) as server:
        node.start()
        wait_for(lambda: len(server.lines) > len(kept) + 1, "the spool and a new sample")
        assert numbers(server.lines[: len(kept)]) == kept
        assert server.lines[len(kept)] == '{"v":1,"at":"x'


def test_a_line_that_is_refused_is_lost_alone(node: Node) -> None:
    """It does not hold up the others, and the log says so."""
    with door() as server:
        server.status = lambda lines: 400 if any("poison" in line for line in lines) else 202
        assert node.install(server.url).returncode == 0
        node.settle()
        lines = [WELL.replace("@", "1"), '{"poison":1}', WELL.replace("@", "2")]
        (node.home / "spool").write_text("".join(f"{line}\n" for line in lines))
        (node.folder / "n").write_text("2\n")
        node.start()
        wait_for(lambda: len(server.lines) >= 3, "the lines around it")
        assert numbers(server.lines)[:3] == [1, 2, 3]
    assert "1 samples are lost: it was refused with 400" in node.log


@every_shell
def test_batch_mode_waits_for_six_and_for_no_breach(node: Node) -> None:
    """A disk that fills up is told at once; a breach that stays is told with the others."""
    full = WELL.replace('"used":20.0', '"used":97.0')
    with door() as server:
        assert node.install(server.url, "batch").returncode == 0
        node.settle()
        (node.home / "probe").write_text(f"cat '{node.folder}/line'\n")
        (node.folder / "line").write_text(WELL + "\n")
        node.start()
        wait_for(lambda: server.requests, "six lines")
        assert len(server.requests[0][1]) == 6
        (node.folder / "line").write_text(full + "\n")
        wait_for(lambda: len(server.requests) >= 2, "the breach")
        assert full in server.requests[1][1]
        assert len(server.requests[1][1]) < 6
        wait_for(lambda: len(server.requests) >= 3, "the next six")
        assert server.requests[2][1] == [full] * 6


@pytest.mark.parametrize("key", ["", "short\n", "g" * 64 + "\n"])
def test_without_a_key_it_says_so_and_posts_nothing(tmp_path: Path, key: str) -> None:
    """Neither installed without its file, nor run with one that is none."""
    node = Node(tmp_path, SHELLS[0])
    with door() as server:
        node.key.unlink()
        done = node.install(server.url)
        assert done.returncode == 1
        assert f"nightshift push-key {NODE} FILE" in done.stdout
        node.key.write_text(key)
        assert node.install(server.url).returncode == 0
        node.start()
        assert node.process
        assert node.process.wait(PATIENCE) == 1
        node.process = None
        assert "no key of 64 hexadecimal digits" in node.log
        assert server.requests == []


def test_taken_away_it_leaves_its_key_only(tmp_path: Path) -> None:
    """And again there is nothing to do."""
    node = Node(tmp_path, SHELLS[0])
    assert node.install("http://127.0.0.1:1/samples").returncode == 0
    assert node.install("http://127.0.0.1:1/samples", "off").returncode == 0
    assert not node.home.exists()
    assert node.key.exists()
    assert node.install("http://127.0.0.1:1/samples", "off").stdout == "it does not push\n"
    assert (node.folder / "supervised").read_text().splitlines()[-1] == "-c supervisord.conf stop push"


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("Url", "http://example.com/samples"),
        ("Url", "https://example.com/$(id)"),
        ("Url", "https://example.com/'; id; '"),
        ("Mode", "always"),
        ("BreachPercent", "85; id"),
        ("BreachPercent", "0"),
    ],
)
def test_a_parameter_that_is_not_as_agreed_reaches_no_node(name: str, bad: str) -> None:
    """Checked as Run Command checks them."""
    from tools.local.fleet.errors import SsmError
    from tools.local.fleet.parameters import declare, resolve

    declared = {key: declare(key, raw) for key, raw in CONTENT["parameters"].items()}
    good = {"Url": "https://a1b2c3d4.execute-api.us-east-1.amazonaws.com/samples", "Mode": "batch"}
    assert resolve(declared, good)
    with pytest.raises(SsmError, match=name):
        resolve(declared, good | {name: bad})


def test_systemd_would_take_its_unit(tmp_path: Path) -> None:
    """The unit as it is written, by systemd's own check where it is here."""
    node = Node(tmp_path, SHELLS[0])
    said = tmp_path / "systemctl.log"
    systemctl = node.bin / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> "{said}"\n')
    systemctl.chmod(0o755)
    script = SCRIPT.replace("/etc/systemd/system", str(tmp_path))
    environment = {
        **node.environment,
        "SUPERVISOR_CONF": "",
        "SSM_Url": "https://a/samples",
        "SSM_Mode": "batch",
    }
    done = subprocess.run(
        ["sh", "-c", script], env={**environment, "SSM_BreachPercent": "85"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert said.read_text().splitlines() == [
        "daemon-reload", "enable nightshift-push.service", "restart nightshift-push.service",
    ]  # fmt: skip
    unit = tmp_path / "nightshift-push.service"
    assert f"ExecStart=/bin/sh {node.home}/push\n" in unit.read_text()
    if shutil.which("systemd-analyze"):
        assert subprocess.run(["systemd-analyze", "verify", str(unit)], check=False).returncode == 0
