from __future__ import annotations

import pytest

from nightshift import remedies
from nightshift.errors import Refused
from nightshift.remedies import Target

TARGET = Target("i-0a1b2c3d4e5f60718", "web", "1.0.0", "https://releases.example/web.tar.gz", "ab" * 32)


def test_every_file_in_the_folder_is_a_remedy() -> None:
    """There is no registry: dropping a file in is all there is to do."""
    files = {path.stem for path in _folder().glob("*.py")} - {"__init__"}
    assert remedies.names() == files
    assert {"restart_service", "rebuild_container", "replace_node", "clean_disk"} <= remedies.names()


def test_an_unknown_remedy_is_refused_and_the_known_ones_are_named() -> None:
    """A ladder that names nothing real does nothing."""
    with pytest.raises(Refused, match="restart_service") as refused:
        remedies.load("reboot_universe")
    assert refused.value.code == "remedy.unknown"


@pytest.mark.parametrize("name", ["__init__", "..errors", "remedies.restart_service", ""])
def test_a_name_is_never_a_path(name: str) -> None:
    """What the heal machine passes along cannot reach another module."""
    with pytest.raises(Refused):
        remedies.load(name)


@pytest.mark.parametrize("name", sorted(remedies.names()))
def test_a_remedy_declares_what_the_machine_and_a_person_need(name: str) -> None:
    """Runbook, state, risk, duration and permissions; a document exactly where one is sent."""
    remedy = remedies.load(name)
    assert "By hand:" in (remedy.__doc__ or "")
    assert remedy.STATE in {"ApplyRemedy", "ReplaceNode"}
    assert remedy.RISK in {"low", "medium", "high"}
    assert remedy.EXPECTED_SECONDS > 0
    assert remedy.PERMISSIONS
    assert bool(remedy.DOCUMENT) == (remedy.STATE == "ApplyRemedy") == bool(remedy.parameters(TARGET))


def _folder():
    from pathlib import Path

    return Path(remedies.__file__).parent
