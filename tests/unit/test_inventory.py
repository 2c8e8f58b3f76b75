"""What a listing says of the inventory: examples of each rule, and what holds for any listing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.decisions.inventory import Changes, Comparison
from nightshift.errors import Refused
from nightshift.fleet import Node
from nightshift.listing import Grouped, Host
from tests.unit.facts import NOW

MARGIN = 60
IDS = [f"i-{number}" for number in range(12)]


def record(node_id: str, **more: object) -> Node:
    """A node of the inventory."""
    facts = {"name": node_id, "app": "web", "group": "web-prod", "auto_scaling_group": "asg"}
    state = {"state": "in_service", "registered_at": "2026-11-23T02:00:00.000Z"}
    return Node.model_validate({"node_id": node_id, **facts, **state, **more})


def host(*, alive: bool = True, age: int = 600) -> Host:
    """What EC2 lists of an instance that was launched ``age`` seconds ago."""
    return Host(alive=alive, launched_at=NOW - timedelta(seconds=age))


@dataclass(frozen=True)
class Fleet:
    """One group as it is recorded and as it is listed; ``allowed`` is the policy's limit."""

    records: tuple[Node, ...]
    grouped: Grouped | None
    hosts: dict[str, Host]
    online: frozenset[str]
    allowed: int | str = "30%"

    def comparison(self) -> Comparison:
        """The two, side by side."""
        return Comparison("web-prod", "asg", self.records, self.grouped)

    def changes(self) -> Changes:
        """What follows."""
        return self.comparison().changes(self.hosts, self.online, self.allowed, NOW, MARGIN)


def fleet(
    known: int, listed: int, *, hosts: dict[str, Host] | None = None, online: frozenset[str] = frozenset()
) -> Fleet:
    """``known`` nodes, of which the first ``listed`` are in their group."""
    there = frozenset(IDS[:listed])
    return Fleet(tuple(record(one) for one in IDS[:known]), Grouped(there, there), hosts or {}, online)


def test_one_node_that_is_listed_nowhere_has_left() -> None:
    """However small the group: a single one is always believed."""
    assert fleet(2, 1).changes() == Changes(gone=("i-1",))


@pytest.mark.parametrize(("known", "vanished"), [(2, 2), (6, 2), (10, 4)])
def test_more_than_the_share_at_once_is_refused_with_its_numbers(known: int, vanished: int) -> None:
    """30 % round down, as every maximum does, and at least one is allowed."""
    with pytest.raises(Refused, match=f"{vanished} of {known} known nodes") as refused:
        fleet(known, known - vanished).changes()
    assert refused.value.code == "inventory.partial"
    assert f"more than {max(1, known * 30 // 100)}" in refused.value.message


def test_what_ec2_lists_as_terminated_is_evidence_and_not_counted() -> None:
    """A whole group may end, when EC2 says so of each of its nodes."""
    ended = {one: host(alive=False) for one in IDS[:6]}
    assert fleet(6, 0, hosts=ended).changes().gone == tuple(sorted(IDS[:6]))


@pytest.mark.parametrize("more", [{"hosts": {"i-1": host()}}, {"online": frozenset({"i-1"})}])
def test_a_node_with_a_sign_of_life_has_not_left(more: dict[str, object]) -> None:
    """Its host or its agent."""
    assert fleet(2, 1, **more).changes() == Changes()  # type: ignore[arg-type]


def test_a_group_that_is_not_listed_is_refused_only_where_it_has_nodes() -> None:
    """A policy may name a group before it is made."""
    with pytest.raises(Refused, match="asg is not listed, and 1 nodes of web-prod are known"):
        Fleet((record("i-0"),), None, {}, frozenset()).changes()
    assert Fleet((), None, {}, frozenset()).changes() == Changes()


@pytest.mark.parametrize(("age", "new"), [(59, False), (60, True)])
def test_an_instance_is_new_when_its_event_had_its_time(age: int, *, new: bool) -> None:
    """Earlier it may be on its way."""
    found = Fleet((), Grouped(frozenset({"i-0"}), frozenset({"i-0"})), {"i-0": host(age=age)}, frozenset())
    assert found.changes() == Changes(fresh=("i-0",) if new else ())


def test_another_groups_nodes_and_those_that_left_are_not_missed() -> None:
    """A record stays after its node; and one instance id is never used twice."""
    records = (record("i-0", state="terminated"), record("i-1", auto_scaling_group="other"))
    assert Fleet(records, Grouped(), {}, frozenset()).changes() == Changes()
    back = Grouped(frozenset({"i-0"}), frozenset({"i-0"}))
    assert Fleet(records, back, {"i-0": host()}, frozenset()).changes() == Changes()


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """Any inventory beside any listing, contradictions included."""
    ids = st.frozensets(st.sampled_from(IDS))
    states = st.sampled_from(["pending", "in_service", "in_service", "terminated"])
    instances = draw(ids)
    hosts = st.builds(host, alive=st.booleans(), age=st.sampled_from([0, 59, 60, 3_600]))
    return Fleet(
        records=tuple(record(one, state=draw(states)) for one in sorted(draw(ids))),
        grouped=draw(st.sampled_from([None, Grouped(instances, instances & draw(ids))])),
        hosts=draw(st.dictionaries(st.sampled_from(IDS), hosts)),
        online=draw(ids),
        allowed=draw(st.sampled_from([0, 1, 5, "0%", "30%", "100%"])),
    )


@given(fleets())
def test_whatever_is_listed_no_node_with_a_sign_of_life_leaves_and_none_comes_twice(found: Fleet) -> None:
    """Nor one that is no node of ours."""
    try:
        changes = found.changes()
    except Refused:
        return
    listed = found.grouped or Grouped()
    alive = {one for one, seen in found.hosts.items() if seen.alive}
    assert set(changes.gone) <= found.comparison().known
    assert not set(changes.gone) & (listed.instances | alive | found.online)
    assert set(changes.fresh) <= listed.serving & alive
    assert not set(changes.fresh) & {one.node_id for one in found.records}


@given(fleets())
def test_whatever_is_listed_no_more_nodes_vanish_without_evidence_than_allowed(found: Fleet) -> None:
    """The limit, or one; a group that is not listed loses none."""
    try:
        gone = found.changes().gone
    except Refused:
        return
    unexplained = [one for one in gone if one not in found.hosts]
    known = len(found.comparison().known)
    limit = found.allowed if isinstance(found.allowed, int) else known * int(found.allowed[:-1]) // 100
    assert len(unexplained) <= max(1, limit)
    assert found.grouped or not gone


@given(fleets(), st.sampled_from(IDS))
def test_one_sign_more_never_makes_more_nodes_leave(found: Fleet, node_id: str) -> None:
    """What is listed can only keep nodes."""
    more = Fleet(found.records, found.grouped, found.hosts, found.online | {node_id}, found.allowed)
    try:
        before = set(found.changes().gone)
    except Refused:
        return
    assert set(more.changes().gone) <= before


@given(fleets())
def test_what_was_done_once_is_not_found_again(found: Fleet) -> None:
    """With the records changed accordingly, the same listing says nothing more."""
    try:
        changes = found.changes()
    except Refused:
        return
    kept = [
        one.model_copy(update={"state": "terminated"}) if one.node_id in changes.gone else one
        for one in found.records
    ]
    records = (*kept, *(record(one, state="pending") for one in changes.fresh))
    again = Fleet(records, found.grouped, found.hosts, found.online, found.allowed)
    assert again.changes() == Changes()
