"""The fleet as a whole: what is started in which order, and how it ends."""

import asyncio
import fcntl
import logging
import os
import signal
import subprocess

from aiohttp import web

from .actions import Actions
from .associations import Associations
from .auto_scaling import AutoScaling, moto_mark, start_moto
from .bus import EventBus
from .commands import Commands
from .controller import Controller
from .documents import DocumentStore
from .errors import FleetError
from .keys import ensure_client_key
from .machine import remove_folder
from .plain import NAMES, PlainMachine
from .processes import end_processes
from .proxy import Proxies
from .publisher import Publisher
from .registry import Registry
from .server import Server
from .settings import HOST, FleetSettings

LOG = logging.getLogger(__name__)
TICK_SECONDS = 0.5
FOLDERS = ("nodes", "machines", "plain", "log", "run", "tmp")


class Fleet:
    """Everything on the nodes' side of the local stack."""

    def __init__(self, settings: FleetSettings) -> None:
        self._settings = settings
        self._registry = Registry()
        self._bus = EventBus(settings.cloud)
        documents = DocumentStore()
        self._commands = Commands(documents, self._registry, self._bus)
        self._proxies = Proxies(self._registry, settings.proxy_port_base)
        base = settings.ssh_port_base
        self._plain = [
            PlainMachine(settings.home, name, base + number) for number, name in enumerate(NAMES) if base
        ]
        associations = Associations(self._commands)
        self._server = Server(
            Actions(documents, self._registry, self._commands, associations),
            self._commands,
            self._registry,
            associations,
            self._proxies.url,
        )

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then stop every node and remove its folders.

        Raises:
            FleetError: it could not start; the text says why.
        """
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        runner = await self._listen()
        moto: subprocess.Popen[bytes] | None = None
        try:
            self._prepare_home()
            known = [machine.boot() for machine in self._plain]
            (self._settings.home / "run" / "known_hosts").write_text("".join(f"{one}\n" for one in known))
            log = self._settings.home / "log" / "moto.log"
            moto = await asyncio.to_thread(start_moto, self._settings, log)
            await self._work_until(stop)
        finally:
            await runner.cleanup()
            for machine in self._plain:
                await asyncio.to_thread(machine.shut_down)
            if moto is not None:
                moto.kill()
                moto.wait()

    async def _work_until(self, stop: asyncio.Event) -> None:
        controller = Controller(
            self._settings, self._registry, self._bus, AutoScaling(self._settings.moto_url)
        )
        publisher = Publisher(self._registry, self._settings.cloud)
        async with asyncio.TaskGroup() as work:
            tasks = [
                work.create_task(one)
                for one in (
                    controller.run(),
                    publisher.run(),
                    self._bus.run(),
                    self._proxies.run(),
                    self._tick(),
                )
            ]
            self._server.ready = True
            LOG.info("the fleet is ready on %s", self._settings.url)
            try:
                await stop.wait()
            finally:
                for task in tasks:
                    task.cancel()
                await self._proxies.stop()
                await controller.shut_down()

    async def _tick(self) -> None:
        while True:
            self._commands.tick()
            await asyncio.sleep(TICK_SECONDS)

    def _prepare_home(self) -> None:
        """Make the folders, and clear what a fleet that was killed left behind."""
        home = self._settings.home
        for name in FOLDERS:
            (home / name).mkdir(parents=True, exist_ok=True)
        folders = [*(home / "machines").iterdir(), *(home / "plain").iterdir()]
        left = [path for path in folders if path.is_dir()]
        if left:
            LOG.warning("clearing %s nodes of a fleet that did not stop", len(left))
        end_processes([*left, moto_mark(home)])
        for path in (*left, *(home / "nodes").iterdir()):
            remove_folder(path)
        ensure_client_key(home / "run" / "ssh_key")

    async def _listen(self) -> web.AppRunner:
        runner = web.AppRunner(self._server.application(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, HOST, self._settings.port, backlog=256, shutdown_timeout=1.0)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise FleetError(f"port {self._settings.port} is in use") from error
        return runner


def run(settings: FleetSettings) -> None:
    """Run a fleet in this process until it is told to stop; `run/fleet.pid` names it.

    Raises:
        FleetError: it could not start; another fleet on the same home is one reason.
    """
    pid_file = settings.home / "run" / "fleet.pid"
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    with pid_file.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FleetError(f"another fleet runs on {settings.home}") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            asyncio.run(Fleet(settings).run())
        finally:
            pid_file.unlink(missing_ok=True)
