"""How many more nodes a command may begin on now: Run Command's rate control, over SSM and SSH together.

It begins on one node and grows: the window doubles whenever as many nodes have ended as it had room for, up
to MaxConcurrency. A hanging node holds one place of the window and nothing else. When more than MaxErrors
nodes have failed no other node is begun; what runs comes to its end, so more may fail than MaxErrors. See
https://docs.aws.amazon.com/systems-manager/latest/userguide/send-commands-multiple.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nightshift.amounts import Amount, at_most
from nightshift.fleet_command import ERRORS, UNFINISHED, Status

Counts = Mapping[Status, int]


@dataclass(frozen=True)
class Pace:
    """What comes next: ``begin`` on so many nodes; ``halted`` says why no other node will ever begin.

    ``over`` is said when nothing runs and nothing will begin.
    """

    begin: int
    halted: str = ""
    over: bool = False


def pace(counts: Counts, max_concurrency: int, max_errors: int, stop: str = "") -> Pace:
    """Decide by how many nodes are in each status; ``stop`` is who asked to stop, and why."""
    waiting, running = counts.get("Pending", 0), counts.get("InProgress", 0)
    errors = sum(counts.get(status, 0) for status in ERRORS)
    halted = ""
    if errors > max_errors:
        halted = f"{errors} failed, and max_errors is {max_errors}"
    elif stop:
        halted = f"stopped by {stop}"
    if halted or not waiting:
        return Pace(0, halted, over=not running)
    ended = sum(number for status, number in counts.items() if status not in UNFINISHED)
    return Pace(max(0, min(waiting, window(ended, max_concurrency) - running)))


def window(ended: int, max_concurrency: int) -> int:
    """How many nodes may run at once when ``ended`` are done: 1, then 2 after 1, 4 after 3, 8 after 7."""
    return min(max_concurrency, 1 << ((ended + 1).bit_length() - 1))


def concurrency(amount: Amount, nodes: int) -> int:
    """MaxConcurrency as a number of nodes, at least one: a share rounds down."""
    return max(1, min(nodes, at_most(amount, nodes)))


def errors(amount: Amount, nodes: int) -> int:
    """MaxErrors as a number of nodes. 10 % of 50 are 5: the sixth failure stops, as Run Command has it."""
    return min(nodes, at_most(amount, nodes))
