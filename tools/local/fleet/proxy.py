"""The traffic target of a group: a reverse proxy over its healthy, in-service nodes.

``POST /.nightshift/traffic`` switches nodes, as ``nightshift.traffic.proxy`` asks: one that was told to
leave gets no new request, and is waited for as long as it answers old ones.
"""

import asyncio
import collections
import contextlib
import itertools
import logging
from collections.abc import Callable
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from .registry import Node, Registry
from .settings import HOST, RESERVED_PORTS

LOG = logging.getLogger(__name__)
CHECK_SECONDS = 1.0
UPSTREAM_SECONDS = 10.0
LARGEST_BODY = 16 * 1024 * 1024
CONTROL = "/.nightshift/traffic"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# Of one connection only, so they end at the proxy (RFC 9110, section 7.6.1).
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "content-encoding",
}


class GroupProxy:
    """One group's proxy: round robin over nodes that answered their last health check."""

    def __init__(self, group: str, port: int, members: Callable[[], list[Node]]) -> None:
        self.group = group
        self.port = port
        self._members = members
        self._healthy: set[str] = set()
        self._out: set[str] = set()
        self._open: collections.Counter[str] = collections.Counter()
        self._turn = itertools.count()
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_post(CONTROL, self._switch)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        self._session = aiohttp.ClientSession(
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=UPSTREAM_SECONDS),
        )

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port, shutdown_timeout=1.0).start()

    async def stop(self) -> None:
        """Close the port and all connections."""
        await self._session.close()
        await self._runner.cleanup()

    async def check(self) -> None:
        """Ask every member for its health once."""
        members = [node for node in self._members() if node.state == "in_service"]
        verdicts = await asyncio.gather(*(self._is_healthy(node) for node in members))
        self._healthy = {node.id for node, healthy in zip(members, verdicts, strict=True) if healthy}
        self._out &= {node.id for node in self._members()}

    async def _is_healthy(self, node: Node) -> bool:
        try:
            url = f"http://{HOST}:{node.facts.port}/health"
            timeout = aiohttp.ClientTimeout(total=CHECK_SECONDS)
            async with self._session.get(url, timeout=timeout) as answer:
                body = await answer.json()
                return answer.status == HTTPStatus.OK and body.get("node") == node.id
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
            return False

    async def _switch(self, request: web.Request) -> web.Response:
        """Only JSON is taken: what a page in a browser may send to another origin unasked is none."""
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send JSON")
        told = await request.json()
        leaving, joining = set(told.get("leave", [])), set(told.get("join", []))
        back = joining & self._out
        self._healthy -= back  # the check that counts is newer than this
        self._out = (self._out | leaving) - joining
        waiting = {node for node in leaving if self._open[node]} | (joining - self._healthy)
        return web.json_response({"waiting": sorted(waiting)})

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()  # before a node is chosen: it might leave meanwhile
        serving = self._healthy - self._out
        targets = [node for node in self._members() if node.id in serving]
        if not targets:
            return web.json_response({"error": f"no healthy node in {self.group}"}, status=503)
        first = next(self._turn) % len(targets)
        answer: web.Response | None = None
        for node in targets[first:] + targets[:first]:
            if node.id in self._out:
                continue  # it left while another was tried
            self._open[node.id] += 1
            try:
                answer = await self._pass_on(request, body, node)
            finally:
                self._open[node.id] -= 1
            if answer is not None:
                return answer
            self._healthy.discard(node.id)
            if request.method not in SAFE_METHODS:
                break  # the node may have acted on it: never send it twice
        return web.json_response({"error": "the node did not answer"}, status=502)

    async def _pass_on(self, request: web.Request, body: bytes, node: Node) -> web.Response | None:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["X-Forwarded-For"] = request.remote or HOST
        url = f"http://{HOST}:{node.facts.port}{request.raw_path}"
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._session.request(
                request.method, url, data=body or None, headers=headers, allow_redirects=False
            ) as answer:
                kept = CIMultiDict(
                    (name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP
                )
                kept["X-Nightshift-Node"] = node.facts.name
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        return None


class Proxies:
    """One proxy per group; a group keeps its port as long as the fleet lives."""

    def __init__(self, registry: Registry, port_base: int) -> None:
        self._registry = registry
        self._port_base = port_base
        self._proxies: dict[str, GroupProxy] = {}
        self._seen: set[str] = set()

    def url(self, group: str) -> str | None:
        """Base URL of a group's proxy, or None before it listens."""
        proxy = self._proxies.get(group)
        return f"http://{HOST}:{proxy.port}" if proxy else None

    async def run(self) -> None:
        """Open proxies for new groups and check the health of all members, for ever."""
        while True:
            groups = {node.facts.group for node in self._registry.nodes.values()}
            # Groups made in one go get their ports in order of name: wait until no more appear.
            if groups == self._seen:
                for group in sorted(groups - set(self._proxies)):
                    await self._open(group)
            self._seen = groups
            await asyncio.gather(*(proxy.check() for proxy in self._proxies.values()))
            await asyncio.sleep(CHECK_SECONDS)

    async def stop(self) -> None:
        """Close all."""
        await asyncio.gather(*(proxy.stop() for proxy in self._proxies.values()))

    async def _open(self, group: str) -> None:
        taken = {proxy.port for proxy in self._proxies.values()}
        for port in range(self._port_base, self._port_base + RESERVED_PORTS):
            if port in taken:
                continue
            proxy = GroupProxy(group, port, lambda: self._of(group))
            try:
                await proxy.start()
            except OSError:
                await proxy.stop()
                LOG.warning("port %s is in use; the proxy of %s takes the next", port, group)
                continue
            self._proxies[group] = proxy
            return

    def _of(self, group: str) -> list[Node]:
        return [node for node in self._registry.nodes.values() if node.facts.group == group]
