from __future__ import annotations

import pytest

from nightshift.errors import Permanent
from nightshift.settings import Settings


class Environment(Settings):
    """Two names, as a function has them."""

    nodes_table: str
    bus_name: str


def test_each_field_is_the_variable_of_the_same_name_in_capitals() -> None:
    """What else is in the environment is not looked at."""
    settings = Environment.from_env({"NODES_TABLE": "nodes", "BUS_NAME": "bus", "PATH": "/bin"})
    assert (settings.nodes_table, settings.bus_name) == ("nodes", "bus")


def test_a_missing_variable_is_named() -> None:
    """A function that was deployed without a variable says which one."""
    with pytest.raises(Permanent, match="BUS_NAME") as missing:
        Environment.from_env({"NODES_TABLE": "nodes"})
    assert missing.value.code == "settings.missing"


def test_settings_do_not_change_after_the_start() -> None:
    """They are frozen: no handler can alter what the next invocation sees."""
    settings = Environment.from_env({"NODES_TABLE": "nodes", "BUS_NAME": "bus"})
    with pytest.raises(ValueError, match="frozen"):
        settings.bus_name = "other"
