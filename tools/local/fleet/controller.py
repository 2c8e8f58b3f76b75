"""Keeps nodes and Auto Scaling in step: boots a node for each instance, stops the others."""

import asyncio
import logging
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from .answers import instance_arn
from .auto_scaling import UNREACHABLE, AutoScaling, GroupView
from .bus import EventBus
from .errors import FleetError
from .keys import bring_push_key
from .layout import PUSH_KEY, NodeFacts
from .machine import Machine
from .ports import pick_ports
from .registry import Node, Registry
from .settings import PUSH_MASTER, FleetSettings

LOG = logging.getLogger(__name__)
POLL_SECONDS = 0.5
EC2_CHECK_POLLS = 4  # EC2's own view of the instances is asked for every so many polls
REGISTRATION_SECONDS = 60.0
BOOTS_AT_ONCE = 2


class Controller:
    """The loop between moto's groups and the machines on this host."""

    def __init__(
        self, settings: FleetSettings, registry: Registry, bus: EventBus, scaling: AutoScaling
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._bus = bus
        self._scaling = scaling
        self._boots = asyncio.Semaphore(BOOTS_AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.groups: list[GroupView] = []

    async def run(self) -> None:
        """Reconcile for ever."""
        polls = 0
        while True:
            try:
                self.groups = await asyncio.to_thread(self._scaling.groups)
                await self._reconcile(check_ec2=polls % EC2_CHECK_POLLS == 0)
            except UNREACHABLE as error:
                LOG.warning("auto scaling did not answer: %s", error)
            polls += 1
            await asyncio.sleep(POLL_SECONDS)

    async def shut_down(self) -> None:
        """Stop every node at once; no events, for the cloud goes away too."""
        for task in self._tasks.values():
            task.cancel()
        nodes = list(self._registry.nodes.values())
        for node in nodes:
            node.state = "stopping"
        await asyncio.gather(*(asyncio.to_thread(node.machine.shut_down) for node in nodes))

    async def _reconcile(self, *, check_ec2: bool) -> None:
        wanted = {one: group for group in self.groups for one in group.instances}
        # First those that go: a replacement takes over the name.
        for node in list(self._registry.nodes.values()):
            if node.id not in wanted and node.state != "stopping":
                node.state = "stopping"
                self._spawn(f"stop {node.id}", self._terminate(node))
        for instance, group in wanted.items():
            if instance not in self._registry.nodes and instance not in self._registry.gone:
                self._launch(instance, group)
        await self._health_check(wanted, check_ec2=check_ec2)

    async def _health_check(self, wanted: dict[str, GroupView], *, check_ec2: bool) -> None:
        """What EC2 and Auto Scaling do for each other in AWS, and moto does not."""
        stopped: set[str] = set()
        if check_ec2:
            stopped = await asyncio.to_thread(self._scaling.stopped, list(wanted))
        for instance, group in wanted.items():
            node = self._registry.nodes.get(instance)
            dead = node is not None and not node.machine.is_up() and node.state != "booting"
            if dead and node is not None and node.state != "dead":
                LOG.info("the machine of %s is dead", node.facts.name)
                node.state = "dead"
                await asyncio.to_thread(self._scaling.mark_unhealthy, instance)
            unhealthy = group.instances[instance] != "Healthy"
            if group.replaces and (dead or unhealthy or instance in stopped):
                await asyncio.to_thread(self._scaling.replace, instance)

    def _spawn(self, name: str, work: Any) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks[name] = task

        def done(ended: asyncio.Task[None]) -> None:
            self._tasks.pop(name, None)
            if not ended.cancelled() and (error := ended.exception()):
                LOG.error("%s failed", name, exc_info=error)

        task.add_done_callback(done)

    def _launch(self, instance: str, group: GroupView) -> None:
        port, ssh_port = pick_ports(2, self._taken_ports())
        home = self._settings.home
        facts = NodeFacts(
            id=instance,
            name=self._registry.next_name(group.group),
            group=group.group,
            app=group.app,
            auto_scaling_group=group.name,
            dir=str(home / "nodes" / instance),
            machine_dir=str(home / "machines" / instance),
            port=port,
            ssh_port=ssh_port,
            token=secrets.token_urlsafe(24),
            fleet=self._settings.url,
            ssh_keys=str(home / "run" / "ssh_key.pub"),
        )
        node = Node(facts, Machine(facts, self._taken_ports()))
        self._registry.add(node)
        self._spawn(f"boot {instance}", self._boot(node, group))

    def _taken_ports(self) -> set[int]:
        """Ports of the stack and of every node, also where nobody listens right now."""
        taken = set(self._settings.reserved_ports)
        for node in self._registry.nodes.values():
            taken |= {node.facts.port, node.facts.ssh_port}
        return taken

    async def _boot(self, node: Node, group: GroupView) -> None:
        began = datetime.now(UTC)
        async with self._boots:
            if node.state == "stopping":
                return
            await asyncio.to_thread(self._scaling.tag_name, node.id, node.facts.name)
            try:
                bring_push_key(
                    self._settings.home / "run" / PUSH_MASTER, node.id, node.facts.machine / PUSH_KEY
                )
                await asyncio.to_thread(node.machine.boot)
                await asyncio.wait_for(node.hello.wait(), REGISTRATION_SECONDS)
            except (OSError, FleetError):  # a TimeoutError is an OSError
                LOG.exception("%s did not come up", node.facts.name)
                node.state = "dead"
                await asyncio.to_thread(self._scaling.mark_unhealthy, node.id)
                return
        if node.state != "booting":
            return
        node.state = "in_service"
        self._tell("EC2 Instance Launch Successful", node, group.arn, "InProgress", began)

    async def _terminate(self, node: Node) -> None:
        began = datetime.now(UTC)
        await asyncio.to_thread(node.machine.shut_down)
        self._registry.remove(node.id)
        arn = next((one.arn for one in self.groups if one.name == node.facts.auto_scaling_group), "")
        LOG.info("%s (%s) is gone", node.facts.name, node.id)
        self._tell("EC2 Instance Terminate Successful", node, arn, "InProgress", began)

    def _tell(self, kind: str, node: Node, arn: str, status: str, began: datetime) -> None:
        activity, now = str(uuid.uuid4()), datetime.now(UTC)
        launched = "Launch" in kind
        cause = "a difference between desired and actual capacity" if launched else "a health check"
        detail = {
            "StatusCode": status,
            "StatusMessage": "",
            "Description": f"{'Launching a new' if launched else 'Terminating'} EC2 instance: {node.id}",
            "AutoScalingGroupName": node.facts.auto_scaling_group,
            "ActivityId": activity,
            "RequestId": activity,
            "EC2InstanceId": node.id,
            "StartTime": _stamp(began),
            "EndTime": _stamp(now),
            "Cause": f"At {_stamp(now)} the instance followed {cause}.",
            "Details": {"Availability Zone": "us-east-1a"},
            "Origin": "EC2" if launched else "AutoScalingGroup",
            "Destination": "AutoScalingGroup" if launched else "EC2",
        }
        self._bus.put("aws.autoscaling", kind, detail, [arn, instance_arn(node.id)])


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
