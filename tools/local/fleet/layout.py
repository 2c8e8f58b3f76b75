"""The folders and files of one node, and what is written there before it boots."""

import functools
import json
import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from .processes import MARK
from .settings import DISK_QUOTA_BYTES, HOST

REPOSITORY = Path(__file__).resolve().parents[3]
PUSH_KEY = "push.key"
SETPRIV = (
    "setpriv",
    "--bounding-set=-all",
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--no-new-privs",
)


@dataclass(frozen=True)
class NodeFacts:
    """What a node is told about itself; the agent reads it as `agent.json`.

    Attributes:
        dir: the app's own folder (releases, shared, log).
        machine_dir: the machine's side (supervisor, keys, agent state).
        port: of the service; ssh_port: of its SSH server.
        token: proves to the fleet server which node speaks.
        fleet: base URL of the fleet server.
        ssh_keys: file of the public keys that may log in.
    """

    id: str
    name: str
    group: str
    app: str
    auto_scaling_group: str
    dir: str
    machine_dir: str
    port: int
    ssh_port: int
    token: str
    fleet: str
    ssh_keys: str

    @property
    def root(self) -> Path:
        """The app's own folder."""
        return Path(self.dir)

    @property
    def machine(self) -> Path:
        """The machine's folder."""
        return Path(self.machine_dir)

    @property
    def state(self) -> Path:
        """Where the documents record steps and fences (NIGHTSHIFT_STATE)."""
        return self.machine / "state"

    @property
    def supervisor_conf(self) -> Path:
        """Configuration of the node's supervisord."""
        return self.machine / "supervisord.conf"

    @property
    def service_pid_file(self) -> Path:
        """Written by the service's start wrapper: the leader of its process group."""
        return self.state / "service.pid"

    @classmethod
    def read(cls, file: Path) -> "NodeFacts":
        """Read `agent.json`."""
        return cls(**json.loads(file.read_text()))


def scrubbed_environment(machine_dir: Path) -> dict[str, str]:
    """The environment of everything on a node: nothing of the developer's own."""
    programs = [str(Path(sys.executable).parent), "/usr/local/sbin", "/usr/local/bin"]
    programs += ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return {
        "PATH": ":".join(programs),
        "LANG": "C.UTF-8",
        "HOME": str(machine_dir),
        "TMPDIR": str(machine_dir / "tmp"),
        MARK: str(machine_dir),
    }


def lay_out(facts: NodeFacts, supervisor_port: int) -> None:
    """Create a node's folders and files: empty of any release."""
    for folder in ("releases", "shared/tmp", "log"):
        (facts.root / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("state", "tmp"):
        (facts.machine / folder).mkdir(parents=True, exist_ok=True)
    facts.machine.chmod(0o700)
    _write(facts.machine / "agent.json", json.dumps(asdict(facts), indent=2))
    _write(facts.machine / "run-service", _start_wrapper(facts), mode=0o700)
    _write(facts.supervisor_conf, _supervisor_conf(facts, supervisor_port))


@functools.cache
def unprivileged() -> tuple[str, ...]:
    """Command prefix under which file permissions bind a service even when root runs it.

    Empty for any other user, and where the system cannot do it.
    """
    if os.geteuid() != 0 or not shutil.which(SETPRIV[0]):
        return ()
    tried = subprocess.run([*SETPRIV, "true"], capture_output=True, check=False)
    return SETPRIV if tried.returncode == 0 else ()


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_text(text)


def _start_wrapper(facts: NodeFacts) -> str:
    start = " ".join([*unprivileged(), f'"{facts.root}/releases/current/start"'])
    pid = facts.service_pid_file
    reap = f'cd "{REPOSITORY}" && "{sys.executable}" -m tools.local.fleet.agent.reap'
    return f"""#!/bin/sh
# Started by supervisord as program "app". The pid is that of the service and of its group.
if read -r before < "{pid}" && kill -s 0 -- "-$before"; then
  ({reap} "{facts.machine}" "$before")
fi 2> /dev/null
echo $$ > "{pid}.new" && mv -f "{pid}.new" "{pid}"
exec {start}
"""


def _supervisor_conf(facts: NodeFacts, supervisor_port: int) -> str:
    password = secrets.token_urlsafe(24)
    quota = str(DISK_QUOTA_BYTES // 1024)
    pushing = {
        "NIGHTSHIFT_PUSH": f"{facts.state}/push",
        "NIGHTSHIFT_STATE": str(facts.state),
        "NIGHTSHIFT_ROOT": facts.dir,
        "NIGHTSHIFT_DISK_QUOTA_KIB": quota,
    }
    service = {
        "PORT": str(facts.port),
        "NODE_ID": facts.id,
        "NODE_NAME": facts.name,
        "NIGHTSHIFT_ROOT": facts.dir,
    }
    user = "user=root\n" if os.geteuid() == 0 else ""
    environment, pushes = (
        ",".join(f'{name}="{value}"' for name, value in one.items()) for one in (service, pushing)
    )
    text = f"""[supervisord]
{user}logfile={facts.machine}/supervisord.log
logfile_maxbytes=256KB
logfile_backups=1
pidfile={facts.machine}/supervisord.pid
childlogdir={facts.machine}
nodaemon=true

[inet_http_server]
port={HOST}:{supervisor_port}
username=node
password={password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=http://{HOST}:{supervisor_port}
username=node
password={password}

[program:agent]
command={sys.executable} -m tools.local.fleet.agent {facts.machine}/agent.json
directory={REPOSITORY}
autorestart=true
startsecs=1
startretries=1000
redirect_stderr=true
stdout_logfile={facts.machine}/agent.log
stdout_logfile_maxbytes=256KB
stdout_logfile_backups=1

; Started by the document that installs it.
[program:push]
command=sh "{facts.state}/push/push"
environment={pushes}
autostart=false
autorestart=true
startsecs=1
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={facts.machine}/push.log
stdout_logfile_maxbytes=64KB
stdout_logfile_backups=1

; Nobody but Nightshift restarts the service. The whole group goes with it, a stopped one too.
[program:app]
command="{facts.machine}/run-service"
environment={environment}
autostart=false
autorestart=false
startsecs=1
startretries=0
stopasgroup=true
killasgroup=true
stopwaitsecs=2
redirect_stderr=true
stdout_logfile={facts.root}/log/app.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=2
"""
    return text.replace("%", "%%")  # supervisor expands %(…)s everywhere
