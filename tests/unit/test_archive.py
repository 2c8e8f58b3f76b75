"""A release's archive: the same bytes for the same commit, and nothing in it that leads out."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime

import pytest

from nightshift.errors import Refused
from nightshift_git.archive import build
from nightshift_git.repository import SUBMODULE, File, Remote, Snapshot, head

START = File("start", 0o100755, b"#!/bin/sh\n")


def snapshot(*files: File) -> Snapshot:
    """A commit with a start script and more."""
    return Snapshot("a" * 40, "Ada", "more", datetime(2026, 11, 23, tzinfo=UTC), (START, *files))


def test_the_same_commit_gives_the_same_bytes() -> None:
    """Whenever and in whichever order its files are read."""
    one, two = File("a", 0o100644, b"1"), File("b/c", 0o120000, b"../a")
    first, second = build(snapshot(one, two), "web", "v1"), build(snapshot(two, one), "web", "v1")
    assert (first.content, first.sha256) == (second.content, second.sha256)
    with tarfile.open(fileobj=io.BytesIO(first.content)) as tar:
        assert tar.getnames() == sorted(tar.getnames())
        assert tar.getmember("start").mode == 0o755
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        assert set(json.load(manifest)["files"]) == {"a", "start", "VERSION"}


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (File("out", 0o120000, b"../../etc/passwd"), "release.link"),
        (File("root", 0o120000, b"/etc/passwd"), "release.link"),
        (File("VERSION", 0o100644, b"9"), "release.reserved"),
        (File("lib", SUBMODULE, b""), "release.submodule"),
    ],
)
def test_a_commit_that_makes_no_release_is_refused(file: File, code: str) -> None:
    """Before any node hears of it, with the file's name."""
    with pytest.raises(Refused, match=file.path) as refused:
        build(snapshot(file), "web", "v1")
    assert refused.value.code == code


def test_a_release_needs_an_executable_start() -> None:
    """That is how a node runs it."""
    with pytest.raises(Refused, match=r"release\.no_start"):
        build(Snapshot("a" * 40, "", "", datetime.now(UTC), (File("start", 0o100644, b""),)), "web", "v1")


def test_a_release_says_that_it_cannot_be_undone() -> None:
    """In ``.nightshift/rollback``."""
    assert build(snapshot(File(".nightshift/rollback", 0o100644, b"unsafe\n")), "web", "v1").unsafe
    assert not build(snapshot(), "web", "v1").unsafe


def test_a_repository_is_reached_by_https_or_a_file_only_and_its_password_is_not_printed() -> None:
    """Neither unencrypted nor in a log."""
    with pytest.raises(Refused, match=r"git\.scheme"):
        head(Remote("http://example.com/a.git"), "main")
    assert "hush" not in repr(Remote("https://example.com/a.git", "me", "hush"))
