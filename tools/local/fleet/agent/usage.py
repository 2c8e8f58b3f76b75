"""How much CPU and disk a node's service uses."""

import contextlib
import os
import time
from pathlib import Path

import psutil


class CpuMeter:
    """CPU use of a process group between two readings, in percent of a budget."""

    def __init__(self, budget_cores: float) -> None:
        self._budget = budget_cores
        self._times: dict[tuple[int, float], float] = {}
        self._at: float | None = None

    def read(self, group: int | None) -> float | None:
        """Percent of the budget since the last reading, at most 100; None at the first.

        Args:
            group: the process group; also what its processes started and what became orphaned
                is in it. None when nothing runs.
        """
        now, times = time.monotonic(), _times_of(group)
        before, self._times = self._times, times
        at, self._at = self._at, now
        if at is None or now <= at:
            return None
        used = sum(spent - before.get(process, 0.0) for process, spent in times.items())
        if group is not None and before and not (before.keys() & times.keys()):
            return None  # another group than at the last reading: its past is not of this interval
        return min(100.0, 100.0 * used / ((now - at) * self._budget))


def _times_of(group: int | None) -> dict[tuple[int, float], float]:
    """CPU seconds by (pid, start time) of all living processes of a group."""
    times: dict[tuple[int, float], float] = {}
    if group is None:
        return times
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(pid) == group:
                process = psutil.Process(pid)
                spent = process.cpu_times()
                times[pid, process.create_time()] = spent.user + spent.system
    return times


def bytes_below(folder: Path) -> int | None:
    """Sizes of all files below a folder, links not followed; None when it cannot be read."""
    total = 0
    try:
        entries = list(os.scandir(folder))
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below = bytes_below(Path(entry.path))
                if below is None:
                    return None
                total += below
            else:
                total += entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return total  # removed while being looked at
    except OSError:
        return None
    return total
