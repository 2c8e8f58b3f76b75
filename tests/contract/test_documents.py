"""The SSM documents, run by a plain POSIX shell on temporary folders."""

import hashlib
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tools.local.apps.release import build

DOCUMENTS = Path(__file__).resolve().parents[2] / "documents"
#: No step, no fence: one changes nothing, one may be done again, and one is a person's own.
UNGUARDED = {"probe", "push_samples", "run_command"}
NAMES = sorted(path.stem for path in DOCUMENTS.glob("*.yaml") if path.stem not in UNGUARDED)
SHELLS = [shell for shell in ("sh", "dash", "bash --posix", "busybox sh") if shutil.which(shell.split()[0])]
UNKNOWN, REFUSED = 75, 76

FAKE_SUPERVISORCTL = """#!/bin/sh
# supervisorctl -c CONF ACTION PROGRAM
echo "$3 $4" >> "$NIGHTSHIFT_STATE/../calls"
[ ! -x "$NIGHTSHIFT_STATE/../on-$3" ] || "$NIGHTSHIFT_STATE/../on-$3"
"""


@dataclass
class Node:
    """A node of folders only, with a supervisorctl that records what it is asked."""

    base: Path
    shell: str = "sh"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for folder in ("root/log", "root/releases", "root/shared/tmp", "state", "bin"):
            (self.base / folder).mkdir(parents=True)
        control = self.base / "bin" / "supervisorctl"
        control.write_text(FAKE_SUPERVISORCTL)
        control.chmod(0o755)

    @property
    def root(self):
        """The app's own folder."""
        return self.base / "root"

    @property
    def steps(self):
        """Where steps are recorded."""
        return self.base / "state" / "steps"

    @property
    def calls(self):
        """What supervisorctl was asked, such as `stop web`."""
        path = self.base / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def on(self, action, script):
        """Run this shell script when supervisorctl is asked for the action."""
        path = self.base / f"on-{action}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def start(self, document, step="s1", fence="1", **parameters):
        """Start a document's script with its parameters as variables."""
        variables = {"StepId": step, "Fence": fence, "Service": "web", **parameters}
        return subprocess.Popen(
            [*self.shell.split(), "-c", script_of(document)],
            env={
                "PATH": f"{self.base / 'bin'}:{os.environ['PATH']}",
                "NIGHTSHIFT_ROOT": str(self.root),
                "NIGHTSHIFT_STATE": str(self.base / "state"),
                "SUPERVISOR_CONF": str(self.base / "supervisord.conf"),
                **{f"SSM_{name}": value for name, value in variables.items()},
                **self.environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, document, step="s1", fence="1", **parameters):
        """Run a document to its end."""
        process = self.start(document, step, fence, **parameters)
        stdout, stderr = process.communicate(timeout=30)
        return subprocess.CompletedProcess(document, process.returncode, stdout, stderr)

    def install(self, archive, step="s1", fence="1", mode="install", version="1.0.0", **others):
        """Run install_release for this archive."""
        parameters = {
            "Version": version,
            "Url": archive.as_uri(),
            "Sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "Mode": mode,
        }
        return self.run("install_release", step, fence, **{**parameters, **others})

    def snapshot(self):
        """Every path below the root with its content, for "nothing was touched"."""
        return {
            str(path.relative_to(self.root)): path.readlink() if path.is_symlink() else path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_symlink() or path.is_file()
        }


def script_of(document):
    content = yaml.safe_load((DOCUMENTS / f"{document}.yaml").read_text())
    return "\n".join(content["mainSteps"][0]["inputs"]["runCommand"])


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture(params=SHELLS)
def node(tmp_path, request):
    """A node under each shell that is here."""
    return Node(tmp_path / "node", request.param)


@pytest.fixture
def plain(tmp_path):
    """A node under sh."""
    return Node(tmp_path / "node")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return build("web", "1.0.0", tmp_path_factory.mktemp("releases"))


# -- what all documents have in common


def block(document, name):
    found = re.search(rf"# {name}: begin.*# {name}: end", script_of(document), re.DOTALL)
    return found and found[0]


def test_every_document_begins_with_the_same_guard():
    """The guard is the same text everywhere and the first thing that runs."""
    guards = {name: block(name, "guard") for name in NAMES}
    assert len(set(guards.values())) == 1
    assert None not in guards.values()
    assert all(script_of(name).startswith("# guard: begin") for name in NAMES)


def test_every_document_looks_the_same_way():
    """What a node was like is told by the same text in every document."""
    blocks = {block(name, "diagnose") for name in NAMES}
    assert len(blocks) == 1
    assert None not in blocks


def test_documents_that_restart_share_their_service_control():
    """What starts and stops a service is the same text in both documents."""
    assert block("restart_service", "service") == block("install_release", "service")


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_typed_closed_and_passed_as_a_variable(name):
    """Each parameter has an anchored pattern or a list of values, and is never spliced into text."""
    content = yaml.safe_load((DOCUMENTS / f"{name}.yaml").read_text())
    assert content["schemaVersion"] == "2.2"
    assert {"StepId", "Fence", "Service"} <= set(content["parameters"])
    for key, declared in content["parameters"].items():
        assert declared["type"] == "String", key
        assert declared["interpolationType"] == "ENV_VAR", key
        assert declared["description"], key
        pattern = declared.get("allowedPattern", "^$")
        assert (pattern[0], pattern[-1]) == ("^", "$"), key
        assert declared.get("allowedPattern") or declared.get("allowedValues"), key
    assert "{{" not in script_of(name)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", NAMES)
def test_documents_are_good_shell(name, shell):
    """Every shell that is here parses every document."""
    subprocess.run([*shell.split(), "-n", "-c", script_of(name)], check=True)


# -- the guard


def test_a_known_step_answers_again_without_acting(node):
    """A repetition prints the stored result with its code, and nothing happens on the node."""
    first = node.run("restart_service")
    assert first.returncode == 0, first.stdout
    calls = node.calls
    again = node.run("restart_service")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert node.calls == calls == ["stop web", "start web"]


def test_a_known_failure_answers_with_its_code(node):
    """A failed step stays failed when it is repeated, though it would succeed by now."""
    node.on("start", "exit 7")
    first = node.run("restart_service")
    assert first.returncode == 1
    assert "failed: web did not start" in first.stdout
    node.on("start", "exit 0")
    again = node.run("restart_service")
    assert (again.returncode, again.stdout) == (1, first.stdout)


def test_a_step_that_began_and_did_not_finish_is_unknown(node):
    """After a crash in the middle, the repetition says so and does not act."""
    node.on("start", "kill -9 0")
    assert node.run("restart_service").returncode == -signal.SIGKILL
    node.on("start", "exit 0")
    again = node.run("restart_service")
    assert again.returncode == UNKNOWN
    assert again.stdout.startswith("unknown")
    assert node.calls == ["stop web", "start web"]


def test_a_terminated_step_still_records_its_result(node):
    """SIGTERM to the whole group ends the step with a stored failure, not with silence."""
    node.on("start", "echo > $NIGHTSHIFT_STATE/../reached; sleep 30")
    process = node.start("restart_service")
    wait_until((node.base / "reached").exists)
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode not in (0, -signal.SIGTERM)
    assert node.run("restart_service").returncode == process.returncode


def test_a_lower_fence_is_refused(node):
    """Who holds an older lease is refused, before anything is done; equal and newer are not."""
    assert node.run("restart_service", "a", "5").returncode == 0
    calls = node.calls
    late = node.run("restart_service", "b", "4")
    assert late.returncode == REFUSED
    assert "fence 4 is older than 5" in late.stdout
    assert node.calls == calls
    assert node.run("restart_service", "b", "4").returncode == REFUSED
    assert node.run("restart_service", "c", "5").returncode == 0
    assert node.run("restart_service", "d", "12").returncode == 0
    assert node.run("clean_disk", "e", "6", MinAgeMinutes="1").returncode == REFUSED


def test_a_newer_fence_stops_a_step_before_its_next_effect(plain, release):
    """A step that was overtaken while it downloaded does not touch the service."""
    curl = plain.base / "bin" / "curl"
    curl.write_text(
        f'#!/bin/sh\nprintf "9\\nbegun\\n" > "{plain.steps}/other"\n'
        f'while [ "$1" != -o ]; do shift; done\ncp "{release.path}" "$2"\n'
    )
    curl.chmod(0o755)
    before = plain.snapshot()
    done = plain.install(release.path, fence="8", Url="http://127.0.0.1:9/web.tar.gz")
    assert done.returncode == REFUSED, done.stdout
    assert plain.snapshot() == before
    assert plain.calls == []


def test_the_highest_fence_outlives_the_steps(plain):
    """Records older than a month go; the fence that they brought stays."""
    assert plain.run("restart_service", "old", "40").returncode == 0
    long_ago = time.time() - 40 * 86400
    os.utime(plain.steps / "old", (long_ago, long_ago))
    assert plain.run("restart_service", "new", "41").returncode == 0
    assert not (plain.steps / "old").exists()
    (plain.steps / "new").unlink()
    assert plain.run("restart_service", "late", "39").returncode == REFUSED


def test_a_step_leaves_no_working_files(plain, release):
    """Beside its record, a step leaves nothing in the state folder."""
    assert plain.install(release.path).returncode == 0
    assert sorted(path.name for path in plain.steps.iterdir()) == ["s1"]
    assert sorted(path.name for path in (plain.base / "state").iterdir()) == ["installed", "reserve", "steps"]


# -- restart_service


def test_a_failed_restart_shows_the_end_of_the_log(plain):
    """What the service said last stands in the result."""
    (plain.root / "log" / "app.log").write_text("fine\ncannot listen: Address already in use\n")
    plain.on("start", "exit 1")
    done = plain.run("restart_service")
    assert done.returncode == 1
    assert done.stdout.count("Address already in use") == 2


def test_the_app_name_stands_for_the_supervised_program(plain):
    """On a node that names its app, the service of that name is program `app`."""
    plain.environment["NIGHTSHIFT_APP"] = "web"
    assert plain.run("restart_service").returncode == 0
    assert plain.calls == ["stop app", "start app"]


def test_without_supervisor_systemd_is_used(plain):
    """Where SUPERVISOR_CONF is unset the unit is stopped and started."""
    control = plain.base / "bin" / "systemctl"
    control.write_text('#!/bin/sh\necho "$*" >> "$NIGHTSHIFT_STATE/../calls"\n')
    control.chmod(0o755)
    plain.environment["SUPERVISOR_CONF"] = ""
    assert plain.run("restart_service").returncode == 0
    assert [call for call in plain.calls if call.split()[0] in ("stop", "start")] == ["stop web", "start web"]


# -- diagnostics

SECTIONS = ["-- before: processes", "-- before: disk", "-- before: sockets", "-- before: log"]
INLINE = 2500  # what Run Command hands back of a step's output


@pytest.mark.parametrize("document", ["restart_service", "clean_disk", "diagnose"])
def test_a_step_first_tells_what_the_node_was_like(node, document):
    """Processes, disk, sockets and the log, before anything is done."""
    (node.root / "log" / "app.log").write_text("the last words\n")
    done = node.run(document, **({"MinAgeMinutes": "0"} if document == "clean_disk" else {}))
    assert done.returncode == 0, done.stdout
    places = [done.stdout.index(section) for section in SECTIONS]
    assert places == sorted(places)
    assert "the last words" in done.stdout
    assert re.search(r"\d+% of \d+ KiB used, \d+ free", done.stdout), done.stdout
    assert re.search(r"inodes used, ", done.stdout), done.stdout
    assert re.search(r"\d+ listening, \d+ established; listening ports:", done.stdout), done.stdout


def test_listening_ports_are_named(node):
    """A listener of the node stands among the counts by its port, unless there are very many."""
    done = node.run("diagnose")
    (line,) = [line for line in done.stdout.splitlines() if "listening ports:" in line]
    with socket.create_server(("127.0.0.1", 0)):
        (more,) = [
            line for line in node.run("diagnose", "s2").stdout.splitlines() if "listening ports" in line
        ]
    assert int(more.split()[0]) >= 1
    assert all(0 < int(port) < 65_536 for port in re.findall(r"\d+", line.partition("ports:")[2]))


def test_the_worst_step_fits_into_what_run_command_hands_back(node):
    """Long lines of everything, and a service that does not start: the result is still at the end."""
    (node.root / "log" / "app.log").write_text(("x" * 3000 + "\n") * 50)
    node.on("start", "exit 1")
    node.on("status", "for line in 1 2 3 4; do printf '%0900d\\n' 7; done")
    done = node.run("restart_service")
    assert done.returncode == 1
    assert len(done.stdout) < INLINE
    assert "failed: web did not start" in done.stdout


SECRETS = {
    "--password=hunter2 --port 80": "--password=*** --port 80",
    "--db-password hunter2 next": "--db-password *** next",
    "token=hunter2 and so on": "token=*** and so on",
    'api_key: "hunter2 two"': "api_key: ***",
    "Authorization: Bearer hunter2": "Authorization: Bearer ***",
    "postgres://me:hunter2@db/x": "postgres://me:***@db/x",
    "DB_PASSWORD=hunter2": "DB_PASSWORD=***",
}


@pytest.mark.parametrize("said", SECRETS)
def test_obvious_secrets_are_not_told(plain, said):
    """Whatever a program prints as its password stays on the node; the rest of the line does not."""
    (plain.root / "log" / "app.log").write_text(said + "\n")
    done = plain.run("diagnose")
    assert "hunter2" not in done.stdout
    assert SECRETS[said] in done.stdout


def test_secrets_are_hidden_by_every_shell(node):
    """Also where sed is another one."""
    (node.root / "log" / "app.log").write_text("\n".join(SECRETS))
    assert "hunter2" not in node.run("diagnose").stdout


def test_looking_changes_nothing(node):
    """Nothing is asked of the supervisor, and no file of the app is touched."""
    (node.root / "log" / "app.log.1").write_text("old")
    before = node.snapshot()
    assert node.run("diagnose").returncode == 0
    assert node.snapshot() == before
    assert node.calls == []


# -- install_release


def test_a_release_is_installed_and_flipped(node, release, tmp_path):
    """The second version becomes current beside the first one, which stays."""
    assert node.install(release.path).returncode == 0
    second = build("web", "1.1.0", tmp_path)
    done = node.install(second.path, "s2", version="1.1.0")
    assert done.returncode == 0, done.stdout
    releases = node.root / "releases"
    assert (releases / "current").readlink() == Path("1.1.0")
    assert sorted(path.name for path in releases.iterdir()) == ["1.0.0", "1.1.0", "current"]
    assert (releases / "current" / "VERSION").read_text() == "1.1.0\n"
    assert os.access(releases / "current" / "start", os.X_OK)
    assert (node.base / "state" / "installed").read_text() == "1.1.0\n"


def test_a_wrong_sum_touches_nothing(node, release):
    """A release whose sha256 differs is refused before anything on the node has changed."""
    assert node.install(release.path).returncode == 0
    before, calls = node.snapshot(), node.calls
    done = node.install(release.path, "s2", mode="rebuild", Sha256="0" * 64)
    assert done.returncode == 1
    assert "sha256" in done.stdout
    assert (node.snapshot(), node.calls) == (before, calls)


def test_an_unreachable_release_touches_nothing(plain, release):
    """A failed download is a failed step, and the service goes on as it was."""
    done = plain.install(release.path, Url="file:///nowhere/web.tar.gz")
    assert done.returncode == 1
    assert "could not be downloaded" in done.stdout
    assert plain.calls == []


def member(name, kind=tarfile.REGTYPE, target="", data=b"evil"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    return info, data


HOSTILE = {
    "absolute name": [member("/tmp/nightshift-evil")],
    "leads out": [member("../evil")],
    "leads out in the middle": [member("a/../../evil")],
    "link out": [member("link", tarfile.SYMTYPE, "../../../..")],
    "absolute link": [member("link", tarfile.SYMTYPE, "/etc")],
    "behind a link": [member("link", tarfile.SYMTYPE, "."), member("link/evil")],
    "behind a link out": [member("link", tarfile.SYMTYPE, "../.."), member("link/evil")],
    "behind a tidied link": [member("./link/", tarfile.SYMTYPE, "../.."), member("link//evil")],
    "link twice": [member("link", tarfile.SYMTYPE, "../../evil"), member("link")],
    "links that add up": [
        member("a/b/", tarfile.DIRTYPE),
        member("a/b/up", tarfile.SYMTYPE, "../.."),
        member("out", tarfile.SYMTYPE, "a/b/up/../../.."),
    ],
    "hard link": [member("hard", tarfile.LNKTYPE, "/etc/passwd")],
    "fifo": [member("pipe", tarfile.FIFOTYPE)],
    "device": [member("null", tarfile.CHRTYPE)],
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("mode", ["install", "rebuild"])
def test_hostile_members_are_refused(plain, tmp_path, release, case, mode):
    """An archive that could write or lead outside its folder is refused, the old release serves on."""
    assert plain.install(release.path, "good").returncode == 0
    before, calls = plain.snapshot(), plain.calls
    archive = tmp_path / "hostile.tar.gz"
    with tarfile.open(archive, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        for info, data in [member("start", data=b"#!/bin/sh\n"), *HOSTILE[case]]:
            tar.addfile(info, io.BytesIO(data))
    outside = {path.name for path in plain.base.iterdir()}
    done = plain.install(archive, "bad", mode=mode, version="6.6.6")
    assert done.returncode == 1, done.stdout
    assert "refused member" in done.stdout
    assert plain.snapshot() == before
    assert plain.calls == calls
    assert {path.name for path in plain.base.iterdir()} == outside
    assert not Path("/tmp/nightshift-evil").exists()


def test_links_within_a_release_are_fine(plain, tmp_path):
    """Relative links between a release's own files are kept."""
    archive = tmp_path / "good.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for info, data in [
            member("bin/", tarfile.DIRTYPE),
            member("lib/run", data=b"#!/bin/sh\n"),
            member("bin/run", tarfile.SYMTYPE, "../lib/run"),
            member("start", tarfile.SYMTYPE, "bin/run"),
        ]:
            tar.addfile(info, io.BytesIO(data))
    done = plain.install(archive)
    assert done.returncode == 0, done.stdout
    assert (plain.root / "releases/current/start").read_text() == "#!/bin/sh\n"


def test_dangerous_modes_are_dropped(plain, tmp_path):
    """No setuid, setgid or world-writable file comes out of an archive."""
    archive = tmp_path / "modes.tar.gz"
    info, data = member("start")
    info.mode = 0o6777
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(info, io.BytesIO(data))
    assert plain.install(archive).returncode == 0
    assert (plain.root / "releases/1.0.0/start").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("version", ["current", "1.0.partial", "1.0.old"])
def test_reserved_versions_are_refused(plain, release, version):
    """A version cannot be named as what the installer itself uses."""
    done = plain.install(release.path, version=version)
    assert done.returncode == 1
    assert plain.calls == []


def damage_nothing(root):
    del root


def damage_modes(root):
    (root / "releases" / "1.0.0").chmod(0)
    (root / "releases").chmod(0)
    root.chmod(0)


def damage_release(root):
    shutil.rmtree(root / "releases" / "1.0.0")


def damage_all(root):
    shutil.rmtree(root)


def damage_link(root):
    (root / "releases" / "current").unlink()
    (root / "releases" / "current").mkdir()
    (root / "releases" / "current" / "start").touch()


def damage_releases(root):
    shutil.rmtree(root / "releases")
    (root / "releases").touch()


@pytest.mark.parametrize(
    "damage", [damage_nothing, damage_modes, damage_release, damage_all, damage_link, damage_releases]
)
def test_a_rebuild_makes_the_release_anew(node, release, damage):
    """Whatever became of the service's folders, a rebuild brings the release back as it was built."""
    assert node.install(release.path).returncode == 0
    before = node.snapshot()
    (node.root / "releases/current/VERSION").write_text("garbled")
    damage(node.root)
    done = node.install(release.path, "s2", mode="rebuild")
    assert done.returncode == 0, done.stdout
    assert node.snapshot() == before
    assert node.root.stat().st_mode & 0o777 == 0o755
    assert node.calls[-2:] == ["stop web", "start web"]
    assert (node.root / "log").is_dir()


def test_a_container_is_made_anew_where_the_node_has_an_engine(plain, tmp_path):
    """With an engine on the node and an image in the release, the container is removed and loaded."""
    engine = plain.base / "bin" / "podman"
    engine.write_text('#!/bin/sh\necho "$*" >> "$NIGHTSHIFT_STATE/../engine"\n')
    engine.chmod(0o755)
    plain.environment["NIGHTSHIFT_ENGINE"] = "podman"
    archive = tmp_path / "image.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for info, data in [member("start"), member("image.tar")]:
            tar.addfile(info, io.BytesIO(data))
    assert plain.install(archive, mode="rebuild").returncode == 0
    asked = (plain.base / "engine").read_text().splitlines()
    assert [line.split()[0] for line in asked] == ["rm", "load"]


# -- clean_disk

KEPT = ["log/app.log", "log/notes.txt", "log/young.log.1", "shared/data.bin", "shared/tmp/young"]
CLEANED = [
    "log/app.log.1",
    "log/app.log.2.gz",
    "log/app.log-20261123",
    "log/old/core.123",
    "log/core",
    "shared/tmp/upload",
    "shared/tmp/deep/er/part",
]


def test_only_disposable_files_are_cleaned(node):
    """Rotated logs, core files and old temporary files go; young, live and foreign ones stay."""
    then = time.time() - 3600
    for name in [*KEPT, *CLEANED]:
        path = node.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
        if "young" not in name:
            os.utime(path, (then, then))
    done = node.run("clean_disk", MinAgeMinutes="10")
    assert done.returncode == 0, done.stdout
    assert f"freed: {1000 * len(CLEANED)} bytes in {len(CLEANED)} files" in done.stdout
    left = [str(path.relative_to(node.root)) for path in node.root.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(KEPT)


def test_cleaning_never_follows_links(plain, tmp_path):
    """Links out of the folders are left alone, and so is what they point at."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    precious = elsewhere / "precious.log.1"
    precious.write_text("keep me")
    then = time.time() - 3600
    os.utime(precious, (then, then))
    (plain.root / "log" / "link").symlink_to(elsewhere)
    (plain.root / "log" / "linked.log.1").symlink_to(precious)
    (plain.root / "shared" / "tmp").rmdir()
    (plain.root / "shared" / "tmp").symlink_to(elsewhere)
    done = plain.run("clean_disk", MinAgeMinutes="0")
    assert done.returncode == 0
    assert "freed: 0 bytes in 0 files" in done.stdout
    assert precious.read_text() == "keep me"
