"""What a release brings and leaves on a node: hooks, shared paths, its version, and how many stay."""

import http.server
import io
import json
import os
import tarfile
import threading

import pytest

from tests.contract.test_documents import SHELLS, Node

HOOKS = ("before", "stop", "after", "validate")


@pytest.fixture(params=SHELLS)
def node(tmp_path, request):
    """A node under each shell that is here."""
    return Node(tmp_path / "node", request.param)


@pytest.fixture
def plain(tmp_path):
    """A node under sh."""
    return Node(tmp_path / "node")


def archive(folder, name="web.tar.gz", **files):
    """An archive that holds `start` and these files; a hook's name stands for its place."""
    path = folder / name
    with tarfile.open(path, "w:gz") as tar:
        for member, text in {"start": "#!/bin/sh\n", **files}.items():
            hook = f".nightshift/hooks/{member}" if member in HOOKS else member
            info = tarfile.TarInfo(hook)
            info.size, info.mode = len(text), 0o644 if member.startswith("data") else 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def hooks(log, **other):
    """Every hook, telling what it saw; `other` says more by name."""
    current = 'readlink "$NIGHTSHIFT_ROOT/releases/current"'
    say = f'#!/bin/sh\necho "$(basename "$0") $({current})" >> {log}\n'
    return {name: say + other.get(name, "") for name in HOOKS}


def test_hooks_run_in_their_order_around_the_restart(node, tmp_path):
    """Before and stop see the old release as the current one, after and validate the new one."""
    log = tmp_path / "said"
    assert node.install(archive(tmp_path), version="1.0").returncode == 0
    node.on("stop", f"echo stopped >> {log}")
    node.on("start", f"echo started >> {log}")
    done = node.install(archive(tmp_path, "two.tar.gz", **hooks(log)), "s2", version="2.0")
    assert done.returncode == 0, done.stdout
    told = log.read_text().splitlines()
    assert told == ["before 1.0", "stop 1.0", "stopped", "after 2.0", "started", "validate 2.0"]


@pytest.mark.parametrize("name", ["before", "stop"])
def test_a_hook_that_fails_early_leaves_the_old_release_serving(node, tmp_path, name):
    """Nothing is flipped or stopped, and the last words of the hook are told."""
    assert node.install(archive(tmp_path), version="1.0").returncode == 0
    calls = node.calls
    bad = hooks(tmp_path / "said", **{name: "echo no database >&2\nexit 3\n"})
    done = node.install(archive(tmp_path, "two.tar.gz", **bad), "s2", version="2.0")
    assert done.returncode == 1
    assert f"failed: hook {name} ended with 3" in done.stdout
    assert done.stdout.rstrip().endswith("no database")
    assert (node.root / "releases/current").readlink().name == "1.0"
    assert node.calls == calls


@pytest.mark.parametrize("name", ["after", "validate"])
def test_a_hook_that_fails_late_fails_the_step(node, tmp_path, name):
    """So that the rollout takes the release back."""
    bad = hooks(tmp_path / "said", **{name: "echo ${TOKEN:-nothing} secret; exit 1\n"})
    node.environment["TOKEN"] = "of the agent"
    done = node.install(archive(tmp_path, **bad))
    assert done.returncode == 1
    assert f"failed: hook {name} ended with 1" in done.stdout
    assert "nothing secret" in done.stdout  # the agent's environment is not handed on


def test_a_hook_is_ended_at_its_limit_with_its_children(plain, tmp_path):
    """A hook that hangs is a failed step, not a hanging one."""
    slow = hooks(tmp_path / "said", before="sleep 100 & sleep 100\n")
    done = plain.install(archive(tmp_path, **slow), HookSeconds="1")
    assert done.returncode == 1
    assert "hook before was not over within 1 s" in done.stdout


