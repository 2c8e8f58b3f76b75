"""The time that is left: every wait of this layer asks one of these."""

from __future__ import annotations

import time
from dataclasses import dataclass

LEAST_SECONDS = 0.001  # what a wait gets when no time is left: none at all would mean for ever


@dataclass(frozen=True)
class Deadline:
    """An instant of the monotonic clock, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline ``seconds`` from now."""
        return cls(time.monotonic() + seconds)

    def sooner(self, seconds: float) -> Deadline:
        """``seconds`` from now, but never later than this one."""
        return Deadline(min(self.at, time.monotonic() + seconds))

    @property
    def left(self) -> float:
        """Seconds until then; 0 when it is over."""
        return max(0.0, self.at - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return self.left <= 0
