"""Random lives: whatever is late, lost, doubled or dies, nothing acts twice and every problem ends.

Hypothesis plays the outside (``outside``) and the functions are the real ones; the invariants I1 to I6
are read off the calls that took effect, after every step. The search is the same in every run; a failure
prints the steps that lead to it, and with ``--hypothesis-profile=explore`` it looks elsewhere each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.faults.judged import Judged
from tests.faults.outside import Parcel
from tests.functional.world import CURES, ILL

STRANGER = "i-00000000000000000"
REFUSED = ("ssm.SendCommand", "dynamodb.TransactWriteItems", "cloudwatch.GetMetricData", "sns.Publish")
RARELY = st.integers(0, 9).map(lambda drawn: drawn == 9)
PLACE = st.integers(0, 63)
SYMPTOM = st.sampled_from(["service_down", "service_down", "disk_full"])
FUSE = st.one_of(st.none(), st.none(), st.integers(0, 40))  # how many beats a function lives


One = TypeVar("One")


def pick(some: Sequence[One], place: int) -> One:
    """One of some."""
    return some[place % len(some)]


class IncidentLife(Judged):
    """Two to four nodes, their alarms and executions, and an unreliable world."""

    @initialize(
        nodes=st.sampled_from([2, 3, 4, 4]),
        ill=st.integers(0, 2),
        cures=st.sampled_from([CURES, CURES, {"Welcome"}, frozenset()]),
    )
    def begin(self, nodes: int, ill: int, cures: frozenset[str]) -> None:
        """A group whose first nodes are ill, which everybody has heard; what cures them is drawn."""
        self.enter(nodes, cures)
        for place in range(ill):
            self.falls_ill(place, "service_down", "heard")

    # nodes and alarms

    @rule(place=PLACE, symptom=SYMPTOM, alarm=st.sampled_from(["late", "late", "heard", "lost"]))
    def falls_ill(self, place: int, symptom: str, alarm: str) -> None:
        """A node falls ill; its alarm is on its way, or heard at once, or lost."""
        node_id, before = pick(sorted(self.world.readings), place), len(self.outside.wire)
        name, value = ILL[symptom]
        self.world.readings[node_id][name] = value
        self.outside.pass_time(8)
        for parcel in self.outside.wire[before:] if alarm != "late" else ():
            self.outside.wire.remove(parcel)
            if alarm == "heard":
                self.outside.call(parcel.function, parcel.event)
                self.outside.deliver(self.outside.wire[-1])

    @precondition(lambda self: self.ill())
    @rule(place=PLACE)
    def recovers(self, place: int) -> None:
        """A node gets well by itself."""
        node_id = pick(self.ill(), place)
        self.world.get_well(node_id)
        self.outside.pass_time(2)

    @rule(place=PLACE, stranger=st.booleans())
    def flickers(self, place: int, *, stranger: bool) -> None:
        """An alarm speaks and takes it back at once; or it is about a node that nobody knows."""
        node_id = pick(sorted(self.world.readings), place)
        if stranger:
            self.outside.wire.append(Parcel("raise_signal", self.world.alarm(STRANGER)))
        elif self.outside.alarms.get((node_id, "service_down"), "OK") == "OK":
            self.outside.change(node_id, "service_down", "ALARM")
            self.world.pass_time(1)
            self.outside.pass_time(1)

    # what is on its way

    @precondition(lambda self: self.outside.wire)
    @rule(place=PLACE, fuse=FUSE)
    def arrives(self, place: int, fuse: int | None) -> None:
        """One event, not always the oldest; its function may die over it."""
        with self.outside.dying(fuse):
            self.outside.deliver(pick(self.outside.wire, place))

    @precondition(lambda self: self.outside.wire)
    @rule(backwards=st.booleans())
    def all_arrive(self, *, backwards: bool) -> None:
        """Everything on the wire, once, the newest first or last."""
        for parcel in self.outside.wire[:: -1 if backwards else 1]:
            self.outside.deliver(parcel)

    @precondition(lambda self: self.outside.wire)
    @rule(place=PLACE)
    def is_doubled(self, place: int) -> None:
        """An event will arrive twice."""
        one = pick(self.outside.wire, place)
        self.outside.wire.append(Parcel(one.function, one.event, one.losable))

    @precondition(lambda self: any(one.losable for one in self.outside.wire))
    @rule(place=PLACE)
    def is_lost(self, place: int) -> None:
        """An event never arrives."""
        self.outside.wire.remove(pick([one for one in self.outside.wire if one.losable], place))

    # executions and commands

    @precondition(lambda self: self.outside.machines)
    @rule(place=PLACE, fuse=FUSE)
    def moves(self, place: int, fuse: int | None) -> None:
        """One execution makes one move; its function may die over it."""
        with self.outside.dying(fuse):
            self.outside.advance(pick(sorted(self.outside.machines), place))

    @rule(
        rounds=st.integers(1, 8),
        ends=st.booleans(),
        fuse=st.one_of(st.none(), st.integers(0, 300)),
        refused=st.sampled_from(["", "", "", *REFUSED]),
    )
    def goes_on(self, rounds: int, fuse: int | None, refused: str, *, ends: bool) -> None:
        """All executions move in turn; one function may die, one call be refused; commands end, or later."""
        self.world.broken = {refused: "Unforeseen"} if refused else {}
        with self.outside.dying(fuse):
            for _ in range(rounds):
                self.go_on(ends=ends)
                self.outside.pass_time(3 if not refused else 15)
        self.world.broken = {}

    @precondition(lambda self: self.world.ssm.running())
    @rule(place=PLACE, how=st.sampled_from(["well", "well", "badly", "lost"]))
    def a_command_ends(self, place: int, how: str) -> None:
        """Sooner or later."""
        self.outside.end(pick(self.world.ssm.running(), place), how)

    # time, sweeps, people

    @rule(seconds=st.sampled_from([1, 5, 30, 70]))
    def time_passes(self, seconds: int) -> None:
        """And every node is measured each second."""
        self.outside.pass_time(seconds)

    @rule(fuse=FUSE)
    def sweeps_run(self, fuse: int | None) -> None:
        """One round."""
        with self.outside.dying(fuse):
            self.sweep()

    @rule(on=RARELY)
    def somebody_pauses(self, *, on: bool) -> None:
        """Or lets it go on."""
        (self.world.pause if on else self.world.resume)()


# Under `--hypothesis-profile=explore` nothing is derandomized.
LIVES = 12 if settings.default and settings.default.derandomize else 100
IncidentLife.TestCase.settings = settings(max_examples=LIVES, stateful_step_count=40)
TestIncidentLife = IncidentLife.TestCase
