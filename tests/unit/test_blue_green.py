"""Whatever happens, requests go to one group, whose every node was well with its release at the switch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from nightshift.decisions.blue_green import Crossed, next_step
from nightshift.decisions.rollout import NodeState, Step
from nightshift.front import Front
from nightshift.strategy import Strategy
from tests.unit.facts import NOW

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
FRONT = Front(
    kind="listener_rule",
    address=f"{ELB}:listener-rule/app/w/a1/b2/c3",
    target_groups={"blue": f"{ELB}:targetgroup/b/1", "green": f"{ELB}:targetgroup/g/2"},
)
STRATEGY = Strategy(kind="blue_green", front=FRONT, bake_seconds=30, deadline_seconds=600)
OFTEN = ("next", "next", "next", "next", "install", "install", "well", "well")
HAPPENS = st.sampled_from((*OFTEN, "ill", "broken", "stop", "alarm", "launch", "pause", "crash", "later"))


def crossed(**more: object) -> Crossed:
    """Two nodes that were touched and are well."""
    known = Crossed(
        now=NOW,
        started_at=NOW,
        strategy=STRATEGY,
        desired=2,
        serving="blue",
        nodes={"n1": "Succeeded", "n2": "Succeeded"},
        units=frozenset({"n1", "n2"}),
        healthy=frozenset({"n1", "n2"}),
    )
    return replace(known, **more)  # type: ignore[arg-type] # a test names what it changes


def test_all_nodes_of_the_group_are_touched_at_once() -> None:
    """Nobody sends them requests."""
    step = next_step(crossed(nodes={}))
    assert (step.action, step.batch) == ("next_batch", ("n1", "n2"))


def test_a_node_that_nobody_knows_to_be_well_holds_the_switch() -> None:
    """Until the deadline; then it ends, and requests stay where they are."""
    doubtful = crossed(healthy=frozenset({"n1"}))
    assert next_step(doubtful).action == "wait"
    late = next_step(replace(doubtful, now=NOW + timedelta(seconds=600)))
    assert (late.action, late.state, late.trigger) == ("stop", "Failed", "DEPLOYMENT_FAILURE")


def test_a_node_that_came_meanwhile_is_brought_the_release_before_the_switch() -> None:
    """Else a part of the requests would meet the old one."""
    step = next_step(crossed(units=frozenset({"n1", "n2", "n3"}), healthy=frozenset({"n1", "n2", "n3"})))
    assert (step.action, step.batch) == ("next_batch", ("n3",))


def test_too_few_nodes_hold_the_switch() -> None:
    """A group that lost its nodes does not get the requests of a whole one."""
    step = next_step(crossed(units=frozenset(), healthy=frozenset()))
    assert (step.action, step.reason) == ("wait", "0 healthy nodes, min_healthy is 1")


def test_a_switch_that_may_have_happened_is_taken_back() -> None:
    """A crash between the switch and its record is no reason to leave requests there."""
    step = next_step(crossed(intended=True, stop_requested="ada"))
    assert (step.action, step.state, step.trigger) == ("roll_back", "Stopped", "DEPLOYMENT_STOP_ON_REQUEST")


def test_a_pause_does_not_hold_the_way_back() -> None:
    """Nor the end of a bake."""
    paused = crossed(paused="ada: x", intended=True, switched_at=NOW)
    assert next_step(replace(paused, unhealthy=frozenset({"n1"}))).action == "roll_back"
    assert next_step(replace(paused, now=NOW + timedelta(seconds=30))).action == "succeed"
    assert next_step(crossed(paused="ada: x")).action == "wait"


@dataclass
class Life:
    """A deployment to green, its nodes, and the front; ``proven`` says what was true at each switch."""

    now: datetime = NOW
    front: str = "blue"
    health: dict[str, str] = field(default_factory=lambda: {"n1": "healthy", "n2": "healthy"})
    nodes: dict[str, NodeState] = field(default_factory=dict)
    intended: bool = False
    switched_at: datetime | None = None
    alarms: tuple[str, ...] = ()
    stop: str = ""
    paused: str = ""
    outcome: str = ""
    proven: list[bool] = field(default_factory=list)

    def seen(self) -> Crossed:
        """As advance_deployment reads it."""
        health = self.health
        return Crossed(
            now=self.now,
            started_at=NOW,
            strategy=STRATEGY,
            desired=2,
            serving="blue",
            nodes=dict(self.nodes),
            units=frozenset(health),
            healthy=frozenset(node for node, how in health.items() if how == "healthy"),
            unhealthy=frozenset(node for node, how in health.items() if how == "unhealthy"),
            intended=self.intended,
            switched_at=self.switched_at,
            alarms=self.alarms,
            stop_requested=self.stop,
            paused=self.paused,
        )

    def act(self, step: Step, dies_after: int) -> None:
        """Do what was decided, write by write; a crash leaves what came before it, and it is decided anew."""
        for number, write in enumerate(self._writes(step)):
            if number >= dies_after:
                return
            write()

    def _writes(self, step: Step) -> list[Callable[[], None]]:
        if step.action == "next_batch":
            return [lambda: self.nodes.update(dict.fromkeys(step.batch, "InProgress"))]
        if step.action == "switch":
            return [self._intend, self._switch, self._note]
        if step.action == "roll_back":
            return [self._back, lambda: self._end(step.state)]
        if step.action in {"stop", "succeed"}:
            return [lambda: self._end(step.state)]
        return []

    def _intend(self) -> None:
        self.intended = True

    def _switch(self) -> None:
        every = all(
            self.nodes.get(one) == "Succeeded" and how == "healthy" for one, how in self.health.items()
        )
        self.proven.append(every and bool(self.health))
        self.front = "green"

    def _note(self) -> None:
        self.switched_at = self.now

    def _back(self) -> None:
        self.front = "blue"

    def _end(self, state: str) -> None:
        self.outcome = state


@given(st.lists(st.tuples(HAPPENS, st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_requests_always_go_to_one_group_that_was_proven(history: list[tuple[str, int, int]]) -> None:
    """Over successes, failures, crashes at each write, repeated calls, alarms, stops and new nodes."""
    life = Life()
    for happens, which, dies in history:
        if life.outcome:
            break
        _befall(life, happens, which, dies)
        assert life.front in FRONT.target_groups
        assert all(life.proven)
        assert life.front == "blue" or life.proven
        assert life.front == "blue" or life.intended
    if life.outcome:
        assert (life.front == "green") == (life.outcome == "Succeeded")


def _befall(life: Life, happens: str, which: int, dies: int) -> None:
    """What a node, a person or time does; or the machine takes its next step."""
    if happens in {"next", "crash"}:
        life.act(next_step(life.seen()), dies if happens == "crash" else 9)
    elif happens == "stop":
        life.stop = "ada"
    elif happens == "alarm":
        life.alarms = ("inc-1",) if life.nodes else ()
    elif happens == "pause":
        life.paused = "" if life.paused else "ada: x"
    elif happens == "later":
        life.now += timedelta(seconds=20)
    else:
        _of_a_node(life, happens, which)


def _of_a_node(life: Life, happens: str, which: int) -> None:
    nodes = sorted(life.health)
    node = nodes[which % len(nodes)]
    if happens == "install":
        life.nodes |= {one: "Succeeded" for one, how in life.nodes.items() if how == "InProgress"}
    elif happens == "broken" and life.nodes.get(node) == "InProgress":
        life.nodes[node] = "Failed"
    elif happens in {"well", "ill"}:
        life.health[node] = "healthy" if happens == "well" else "unhealthy"
    elif happens == "launch":
        life.health[f"n{len(nodes) + 1}"] = "unknown"
