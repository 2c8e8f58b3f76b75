"""Finding and ending the processes of one node, and none other.

Every process of a node carries `NIGHTSHIFT_MACHINE=<machine folder>` in its environment, so
that it is found again whatever became of its parents.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

MARK = "NIGHTSHIFT_MACHINE"


def processes_of(machine_dirs: Iterable[Path]) -> list[psutil.Process]:
    """All living processes that carry the mark of one of these machines."""
    wanted = {str(machine) for machine in machine_dirs}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) in wanted:
                found.append(process)
    return found


def end_processes(machine_dirs: Iterable[Path], seconds: float = 5.0) -> None:
    """SIGKILL the processes of these machines until none is left.

    Args:
        machine_dirs: the machines' own folders.
        seconds: how long to go on.

    Raises:
        TimeoutError: some are still there.
    """
    machines = list(machine_dirs)
    deadline = time.monotonic() + seconds
    while left := [one for one in processes_of(machines) if one.status() != psutil.STATUS_ZOMBIE]:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(left, timeout=0.5)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes stayed: {[process.pid for process in left]}")


def is_alive(pid: int | None) -> bool:
    """Whether this process exists and is no zombie."""
    if pid is None:
        return False
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def leader_in(pid_file: Path) -> int | None:
    """The living process-group leader that this file names, or None.

    A process that began after the file was written merely inherited the number.
    """
    try:
        pid = int(pid_file.read_text())
        if os.getpgid(pid) != pid or not is_alive(pid):
            return None
        began = psutil.Process(pid).create_time()
        return pid if began <= pid_file.stat().st_mtime + 1.0 else None
    except (OSError, ValueError, psutil.Error):
        return None


def group_in(pid_file: Path) -> int | None:
    """The process group that this file names, also when its leader died and left others.

    The number of a group is not given away while somebody is in it.
    """
    leader = leader_in(pid_file)
    if leader is not None:
        return leader
    try:
        number = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    return None if is_alive(number) else number


def end_group(machine_dir: Path, group: int) -> None:
    """SIGKILL what is left of a machine's process group, and nothing that is not the machine's."""
    for process in processes_of([machine_dir]):
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == group:
                process.kill()
