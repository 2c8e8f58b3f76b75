"""The sample apps' releases."""

import hashlib
import json
import tarfile

import pytest

from tools.local.apps.release import build


@pytest.mark.parametrize("app", ["web", "api"])
def test_a_release_is_the_same_bytes_each_time(app, tmp_path):
    """The same app and version give the same archive; another version gives another."""
    first, again = build(app, "1.0.0", tmp_path / "a"), build(app, "1.0.0", tmp_path / "b")
    assert first.path.read_bytes() == again.path.read_bytes()
    assert first.sha256 == again.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert first.size == first.path.stat().st_size
    assert build(app, "1.0.1", tmp_path / "a").sha256 != first.sha256


def test_the_manifest_names_every_file_with_its_sum(tmp_path):
    """Every member but the manifest itself stands in it; a broken release names one that is missing."""
    with tarfile.open(build("web", "2.0", tmp_path).path) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
        assert tar.getmember("start").mode == 0o755
    manifest = json.loads(members.pop("manifest.json"))
    assert manifest["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    assert members["VERSION"] == b"2.0\n"
    with tarfile.open(build("web", "2.1", tmp_path, broken=True).path) as tar:
        files = json.load(tar.extractfile("manifest.json"))["files"]
        assert set(files) - set(tar.getnames()) == {"catalogue.json"}


def test_a_broken_release_runs_and_reports_itself_unhealthy(fleet, web):
    """Its service starts, and no restart or rebuild brings it up: only another release does."""
    done = fleet.install(web["id"], version="6.6.6", broken=True)
    assert done["Status"] == "Success"
    sample = fleet.wait_for_sample(web["id"], lambda one: "catalogue.json" in one["health"])
    assert sample["metrics"]["ServiceUp"] == 0.0
    assert fleet.install(web["id"], "rebuild", version="6.6.6", broken=True)["Status"] == "Success"
    fleet.wait_for_sample(web["id"], lambda one: "catalogue.json" in one["health"])
    assert fleet.install(web["id"])["Status"] == "Success"
    fleet.wait_for_sample(web["id"], lambda one: one["metrics"]["ServiceUp"] == 1.0)


@pytest.mark.parametrize(
    ("app", "version"), [("nothing", "1"), ("../web", "1"), ("web", "../1"), ("web", "")]
)
def test_unusable_names_are_refused(app, version, tmp_path):
    """An unknown app or a version that is no file name builds nothing."""
    with pytest.raises(ValueError, match=r"no sample app|unusable version"):
        build(app, version, tmp_path)
