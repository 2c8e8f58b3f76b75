"""A world for handlers: moto's AWS with the template's tables, nodes in a group, and time that obeys.

Handlers run with the environment that the template gives them and under their own policy: a call
that is not granted fails the test (``gate``). What is in the tables is read by ``state``; ``staging``
makes a world.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from nightshift import clock
from nightshift.aws import session
from tests.functional.gate import Gate, Killed
from tests.functional.run_command import Command, Guards
from tests.functional.state import GROUP
from tests.samples import sample
from tests.stack import ACCOUNT, REGION, stack

WELL = {"ServiceUp": 1.0, "CPUUtilization": 10.0, "DiskUsedPercent": 20.0}
ILL = {
    "service_down": ("ServiceUp", 0.0),
    "cpu_sustained": ("CPUUtilization", 99.0),
    "disk_full": ("DiskUsedPercent", 97.0),
}
#: What makes a node well, unless a test says otherwise; ``Welcome`` is a release on a fresh node.
CURES = frozenset({"RestartService", "InstallRelease", "CleanDisk", "Welcome"})
BASE = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",  # moto asks for some, and never looks at them
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # a tenth of a second in each world, for images nobody looks at
    "PATH": os.environ.get("PATH", ""),
}


@dataclass
class World(Gate):
    """Everything around the handlers; made by the ``world`` fixture."""

    time: Any = None
    readings: dict[str, dict[str, float]] = field(default_factory=dict)
    cures: set[str] = field(default_factory=lambda: {*CURES})
    endings: dict[str, tuple[str, str]] = field(default_factory=dict)
    stuck: bool = False
    person: Callable[[str], object] | None = None
    guards: Guards = field(default_factory=Guards)
    variables: dict[str, str] = field(default_factory=dict)

    # handlers

    def invoke(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """Run a handler as Lambda does: its own variables, its own policy, JSON in and out."""
        function = stack().functions[name]
        before, self.function = self.function, name
        try:
            with patch.dict(os.environ, {**BASE, **function.environment, **self.variables}, clear=True):
                module = importlib.import_module(f"functions.{name}.app")
                answer = module.handler(json.loads(json.dumps(event)), self.context(name))
        finally:
            self.function = before
        result: dict[str, Any] = json.loads(json.dumps(answer))
        return result

    def context(self, name: str) -> SimpleNamespace:
        """What Lambda tells a function about itself."""
        return SimpleNamespace(
            function_name=f"nightshift-{name}",
            function_version="$LATEST",
            memory_limit_in_mb=512,
            invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:nightshift-{name}",
            aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            get_remaining_time_in_millis=lambda: 900_000,
        )

    def hand(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke as an event source does: a function that died gets the same event again."""
        try:
            return self.invoke(name, event)
        except Killed:
            return self.invoke(name, event)

    def deliver(self, name: str, index: int = -1) -> dict[str, Any]:
        """Invoke the function that listens to one of our own events, with the one last published."""
        detail = [one for kind, one in self.published if kind == name][index]
        listener = {
            "SignalRaised": "open_incident",
            "SignalCleared": "close_incident",
            "CommandCompleted": "notify",
            "IncidentEscalated": "notify",
            "IncidentHealed": "notify",
            "IncidentResolved": "notify",
            "CodePushed": "start_deployment",
            "GateReported": "record_gate",
            "PolicyChanged": "notify",
            "DeploymentStarted": "mark_commit",
        }
        return self.invoke(listener[name], {"source": "nightshift", "detail-type": name, "detail": detail})

    # time and metrics

    def pass_time(self, seconds: int = 1) -> None:
        """Let time pass, with a sample of every metric of every node each second."""
        cloudwatch, points = session.client("cloudwatch"), []
        for _ in range(seconds):
            for node, values in self.readings.items():
                points += [_point(node, name, value) for name, value in values.items()]
            self.time.shift(1)
        for start in range(0, len(points), 500):
            cloudwatch.put_metric_data(Namespace="Nightshift", MetricData=points[start : start + 500])

    def fall_ill(self, node_id: str, symptom: str = "service_down", seconds: int = 8) -> None:
        """The node's metric goes bad, and that is so for some seconds."""
        name, value = ILL[symptom]
        self.readings[node_id][name] = value
        self.pass_time(seconds)

    def get_well(self, node_id: str) -> None:
        """From the next second on the node is healthy."""
        self.readings[node_id] = dict(WELL)

    # events

    def alarm(
        self, node_id: str, symptom: str = "service_down", state: str = "ALARM", held: int = 8
    ) -> dict[str, Any]:
        """CloudWatch's event that a node's alarm changes now, ``held`` seconds after it began."""
        event = sample("alarm/service_down")
        now = clock.now()
        name = f"nightshift-node-{symptom}-{node_id}"
        event["resources"] = [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"]
        event["detail"]["alarmName"] = name
        metric = event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]
        metric.update(name=ILL[symptom][0], dimensions={"InstanceId": node_id})
        began = (now - timedelta(seconds=held)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        event["detail"]["state"].update(
            value=state,
            timestamp=now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}+0000",
            reasonData=json.dumps({"version": "1.0", "startDate": began}),
        )
        return event

    def speak(
        self, node_id: str, symptom: str = "service_down", state: str = "ALARM", **more: Any
    ) -> dict[str, Any]:
        """An alarm changes, and all that follows from it: raise_signal, then who listens to the signal."""
        published = self.invoke("raise_signal", self.alarm(node_id, symptom, state, **more))["published"]
        return self.deliver(published)

    def finish(self, command: Command, status: str = "Success", output: str = "done") -> dict[str, Any]:
        """A command ends on its node: what EventBridge then delivers."""
        command.status, command.output = status, output
        event = sample("command/succeeded")
        event["detail"].update(
            {"command-id": command.command_id, "document-name": command.document, "status": status}
        )
        return event

    def launched(self, node_id: str, group: str = GROUP) -> dict[str, Any]:
        """The queued event that a node came up."""
        event = sample("auto_scaling/launched")
        event["detail"].update({"EC2InstanceId": node_id, "AutoScalingGroupName": group})
        record = sample("auto_scaling/queued_launch")
        record["Records"][0]["body"] = json.dumps(event)
        return record

    def terminated(self, node_id: str) -> dict[str, Any]:
        """The event that a node left."""
        event = sample("auto_scaling/terminated")
        event["detail"]["EC2InstanceId"] = node_id
        return event

    def welcome(self, node_id: str) -> Command:
        """Welcome a node: its release is sent, not installed yet."""
        self.invoke("welcome_node", self.launched(node_id))
        return self.ssm.last

    def effect(self, command: Command) -> tuple[str, str]:
        """What a command does to its node and how it ends: the node runs a step once, as its guard says."""
        return self.guards.run(command, lambda: self._act(command))

    def _act(self, command: Command) -> tuple[str, str]:
        """What a document does to its node, by ``cures``; and how it ends, by ``endings``."""
        remedy = command.document.removeprefix("Nightshift-")
        if self.node(command.node_id).state == "pending":
            remedy = "Welcome"
            self.readings[command.node_id] = {**WELL, "ServiceUp": 0.0}
        if remedy in self.cures:
            self.get_well(command.node_id)
        return self.endings.get(remedy, ("Success", f"{remedy} is done"))

    def end_at_once(self) -> None:
        """From now on a command is over, and its event delivered, before its sender hears its id."""
        self.on_send = lambda: self.hand(
            "resume_step", self.finish(self.ssm.last, *self.effect(self.ssm.last))
        )


def _point(node_id: str, name: str, value: float) -> dict[str, Any]:
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "InstanceId", "Value": node_id}],
        "Timestamp": datetime.now(UTC),
        "Value": value,
        "StorageResolution": 1,
    }