def test_shared_paths_outlive_releases(node, tmp_path):
    """The first release fills them, later ones find what was written since."""
    first = archive(tmp_path, **{"data/seed": "one", "conf/app.ini": "a"})
    shared = {"Shared": "data conf/app.ini cache"}
    assert node.install(first, version="1.0", **shared).returncode == 0
    current = node.root / "releases/current"
    (current / "data/written").write_text("kept")
    (current / "conf/app.ini").write_text("edited")
    second = archive(tmp_path, "two.tar.gz", **{"data/seed": "two", "conf/app.ini": "b", "conf/other": "b"})
    done = node.install(second, "s2", version="2.0", **shared)
    assert done.returncode == 0, done.stdout
    assert (current / "data/written").read_text() == "kept"
    assert (current / "data/seed").read_text() == "one"
    assert (current / "conf/app.ini").read_text() == "edited"
    assert (current / "conf/other").read_text() == "b"
    assert (current / "cache").is_dir()
    assert (node.root / "shared/data/seed").exists()


def test_a_shared_path_cannot_lead_out(plain, tmp_path):
    """Not even when the service's own user put a link there."""
    (plain.root / "shared" / "conf").symlink_to(tmp_path)
    done = plain.install(archive(tmp_path), Shared="conf/evil")
    assert done.returncode == 1
    assert "leads out" in done.stdout
    assert not (tmp_path / "evil").exists()
    assert not (plain.root / "releases/current").exists()


def test_only_the_newest_releases_stay(node, tmp_path):
    """Beyond their number the oldest go, but never the current, the one before it or the last good one."""
    path = archive(tmp_path)
    for number in range(1, 6):
        done = node.install(path, f"s{number}", version=f"{number}.0", Keep="2", LastGood="1.0")
        assert done.returncode == 0, done.stdout
        # some userlands tell times by the second only
        os.utime(node.root / "releases" / f"{number}.0", (number, number))
    kept = sorted(one.name for one in (node.root / "releases").iterdir())
    assert kept == ["1.0", "4.0", "5.0", "current"]


def test_what_a_cut_off_step_left_is_cleared(node, tmp_path):
    """Half-unpacked folders go; a release that was moved aside and never replaced comes back."""
    releases = node.root / "releases"
    for name in ("0.9.partial/a", "0.8.old/a", "0.7/a", "0.7.old/a"):
        (releases / name).mkdir(parents=True)
    (node.base / "state" / "install.dead").mkdir(parents=True)
    assert node.install(archive(tmp_path), version="1.0").returncode == 0
    assert sorted(one.name for one in releases.iterdir()) == ["0.7", "0.8", "1.0", "current"]
    assert not list((node.base / "state").glob("install.*"))


def test_a_wrong_size_and_a_bomb_touch_nothing(node, tmp_path):
    """Refused before anything is unpacked."""
    path = archive(tmp_path, data="0" * 100_000)
    done = node.install(path, Size="7")
    assert (done.returncode, "instead of 7" in done.stdout) == (1, True)
    node.environment["NIGHTSHIFT_LARGEST_RELEASE"] = "50000"
    done = node.install(path, "s2", Size=str(path.stat().st_size))
    assert (done.returncode, "unpacks to more than 50000 bytes" in done.stdout) == (1, True)
    assert (node.calls, list((node.root / "releases").iterdir())) == ([], [])


@pytest.fixture
def running():
    """A service on this machine that says a version, whatever is restarted."""

    class Says(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"version": self.server.version}).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Says)
    server.version = "1.0"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_restart_that_did_nothing_is_found(node, tmp_path, running):
    """The supervisor says all is well, and the old process serves on: the step has failed."""
    node.environment["NIGHTSHIFT_SERVICE_PORT"] = str(running.server_port)
    asks = {"VersionUrl": "http://127.0.0.1:PORT/version", "VersionSeconds": "1"}
    path = archive(tmp_path)
    assert node.install(path, version="1.0", **asks).returncode == 0
    done = node.install(path, "s2", version="1.0.1", **asks)
    assert done.returncode == 1
    assert 'does not say version 1.0.1; it says:\n{"version":"1.0"}' in done.stdout
