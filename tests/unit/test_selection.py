"""Which nodes a person means."""

from __future__ import annotations

import pytest

from nightshift.decisions.selection import Selector, select
from nightshift.errors import Refused
from nightshift.fleet import Node
from nightshift.policy import read
from tests.functional.staging import POLICY

RACKS = """
ssh:
  nodes:
    depot-1: { host: 10.0.0.1, group: depot, via: inner, labels: { rack: a } }
    depot-2: { host: 10.0.0.2, port: 2222, group: depot, labels: { rack: b } }
  bastions:
    outer: { host: gate.example.com }
    inner: { host: 10.0.0.9, port: 2022, via: outer }
"""
POLICED = read(
    POLICY + RACKS, frozenset({"restart_service", "rebuild_container", "replace_node", "clean_disk"})
)


def node(name: str, **changes: object) -> Node:
    facts = {
        "node_id": f"i-{name}", "name": name, "app": "web", "group": "web-prod",
        "auto_scaling_group": "web-prod", "state": "in_service", "release": "1.0.0",
        "registered_at": "2026-11-23T02:00:00.000Z",
    }  # fmt: skip
    return Node.model_validate(facts | changes)


FLEET = (node("web-1"), node("web-2"), node("web-3", state="terminated"))


def names(**wanted: object) -> list[str]:
    return [one.name for one in select(Selector.model_validate(wanted), FLEET, POLICED)]


def test_nothing_that_is_named_means_no_node_at_all() -> None:
    """Everything must be asked for."""
    with pytest.raises(Refused, match=r"selection\.nothing_named"):
        names()
    assert names(everything=True) == ["depot-1", "depot-2", "web-1", "web-2"]


def test_each_condition_narrows_further() -> None:
    """By group, app and label, over both kinds of nodes."""
    assert names(group="depot") == ["depot-1", "depot-2"]
    assert names(app="web") == ["web-1", "web-2"]
    assert names(labels={"rack": "b"}) == ["depot-2"]
    assert names(labels={"transport": "ssm", "release": "1.0.0"}) == ["web-1", "web-2"]
    assert names(nodes=["web-1", "depot-1"], labels={"transport": "ssh"}) == ["depot-1"]


@pytest.mark.parametrize("name", ["web-3", "nobody"])
def test_a_node_that_is_not_in_service_is_refused_by_its_name(name: str) -> None:
    """Also beside others that are: half a selection is not what was meant."""
    with pytest.raises(Refused, match=f"{name} is no node in service"):
        names(nodes=["web-1", name])


def test_a_name_of_two_nodes_names_none() -> None:
    """Their ids do."""
    twins = (*FLEET, node("web-1", node_id="i-twin"))
    with pytest.raises(Refused, match="is the name of 2 nodes"):
        select(Selector(nodes=("web-1",)), twins, POLICED)
    assert [one.node_id for one in select(Selector(nodes=("i-twin",)), twins, POLICED)] == ["i-twin"]


def test_nobody_who_fits_is_refused() -> None:
    """An empty target is no action."""
    with pytest.raises(Refused, match=r"selection\.empty"):
        names(group="depot", app="web")


def test_a_node_behind_bastions_knows_the_whole_way() -> None:
    """The nearest first."""
    (found,) = select(Selector(nodes=("depot-1",)), FLEET, POLICED)
    assert found.ssh is not None
    assert found.ssh.via == ("10.0.0.9 2022", "gate.example.com 22")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (("via: inner,", "via: nowhere,"), "not listed in ssh.bastions"),
        (("gate.example.com }", "gate.example.com, via: inner }"), "reached through itself"),
        (("group: depot, via", "group: web-prod, via"), "name another group"),
        (("host: 10.0.0.2", "host: '10.0.0.2; reboot'"), "String should match pattern"),
        (("host: 10.0.0.2", "host: '*'"), "String should match pattern"),
    ],
)
def test_a_list_of_machines_that_cannot_be_meant_is_refused(changed: tuple[str, str], reason: str) -> None:
    """With its place in the text."""
    text = POLICY + RACKS
    assert changed[0] in text
    with pytest.raises(Refused, match=reason):
        read(
            text.replace(*changed),
            frozenset({"restart_service", "rebuild_container", "replace_node", "clean_disk"}),
        )
