"""What every SSH client of the benchmark can be asked."""

from __future__ import annotations

import time
from typing import Any

CREW = 32  # hosts at a time, for each of them


class Client:
    """What each client can be asked; ``hosts`` are addresses of the one port."""

    def __init__(self, site: dict[str, Any]) -> None:
        self.site = site

    def do(self, case: str, hosts: list[str], seconds: float) -> None:
        """One case, on ``hosts``.

        ``cold``: connect, run ``true``, disconnect. ``warm_up``: connect and stay connected. ``warm``: run
        ``true`` on the connections that are there. ``idle``: leave them alone for ``seconds``.
        """
        {
            "cold": self._cold,
            "warm_up": self._warm_up,
            "warm": self._warm,
            "idle": lambda _: time.sleep(seconds),
        }[case](hosts)

    def _cold(self, hosts: list[str]) -> None:
        raise NotImplementedError

    def _warm_up(self, hosts: list[str]) -> None:
        raise NotImplementedError

    def _warm(self, hosts: list[str]) -> None:
        raise NotImplementedError
