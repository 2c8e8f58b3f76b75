"""A client of the group's traffic target that asks again and again, and counts what failed.

Every second request is a POST, which the proxy never sends twice: only draining keeps those from failing.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request

PAUSE_SECONDS = 0.1


class Client:
    """Asks from its making until ``stop``."""

    def __init__(self, url: str) -> None:
        self.asked, self.failed = 0, list[str]()
        self._url, self._over = url, threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            self.asked += 1
            path, body = ("orders", b"one") if self.asked % 2 else ("version", None)
            try:
                urllib.request.urlopen(f"{self._url}/{path}", data=body, timeout=10).close()
            except (urllib.error.URLError, OSError) as error:
                self.failed.append(str(error))
