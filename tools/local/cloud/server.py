"""Running the embedded cloud: one process, one port on 127.0.0.1, nothing left behind."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import threading
from typing import Any

from tools.local.cloud import environment, internal, unpacked
from tools.local.cloud.config import CloudConfig

_STOP_SECONDS = 5.0
_LAYERS_KEPT = 6


class PortInUse(Exception):
    """Something else listens on the port."""


def run(config: CloudConfig) -> None:
    """Serve until SIGTERM or SIGINT; raises PortInUse before anything is started."""
    listener = _listen(config.port)
    _empty(config)
    unpacked.prune(config.build / "layers", keep=_LAYERS_KEPT)
    environment.prepare(config)
    # Only now: ministack reads its settings while it is imported.
    from tools.local.cloud import mends
    from tools.local.cloud.mends import lambda_workers
    from tools.local.cloud.recorder import Recorder

    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    mends.apply_all(config)
    Recorder(config).install()
    # No asyncio.run: it would wait for threads that still talk to others, and nothing here needs them.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_serve(config, listener))
    finally:
        lambda_workers.close()
        _empty(config)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise PortInUse(f"port {port} on 127.0.0.1 is in use") from error
    return listener


def _empty(config: CloudConfig) -> None:
    """Remove temporary files, also those that a killed predecessor left."""
    shutil.rmtree(config.tmp, ignore_errors=True)


def _exit_in_any_case(config: CloudConfig) -> None:
    """However stuck a request is, a stop takes no longer than this."""

    def leave() -> None:
        _empty(config)
        os._exit(0)

    watchdog = threading.Timer(_STOP_SECONDS, leave)
    watchdog.daemon = True
    watchdog.start()


async def _serve(config: CloudConfig, listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app as ministack
    from ministack.core import hypercorn_compat

    from tools.local.cloud.mends import alarm_evaluation, lambda_workers, service_metrics

    hypercorn_compat.install()

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(internal.PREFIX):
            await internal.handle(scope, receive, send)
        else:
            await ministack(scope, receive, send)

    settings = Config()
    settings.bind = [f"fd://{listener.detach()}"]
    settings.keep_alive_timeout = 75
    settings.backlog = 512
    settings.graceful_timeout = 0.5
    settings.loglevel = "WARNING"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    ticking = (
        asyncio.create_task(alarm_evaluation.tick_forever(config.alarm_tick_seconds)),
        asyncio.create_task(service_metrics.measure_forever()),
    )

    async def stopping() -> None:
        await stop.wait()
        _exit_in_any_case(config)
        # Invocations in progress end with their workers; requests that wait for them end too.
        await asyncio.to_thread(lambda_workers.close)

    await serve(app, settings, shutdown_trigger=stopping)
    for task in ticking:
        task.cancel()
