"""Starts and stops the local stack: the embedded cloud, the fleet, and what they need to run."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.local import daemons, git, record, seed
from tools.local.cloud.client import client
from tools.local.cloud.deploy import DeployFailed, deploy, warm
from tools.local.cloud.package import PackageFailed
from tools.local.daemons import Daemon, DaemonFailed
from tools.local.fleet.machine import remove_folder
from tools.local.fleet.settings import PUSH_MASTER
from tools.local.paths import ROOT, home
from tools.local.ports import Ports, PortUnusable, chosen, require_free
from tools.local.serving import NotServing, wait_serving

REPORT = "demo-report.json"
# The template's own defaults are meant for AWS; here an agent is online within a second or two.
PARAMETERS = {"WelcomeRetrySeconds": "30", "LocalChannels": "true"}
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
Progress = Callable[[str], None]


class StackFailed(Exception):
    """The stack could not be started or stopped; ``next_step`` says what to do about it."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class AlreadyUp(Exception):
    """There is nothing to start; ``stack`` is the record of the one that runs."""

    def __init__(self, stack: dict[str, Any]) -> None:
        super().__init__(f"the stack is already up at {stack['endpoint']}")
        self.stack = stack


def up(
    progress: Progress = lambda _: None,
    *,
    nodes: bool = True,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Start everything and wait until every node serves; returns the content of stack.json.

    Without ``nodes`` no group is made; ``parameters`` are of the template, beside the usual ones.

    Raises:
        AlreadyUp: it runs already.
        StackFailed: a port is in use, or a part did not come up; nothing of it is left running.
    """
    place = home()
    with _alone(place):
        stack = record.running(place)
        if stack is not None:
            raise AlreadyUp(stack)
        for line in _clear(place, keep=(REPORT, "build")):
            progress(f"an earlier run was cut short: {line}")
        try:
            ports = chosen()
            require_free(ports)
        except PortUnusable as error:
            _forget(place)
            raise StackFailed(str(error), "choose another base port: NIGHTSHIFT_PORT=14566 make up") from None
        try:
            return _start(place, ports, progress, nodes=nodes, parameters=parameters or {})
        except BaseException as error:
            _clear(place, keep=(REPORT, "build", "log"))
            if isinstance(error, DaemonFailed | PackageFailed | DeployFailed | seed.SeedFailed | NotServing):
                raise StackFailed(
                    f"the stack did not start: {error}", f"read the logs in {place / 'log'}"
                ) from error
            raise


def down() -> list[str]:
    """Stop everything and remove what it made, but for the demo's report; returns what was done."""
    place = home()
    with _alone(place):
        done = _clear(place, keep=(REPORT,))
    _forget(place)
    return done


def _start(
    place: Path, ports: Ports, progress: Progress, *, nodes: bool, parameters: Mapping[str, str]
) -> dict[str, Any]:
    endpoint, fleet = f"http://127.0.0.1:{ports.cloud}", f"http://127.0.0.1:{ports.fleet}"
    progress("starting the embedded cloud and the fleet")
    started = _start_daemons(place, ports, endpoint, fleet)
    progress("deploying template.yaml")
    told = {**PARAMETERS, "ApiAddress": f"{endpoint}/_aws/execute-api", **parameters}
    outputs = deploy(endpoint, ROOT / "template.yaml", place, told, progress=progress)

    def clients(service: str) -> Any:
        return client(service, endpoint)

    _keep_push_master(place, clients, outputs)
    progress("adopting the policy, publishing the first releases")
    seed.adopt_policy(clients, outputs["ArtifactsBucket"], seed.policy_text(ports))
    seed.publish_login(clients, outputs["ArtifactsBucket"])
    seed.publish_releases(clients, outputs, place / "tmp")
    git.serve(place, clients, outputs)
    progress(f"{warm(endpoint)} functions are warm")
    if nodes:
        progress(f"booting {len(seed.GROUPS)} groups of {seed.NODES_PER_GROUP} nodes")
        seed.create_groups(clients)
        wait_serving(clients("dynamodb"), outputs["NodesTable"], fleet, progress)
    stack = {
        "endpoint": endpoint,
        "fleet": fleet,
        "pid": {daemon.name: daemon.pid for daemon in started},
        "outputs": outputs,
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    record.complete(place, stack)
    return stack


def _keep_push_master(place: Path, clients: Callable[[str], Any], outputs: Mapping[str, str]) -> None:
    """For the fleet, which gives each node its key as it boots; a fleet in AWS has nothing of the kind."""
    found = clients("secretsmanager").get_secret_value(SecretId=outputs["SamplesSecretArn"])
    file = place / "run" / PUSH_MASTER
    file.touch(mode=0o600)
    file.write_text(str(found["SecretString"]))


def _start_daemons(place: Path, ports: Ports, endpoint: str, fleet: str) -> list[Daemon]:
    addresses = {
        "fleet": [
            *("--port", str(ports.fleet), "--moto-port", str(ports.moto)),
            *("--proxy-port-base", str(ports.proxies), "--ssh-port-base", str(ports.plain)),
            *("--cloud", endpoint),
        ],
        "cloud": ["--port", str(ports.cloud), "--fleet", fleet, "--moto", f"http://127.0.0.1:{ports.moto}"],
    }
    ready = {"fleet": f"{fleet}/fleet/ready", "cloud": f"{endpoint}/_nightshift/ready"}
    started: list[Daemon] = []
    for name, arguments in addresses.items():
        log = place / "log" / f"{name}.log"
        command = [*arguments, "--home", str(place)]
        started.append(daemons.start(name, f"tools.local.{name}", command, _environment(place), log))
        record.remember(place, started)
    for daemon in started:
        daemons.wait_ready(daemon, ready[daemon.name], place / "log" / f"{daemon.name}.log", READY_SECONDS)
    return started


def _environment(place: Path) -> dict[str, str]:
    """Nothing of the person's own environment that could reach a daemon's behaviour or a real account."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    tmp = place / "tmp"
    tmp.mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(tmp),
        daemons.MARK: str(place),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _clear(place: Path, keep: tuple[str, ...]) -> list[str]:
    """Stop every process of the stack in ``place`` and remove all but ``keep``; says what it did."""
    done = []
    known = record.daemons(place)
    sessions = {daemon.pid for daemon in known if daemon.owns_its_number()}
    alive = [(daemon, process) for daemon in known if (process := daemon.process())]
    if alive:
        killed = daemons.end([process for _, process in alive], STOP_SECONDS)
        names = " and ".join(f"{daemon.name} ({daemon.pid})" for daemon, _ in alive)
        done.append(f"stopped {names}" + (f"; {killed} had to be killed" if killed else ""))
    orphans = daemons.left_behind(place, sessions)
    if orphans:
        daemons.end(orphans, patience=3)
        done.append(f"ended {len(orphans)} processes that were left behind")
    removed = [path for path in place.iterdir() if path.name not in keep]
    for path in removed:
        remove_folder(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if removed:
        done.append(f"removed {', '.join(sorted(path.name for path in removed))} in {place}")
    return done


def _forget(place: Path) -> None:
    with contextlib.suppress(OSError):
        place.rmdir()  # stays while the report or a cache is in it


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold the state folder against another ``up`` or ``down``."""
    place.mkdir(parents=True, exist_ok=True)
    folder = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StackFailed(
            "another up or down is at work on the same stack",
            "wait until it is done, then see: nightshift status",
        ) from None
    finally:
        os.close(folder)
