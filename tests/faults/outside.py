"""Everything around the functions in a random life: what is on its way, alarms, executions, commands' ends.

AWS delivers at least once, in any order, and sometimes never: each event lies on the ``wire`` until
somebody delivers, repeats or loses it. A function that dies, or fails in a way that another try may mend,
leaves its event there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from nightshift import clock
from nightshift.aws import session
from nightshift.errors import NightshiftError
from tests.faults.life import LISTENERS, own
from tests.functional.gate import Killed
from tests.functional.machine import Machine, TaskFailed
from tests.functional.run_command import Command
from tests.functional.sweeping import stand
from tests.functional.world import ILL, WELL, World
from tests.samples import sample

FRESH = {"CPUUtilization": 5.0, "DiskUsedPercent": 10.0}
TERMINATES = "replace_node auto-scaling.TerminateInstanceInAutoScalingGroup"
ACTS = {"apply_remedy ssm.SendCommand", TERMINATES}


@dataclass
class Parcel:
    """One event on its way to a function; ``losable`` when something else finds what it said."""

    function: str
    event: dict[str, Any]
    losable: bool = True


@dataclass
class Outside:
    """What happens around the functions of one world."""

    world: World
    wire: list[Parcel] = field(default_factory=list)
    machines: dict[str, Machine] = field(default_factory=dict)
    dead_letters: list[str] = field(default_factory=list)
    unlawful: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unsure: dict[str, int] = field(default_factory=dict)
    alarms: dict[tuple[str, str], str] = field(default_factory=dict)
    fuse: int | None = None
    acting: str = ""

    def __post_init__(self) -> None:
        """The world is quiet so far, and every call of its functions is heard."""
        self.read, self.known = len(self.world.published), set(self.world.instances())
        self.world.pulse = self._pulse

    # functions

    def call(self, function: str, event: dict[str, Any]) -> bool:
        """Invoke; True when the event needs no other try. What no try can mend is a dead letter."""
        try:
            self.world.invoke(function, event)
        except Killed:
            self._doubtful(function, event)
            return False
        except ClientError:
            self._doubtful(function, event)
            return False
        except NightshiftError as error:
            if error.recoverable:
                self._doubtful(function, event)
                return False
            self.dead_letters.append(f"{function}: {error}")
        finally:
            self.collect(starts=function in {"open_incident", "sweep"})
        return True

    def deliver(self, parcel: Parcel) -> None:
        """It arrives; it stays on the wire when it has to come again."""
        self.wire.remove(parcel)
        if not self.call(parcel.function, parcel.event):
            self.wire.append(parcel)

    def advance(self, incident_id: str) -> bool:
        """One move of an execution; when it dies, its status event is on its way."""
        machine, self.acting = self.machines[incident_id], incident_id
        if machine.over:
            return False
        machine.visited.clear()
        state, burning = machine.name, self.fuse is not None
        try:
            return machine.advance()
        except TaskFailed as failed:
            cause = str(failed)[:200]
            self.world.fates[incident_id] = {"status": "FAILED", "error": failed.error, "cause": cause}
            event = sample("states/failed")
            event["detail"].update(name=incident_id, error=failed.error, cause=cause)
            self.wire.append(Parcel("close_incident", event))
            return True
        finally:
            if state == "Notify" and (self.world.broken or (burning and self.fuse is None)):
                self._doubt(incident_id)
            if machine.over:
                self.world.fates.setdefault(incident_id, {"status": "SUCCEEDED"})
            self.acting = ""
            self.collect(replaces=state == "ReplaceNode")

    def _doubtful(self, function: str, event: dict[str, Any]) -> None:
        if function == "notify":
            self._doubt(event.get("detail", event)["incident_id"])

    def _doubt(self, incident_id: str) -> None:
        """Who paged has died, perhaps between the page and the record of it."""
        key = self.world.incident(incident_id).storm or incident_id
        self.unsure[key] = self.unsure.get(key, 0) + 1

    @contextmanager
    def dying(self, beats: int | None) -> Iterator[None]:
        """After so many beats (a beat before each call and one after it) a function dies, once."""
        self.fuse = beats
        yield
        self.fuse = None

    def _pulse(self, when: str, call: str) -> None:
        if (when, call) == ("after", TERMINATES):
            self.replaced.append(self.acting)
        if when == "before" and call in ACTS:
            with patch.object(self.world, "function", ""):
                self._judge(call)
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Killed(f"{when} {call}")

    def _judge(self, call: str) -> None:
        """I4: whoever acts holds the node at this moment, and no pause was there before its intent."""
        incident = self.world.incident(self.acting)
        lease = self.world.group().leases.get(incident.node_id)
        pause, step = self.world.groups.pause(), self.world.steps.get((incident.current or _none()).step_id)
        held = lease and (lease.incident_id, lease.fence) == (incident.incident_id, incident.fence)
        if not held or lease is None or lease.expires_at <= clock.iso(clock.now()):
            self.unlawful.append(f"{call} of {self.acting} on {incident.node_id} without its lease: {lease}")
        if step is None or (pause and pause.at < step.intended_at):
            self.unlawful.append(f"{call} of {self.acting}: {step} under {pause}")

    # what the functions set in motion

    def collect(self, *, starts: bool = True, replaces: bool = False) -> None:
        """Put on the wire what was published, handed over and queued; begin what was started."""
        world = self.world
        for name, detail in world.published[self.read :]:
            if name in LISTENERS:
                self.wire.append(Parcel(LISTENERS[name], own(name, detail), name != "IncidentEscalated"))
        self.read = len(world.published)
        while world.handed:
            function, event = world.handed.pop(0)
            self.wire.append(Parcel(function.removeprefix("nightshift-"), event))
        while world.queued:
            _, event = world.queued.pop(0)
            record = world.launched(event["detail"]["EC2InstanceId"])
            record["Records"][0]["body"] = json.dumps(event)
            self.wire.append(Parcel("welcome_node", record, losable=False))
        for incident_id in world.executions() if starts else ():
            if incident_id not in self.machines:
                self.machines[incident_id] = Machine(world, incident_id)
        if replaces:
            self._group()

    def _group(self) -> None:
        now = set(self.world.instances())
        for gone in sorted(self.known - now):
            self.world.readings.pop(gone, None)
            self.world.ssm.offline.add(gone)
            self.wire.append(Parcel("retire_node", self.world.terminated(gone)))
        for fresh in sorted(now - self.known):
            self.world.readings[fresh] = dict(FRESH)
            self.wire.append(Parcel("welcome_node", self.world.launched(fresh)))
        self.known = now

    # nodes

    def end(self, command: Command, how: str) -> None:
        """A command ends well or badly; of a ``lost`` one nobody is told; a node that is gone has none."""
        if command.node_id not in self.known:
            status, output = "Undeliverable", ""
        elif how == "badly":
            status, output = self.world.guards.run(command, lambda: ("Failed", "no"))
        else:
            status, output = self.world.effect(command)
        event = self.world.finish(command, status, output)
        if how != "lost":
            self.wire.append(Parcel("resume_step", event))

    def pass_time(self, seconds: int) -> None:
        """Time passes, and the alarms follow what the nodes measure."""
        self.world.pass_time(seconds)
        for node_id, readings in self.world.readings.items():
            for symptom in ("service_down", "disk_full"):
                name, bad = ILL[symptom]
                state = "ALARM" if readings.get(name, WELL[name]) == bad else "OK"
                if state != self.alarms.get((node_id, symptom), "OK"):
                    self.change(node_id, symptom, state)

    def change(self, node_id: str, symptom: str, state: str) -> None:
        """A node's alarm changes and says so; a node that is not watched has none."""
        try:
            stand(node_id, state, symptom)
        except session.client("cloudwatch").exceptions.ResourceNotFound:
            return
        self.alarms[node_id, symptom] = state
        self.wire.append(Parcel("raise_signal", self.world.alarm(node_id, symptom, state)))


def _none() -> Any:
    raise AssertionError("an act without a rung")
