"""Ways to really break a local node, for the demo and for the tests.

Each function takes a node as `GET /fleet/nodes` describes it and acts on its processes and
files at once. Nothing here mends what it broke, with one exception: a stranger on a port is
handed back as a process that the caller has to end.

| fault | what mends it |
|---|---|
| `kill_service`, `hang_service`, `spin_cpu` | restart |
| `delete_release_file`, `delete_release`, `delete_releases`, `delete_current_link`, \
`break_release`, `forbid_folder` | rebuild |
| `fill_disk` | cleaning, unless told otherwise |
| `take_port`, `wreck_service_definition`, `kill_machine` | replacement |
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from .errors import FleetError
from .layout import NodeFacts
from .processes import leader_in
from .settings import DISK_QUOTA_BYTES

Described = Mapping[str, Any]
WAIT_SECONDS = 10.0
HOURS_AGO = 6 * 3600

STRANGER = """
import http.server, sys
class Stranger(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "3"); self.end_headers()
        self.wfile.write(b"hi\\n")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Stranger).serve_forever()
"""


def kill_service(node: Described) -> int:
    """SIGKILL the service's process group; answers the pid that was killed.

    Raises:
        FleetError: the node's service does not run.
    """
    pid = _service(node)
    os.killpg(pid, signal.SIGKILL)
    _wait_until_gone(pid)
    return pid


def hang_service(node: Described) -> int:
    """SIGSTOP the service's group: its port stays open and nobody answers; the pid.

    Raises:
        FleetError: the node's service does not run.
    """
    pid = _service(node)
    os.killpg(pid, signal.SIGSTOP)
    return pid


def spin_cpu(node: Described, seconds: float | None = None) -> None:
    """Keep the node's CPU budget used up by a child of its service.

    Args:
        node: the node.
        seconds: the child ends by itself after that; None: only a restart of the service ends it.

    Raises:
        FleetError: the service did not take the request.
    """
    query = "" if seconds is None else f"?seconds={seconds}"
    request = urllib.request.Request(f"{node['url']}/burn{query}", data=b"", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS):
            return
    except OSError as error:
        raise FleetError(f"{node['name']} did not start to spin: {error}") from error


def fill_disk(node: Described, percent: float = 97.0, *, cleanable: bool = True) -> int:
    """Fill the node's folder to a share of its quota; answers the bytes written.

    Args:
        node: the node.
        percent: of the quota, in use afterwards.
        cleanable: fill with rotated logs from hours ago, else with data that nothing may remove.
    """
    root = Path(node["dir"])
    used = sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir())
    missing = max(int(DISK_QUOTA_BYTES * percent / 100) - used, 0)
    sizes = [missing // 4] * 3 + [missing - missing // 4 * 3]
    then = time.time() - HOURS_AGO
    for number, size in enumerate(sizes, start=1):
        path = root / "log" / f"batch.log.{number}" if cleanable else root / "shared" / f"data-{number}.bin"
        path.write_bytes(bytes(size))
        os.utime(path, (then, then))
    return missing


def delete_release_file(node: Described) -> Path:
    """Delete a file of the running release: the service goes on and reports itself broken."""
    page = next(path for path in _release(node).iterdir() if path.name.startswith("index."))
    page.unlink()
    return page


def delete_release(node: Described) -> Path:
    """Delete the folder of the running release."""
    release = _release(node)
    shutil.rmtree(release)
    return release


def delete_releases(node: Described) -> None:
    """Delete the whole releases folder."""
    shutil.rmtree(Path(node["dir"]) / "releases")


def delete_current_link(node: Described) -> None:
    """Delete the link `releases/current`."""
    (Path(node["dir"]) / "releases" / "current").unlink()


def break_release(node: Described) -> None:
    """Garble the release's program and kill the service: no restart can bring it up again."""
    program = _release(node) / "server.py"
    program.write_text("this is no longer a program\n")
    with contextlib.suppress(FleetError):
        kill_service(node)


def forbid_folder(node: Described) -> None:
    """Make the node's folder unreadable to the service (mode 000)."""
    Path(node["dir"]).chmod(0)


def take_port(node: Described) -> subprocess.Popen[bytes]:
    """Kill the service and put a stranger on its port.

    The stranger answers every request with 200 and does not belong to the node; it is returned
    so that the caller can end it.

    Raises:
        FleetError: the stranger did not get the port.
    """
    with contextlib.suppress(FleetError):
        kill_service(node)
    port = int(node["port"])
    stranger = subprocess.Popen([sys.executable, "-c", STRANGER, str(port)], start_new_session=True)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline and stranger.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(node["url"], timeout=1):
            return stranger
        time.sleep(0.05)
    stranger.kill()
    raise FleetError(f"the stranger did not get port {port}")


def wreck_service_definition(node: Described) -> None:
    """Make the supervisor run something that fails: neither restart nor rebuild can help.

    Raises:
        FleetError: the supervisor did not take the new definition.
    """
    facts = NodeFacts.read(Path(node["machine_dir"]) / "agent.json")
    definition = facts.supervisor_conf.read_text()
    good = f'command="{facts.machine}/run-service"'
    facts.supervisor_conf.write_text(definition.replace(good, "command=/bin/false"))
    control = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(facts.supervisor_conf)]
    done = subprocess.run([*control, "update", "app"], capture_output=True, text=True, check=False)
    if done.returncode != 0 or good in facts.supervisor_conf.read_text():
        raise FleetError(f"the supervisor refused: {done.stdout}{done.stderr}")


def kill_machine(node: Described) -> int:
    """SIGKILL the node's supervisord, as if the machine had lost its power; its pid.

    Raises:
        FleetError: it does not run.
    """
    pid = node["supervisor_pid"]
    if pid is None:
        raise FleetError(f"the machine of {node['name']} is down already")
    os.kill(pid, signal.SIGKILL)
    return int(pid)


def _service(node: Described) -> int:
    """The service's pid now; the description may be older than the last restart."""
    pid = leader_in(Path(node["machine_dir"]) / "state" / "service.pid")
    if pid is None:
        raise FleetError(f"the service of {node['name']} does not run")
    return pid


def _release(node: Described) -> Path:
    """The folder that `releases/current` leads to."""
    return (Path(node["dir"]) / "releases" / "current").resolve(strict=True)


def _wait_until_gone(pid: int) -> None:
    """Wait until a killed process no longer holds its port."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        deadline = time.monotonic() + WAIT_SECONDS
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise FleetError(f"process {pid} did not die")
            time.sleep(0.01)
