"""A function dies (or fails) at one of its calls, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.life import effects, terminations
from tests.functional.gate import Killed
from tests.functional.world import World


@dataclass
class Fuse:
    """Burns at the ``nth`` time that a call is reached: ``when`` is before it, or after it took effect.

    ``error`` makes what is raised there. ``then`` is what had been done to nodes by that moment; None until
    it burnt. ``heard`` are the calls of handlers, in order.
    """

    world: World
    when: str
    call: str
    nth: int = 1
    error: Callable[[str], BaseException] = Killed
    then: tuple[list[tuple[str, str]], int] | None = None
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """From now on every call of a handler passes here."""
        self.world.pulse = self._pulse

    def _pulse(self, when: str, call: str) -> None:
        if when == "before":
            self.heard.append(call)
        if self.then is not None or (when, call) != (self.when, self.call):
            return
        self.nth -= 1
        if self.nth == 0:
            self.then = effects(self.world), terminations(self.world)
            raise self.error(f"{when} {call}")


def steps_sent(world: World, document: str) -> list[Any]:
    """The step of each command of a document that was sent, repeated ones too."""
    return [
        one.parameters["StepId"] for one in world.ssm.commands if one.document == f"Nightshift-{document}"
    ]
