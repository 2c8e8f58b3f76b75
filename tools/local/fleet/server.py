"""The fleet server: SSM for the cloud at `POST /`, everything internal below `/fleet/`."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .actions import Actions
from .associations import Associations
from .commands import Commands
from .errors import SsmError
from .registry import Node, Registry

LOG = logging.getLogger(__name__)
AMZ_JSON = "application/x-amz-json-1.1"
LONGEST_WAIT_SECONDS = 30.0


class Server:
    """HTTP routes over SSM actions, the registry and the agents' side of commands.

    Attributes:
        ready: what `/fleet/ready` answers.
    """

    def __init__(
        self,
        actions: Actions,
        commands: Commands,
        registry: Registry,
        associations: Associations,
        proxy_url: Callable[[str], str | None],
    ) -> None:
        self._actions = actions
        self._associations = associations
        self._commands = commands
        self._registry = registry
        self._proxy_url = proxy_url
        self.ready = False

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/", self._ssm),
                web.get("/fleet/ready", self._ready),
                web.get("/fleet/nodes", self._nodes),
                web.post("/fleet/agent/hello", self._hello),
                web.get("/fleet/agent/work", self._work),
                web.post("/fleet/agent/report", self._report),
                web.post("/fleet/agent/sample", self._sample),
            ]
        )
        return app

    async def _ssm(self, request: web.Request) -> web.Response:
        action = request.headers.get("X-Amz-Target", "").rsplit(".", 1)[-1]
        try:
            return _amz(200, self._actions.perform(action, dict(json.loads(await request.read() or b"{}"))))
        except SsmError as error:
            return _amz(400, {"__type": error.code, "message": error.message})
        except (ValueError, TypeError) as error:
            return _amz(400, {"__type": "SerializationException", "message": str(error)})

    async def _ready(self, _: web.Request) -> web.Response:
        answer = {"ready": self.ready, "nodes": len(self._registry.nodes)}
        return web.json_response(answer, status=200 if self.ready else 503)

    async def _nodes(self, _: web.Request) -> web.Response:
        nodes = sorted(self._registry.nodes.values(), key=lambda node: node.facts.name)
        return web.json_response([self._described(node) for node in nodes])

    def _described(self, node: Node) -> dict[str, Any]:
        facts = node.facts
        return {
            "id": node.id,
            "name": facts.name,
            "group": facts.group,
            "app": facts.app,
            "auto_scaling_group": facts.auto_scaling_group,
            "dir": facts.dir,
            "machine_dir": facts.machine_dir,
            "port": facts.port,
            "pid": node.service_pid,
            "ssh_port": facts.ssh_port,
            "ssh_host_key": node.host_key,
            "agent_pid": node.agent_pid,
            "supervisor_pid": node.machine.supervisor_pid,
            "state": node.state,
            "release": node.release,
            "url": f"http://127.0.0.1:{facts.port}",
            "proxy_url": self._proxy_url(facts.group),
            "sample": node.sample,
        }

    def _speaker(self, request: web.Request) -> Node:
        """The node whose token the request carries: an agent speaks for its own node only."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        node = self._registry.by_token(token) if token else None
        if node is None:
            raise web.HTTPForbidden(text="no such node")
        node.touch()
        return node

    async def _hello(self, request: web.Request) -> web.Response:
        node, body = self._speaker(request), await request.json()
        node.greet(int(body["agent_pid"]), str(body["host_key"]))
        LOG.info("%s (%s) registered", node.facts.name, node.id)
        self._associations.welcome(node)
        return web.json_response({})

    async def _work(self, request: web.Request) -> web.Response:
        node = self._speaker(request)
        wait = min(float(request.query.get("wait", "0")), LONGEST_WAIT_SECONDS)
        # What the agent has taken and not yet reported stays in the mailbox: it names that.
        taken = set(request.query.getall("taken", []))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while not (self._fresh(node, taken) or node.cancellations):
                    node.mail.clear()
                    await node.mail.wait()
        node.touch()
        cancelled, node.cancellations = node.cancellations, []
        return web.json_response({"work": self._fresh(node, taken), "cancel": cancelled})

    def _fresh(self, node: Node, taken: set[str]) -> list[dict[str, Any]]:
        return [one for one in self._commands.next_work(node.id) if one["command"] not in taken]

    async def _report(self, request: web.Request) -> web.Response:
        node, body = self._speaker(request), await request.json()
        self._commands.report(node.id, body)
        return web.json_response({})

    async def _sample(self, request: web.Request) -> web.Response:
        node, body = self._speaker(request), await request.json()
        node.sample = body
        node.samples.append(body)
        return web.json_response({})


def _amz(status: int, answer: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=json.dumps(answer).encode(), content_type=AMZ_JSON)
