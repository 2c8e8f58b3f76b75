"""Crash at every call: before each call and after each call of a handler, one life goes on with a crash.

The process forks there: in the child the function dies at this call, the life is lived to its end and
judged; the parent lives on without a crash, to the next call. So a crash costs only the rest of a life.
Dead after a call and dead before the same function's next call leave the same world behind: one is lived.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from nightshift.aws.pager import Pager, Tell
from nightshift.errors import NightshiftError
from nightshift.policy_notify import Notify
from tests.functional.gate import Killed
from tests.functional.staging import POLICY, made
from tests.functional.world import World

AT_ONCE = 2  # children


class Crashes:
    """Forks at each pulse of a world.

    In a child ``here`` says where it crashed, and ``done`` which calls had taken effect by then.
    """

    def __init__(self, world: World, reports: Path) -> None:
        self.world, self.reports = world, reports
        self.here = ""
        self.done: list[tuple[str, str]] = []
        self.places: list[str] = []
        self._children: list[int] = []
        self._left = ""

    def pulse(self, when: str, call: str) -> None:
        """Fork: the child dies at this call, once."""
        function = call.partition(" ")[0]
        same, self._left = self._left == function and when == "before", function if when == "after" else ""
        if self.here or same:
            return
        place = f"crash {len(self.places)}: {when} {call}"
        self.places.append(place)
        if len(self._children) >= AT_ONCE:
            os.waitpid(self._children.pop(0), 0)
        gc.freeze()  # what is shared with the children is not copied by looking for garbage in it
        child = os.fork()
        if child == 0:
            self.here, self.done = place, [*self.world.done]
            _be_quiet()
            raise Killed(place)
        self._children.append(child)

    def bury(self, verdict: str) -> None:
        """The child's end: it never returns into the parent's test run."""
        (self.reports / f"{len(self.places):04}").write_text(f"{self.here}\n{verdict}" if verdict else "")
        os._exit(0)

    def failures(self) -> list[str]:
        """What the children found; a child that left no report is one of them."""
        while self._children:
            os.waitpid(self._children.pop(0), 0)
        gc.unfreeze()
        found = []
        for number, place in enumerate(self.places, start=1):
            report = self.reports / f"{number:04}"
            found.append(report.read_text() if report.exists() else f"{place}: no report")
        return [one for one in found if one]


def everywhere(
    reports: Path, life: Callable[[World, Crashes], None], policy: str = POLICY, least: int = 0
) -> None:
    """Live ``life`` once whole, and once for each crash; it asserts what must hold at its end.

    A failure names every place of a crash after which something did not hold. There must be at
    ``least`` so many places: a life in which nothing is called proves nothing.
    """
    with made(policy) as world, patch.object(Pager, "_each", _one_by_one):
        crashes = Crashes(world, reports)
        world.pulse = crashes.pulse
        try:
            life(world, crashes)
        except BaseException:
            if not crashes.here:
                raise
            crashes.bury(traceback.format_exc(limit=-6))
        if crashes.here:
            crashes.bury("")
    failures = crashes.failures()
    assert not failures, f"{len(failures)} of {len(crashes.places)} crashes:\n" + "\n".join(failures[:5])
    assert len(crashes.places) >= least, crashes.places


def _one_by_one(
    pager: Pager, names: Sequence[str], notify: Notify, tell: Tell
) -> Iterator[tuple[str, str | NightshiftError]]:
    """Channels without threads: a child of a fork has only the one that forked, and could not live on."""
    for name in names:
        try:
            outcome: str | NightshiftError = pager._tell(name, notify, tell)
        except NightshiftError as error:
            outcome = error
        yield name, outcome


def _be_quiet() -> None:
    gc.disable()
    logging.disable(logging.CRITICAL)
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until the child ends
