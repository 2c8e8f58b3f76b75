"""What must hold in a random life: after every step, and when the outside has calmed down.

The numbers I1 to I6 are the fault matrix's own.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import ExitStack

from hypothesis.stateful import RuleBasedStateMachine, invariant
from moto.moto_api._internal import mock_random

from nightshift import clock
from nightshift.incident import Incident
from tests.faults.outside import Outside
from tests.functional.staging import POLICY, made
from tests.functional.world import ILL

CALM = POLICY.replace("deadline_seconds: 1200", "deadline_seconds: 240").replace(
    "recheck_seconds: 5", "recheck_seconds: 15"
)
QUIET = 150  # seconds after which no sweep has anything to wait for


class Judged(RuleBasedStateMachine):
    """A life in a world of its own, with its judge."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        logging.disable(logging.CRITICAL)

    def enter(self, nodes: int, cures: frozenset[str]) -> None:
        """A healthy group of so many nodes, and what cures them."""
        mock_random.seed(0)  # the same ids in every life, so that a life can be repeated
        self.world = self.stack.enter_context(made(CALM, nodes))
        self.world.cures = {*cures}
        self.outside, self.fence, self.sent = Outside(self.world), 0, 0
        self.early = len(self.world.guards.acted)

    # after every step

    @invariant()
    def every_step_acts_once(self) -> None:
        """I1: a step of an incident acts on one node, once; no incident replaces a node twice."""
        acted = Counter(one.parameters["StepId"] for one in self.world.guards.acted[self.early :])
        assert set(acted.values()) <= {1}, acted
        assert max(Counter(self.outside.replaced).values(), default=0) <= 1, self.outside.replaced

    @invariant()
    def limits_are_kept(self) -> None:
        """I2: one node in repair, and when it was taken another one was healthy."""
        group, now = self.world.group(), clock.iso(clock.now())
        held = {node for node, one in group.leases.items() if one.expires_at > now}
        assert len(held) <= 1, group.leases
        if group.fence > self.fence and held:
            others = set(self.world.instances()) - held - set(group.troubled)
            assert others, f"nobody else was healthy: {group}"
        self.fence = group.fence

    @invariant()
    def nobody_acts_without_a_lease(self) -> None:
        """I4, and I6: no act outside of a lease, none on what nobody knows."""
        assert self.outside.unlawful == []
        if len(self.world.ssm.commands) > self.sent:
            self.sent = len(self.world.ssm.commands)
            nodes = {one.node_id for one in self.world.nodes.listing()}
            assert {one.node_id for one in self.world.ssm.commands} <= nodes
        assert self.outside.dead_letters == []

    @invariant()
    def one_page_each(self) -> None:
        """I5: one page per incident; a death between a page and the record of it allows one more."""
        for incident_id, count in self.told().items() if ("notify", "sns.Publish") in self.world.done else ():
            assert count <= 1 + self.outside.unsure.get(incident_id, 0), (incident_id, count)

    # the end

    def teardown(self) -> None:
        """The outside calms down: then every problem has ended, and nothing is held."""
        try:
            if hasattr(self, "world"):
                self.settle()
                self.judge()
        finally:
            logging.disable(logging.NOTSET)
            self.stack.close()

    def settle(self) -> None:
        """Everything arrives, every command ends, sweeps run; until nothing has moved for a while."""
        self.world.resume()
        still, rounds = 0, 0
        while still < QUIET:
            rounds += 1
            assert rounds < 400, f"no end: {self.outside.wire} {self.incidents()}"
            moved = bool(self.outside.wire or self.world.ssm.running())
            moved = self.go_on(ends=True) or moved
            moved = moved or not all(one.over for one in self.outside.machines.values())
            self.outside.pass_time(5 if moved else QUIET // 2)
            if not moved or rounds % 6 == 0:
                self.sweep()
                moved = moved or bool(self.outside.wire)
            still = 0 if moved else still + QUIET // 2

    def judge(self) -> None:
        """I3: every incident ended for a reason, and whoever is still ill is with a person who was paged."""
        self.every_step_acts_once()
        self.limits_are_kept()
        self.nobody_acts_without_a_lease()
        self.one_page_each()
        told, every = self.told(), self.incidents()
        for one in every:
            assert one.state != "open", one
            assert one.reason, one
            self.world.story(one.incident_id)
            if one.state in {"escalated", "resolved"}:
                page = one.storm or one.incident_id  # a storm and its members share it, whoever was first
                sharing = {two.incident_id for two in every if page in (two.storm, two.incident_id)}
                assert any(told[name] for name in sharing), f"nobody was told of {one}"
        assert self.world.group().leases == {}
        assert self.world.group().replacements == {}
        for node_id, readings in self.world.readings.items():
            ill = [name for name, (metric, bad) in ILL.items() if readings.get(metric) == bad]
            incident_id = self.world.subject(node_id).open_incident
            if ill and self.world.node(node_id).state == "in_service":
                assert incident_id, f"{node_id} is ill of {ill}, and nobody knows"
                assert self.world.incident(incident_id).state == "escalated"

    def go_on(self, *, ends: bool) -> bool:
        """What is under way arrives, and every execution moves as far as it can; whether one did."""
        for command in self.world.ssm.running() if ends else ():
            self.outside.end(command, "well")
        for parcel in [*self.outside.wire]:
            self.outside.deliver(parcel)
        moved = False
        for incident_id in sorted(self.outside.machines):
            while self.outside.advance(incident_id):
                moved = True
        return moved

    # words

    def ill(self) -> list[str]:
        """The nodes that are ill and whose service was installed."""
        bad = dict(ILL.values())
        return [
            node_id
            for node_id, readings in sorted(self.world.readings.items())
            if "ServiceUp" in readings and any(readings[name] == bad[name] for name in readings)
        ]

    def sweep(self) -> None:
        """A round of sweeps, by its schedule: there is another one in a minute."""
        self.outside.call("sweep", {"source": "aws.scheduler"})

    def incidents(self) -> list[Incident]:
        """Every incident there is."""
        states = ("open", "healed", "escalated", "suppressed", "resolved")
        return [one for state in states for one in self.world.incidents.listing(state)]

    def told(self) -> Counter[str]:
        """How often a person was paged about each incident."""
        pages = [page["Message"] for page in self.world.pages()]
        return Counter(page.rpartition("Next: ")[2].split("nightshift why ")[1].split()[0] for page in pages)
