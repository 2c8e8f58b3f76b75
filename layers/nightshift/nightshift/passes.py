"""One pass over the fleet: which nodes are asked, in which batches, and what has come back.

A pass's id names everything that it leaves: its items, its objects, the comment of its commands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, TypeAdapter

from nightshift import clock
from nightshift.errors import Refused
from nightshift.events import InspectionCollected, Instant, traceparent
from nightshift.fleet_command import Ssh
from nightshift.incident import Sample

BATCH = 50  # as many nodes as one SendCommand takes
BY_SSH = "ssh"
FOLDER = "inspections"
SKIPPED, LATEST = "skipped", "latest"
# A pass is over by then, whatever was lost: delivery (30 s), the probe's own limit (30 s), and a margin.
DEADLINE_SECONDS = 120
_COMMENT = "Nightshift inspection"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Member(_Fact):
    """A node of a pass, as the inventory knew it when the pass began.

    ``replaces`` is the node whose place it took; ``offline`` says that its agent did not answer last time.
    ``ssh`` is where a node without an agent is.
    """

    node_id: str
    name: str
    group: str
    replaces: str = ""
    offline: bool = False
    ssh: Ssh | None = None


class Batch(_Fact):
    """Up to 50 nodes that one command asks.

    ``command_id`` is empty until it was sent (``BY_SSH`` for nodes without an agent); ``reason`` says why it
    could not be.
    """

    pass_id: str
    number: int
    members: tuple[Member, ...]
    command_id: str = ""
    reason: str = ""

    @property
    def comment(self) -> str:
        """What the command carries, so that its end can be matched without a table."""
        return f"{_COMMENT} {self.pass_id} {self.number}"


class Pass(_Fact):
    """How a pass stands. ``collected`` are the numbers of the batches whose answers were read.

    A pass over ``only`` some nodes is a closer look: what it finds counts, and it has no report.
    """

    pass_id: str
    by: str
    group: str = ""
    only: tuple[str, ...] = ()
    started_at: Instant
    deadline_at: Instant
    batches: int
    nodes: int
    skipped: int = 0
    collected: frozenset[int] = frozenset()
    reported_at: Instant | None = None

    @property
    def complete(self) -> bool:
        """Whether every batch was read."""
        return len(self.collected) >= self.batches

    @property
    def is_to_report(self) -> bool:
        """Whether all that it will ever know is there, and waits for its report."""
        return self.complete and not self.reported_at and not self.only


class Row(_Fact):
    """One node of a pass: its answer as the probe printed it, or ``reason``, why there is none."""

    node_id: str
    name: str
    group: str
    reason: str = ""
    line: str = ""

    @classmethod
    def of(cls, member: Member, *, reason: str = "", line: str = "") -> Row:
        """The row of a node: either it answered with a line, or there is a reason."""
        named = member.model_dump(include={"node_id", "name", "group"})
        return cls(**named, reason=reason, line=line)


class Reached(_Fact):
    """What a node without an agent answered: a ``text``, or ``reason``, why there is none."""

    node_id: str
    status: str
    text: str = ""
    reason: str = ""


class Standing(_Fact):
    """A finding that stands: since when, and the newest values. ``cleared_at`` when it is gone.

    ``pushed_at`` is the newest sample that the node pushed, by the node's own clock; empty for none.
    """

    check: str
    held_since: Instant
    cleared_at: Instant | None = None
    samples: tuple[Sample, ...] = ()
    pushed_at: str = ""


def collected(pass_id: str, now: datetime) -> InspectionCollected:
    """The event that a pass can be reported."""
    return InspectionCollected(
        occurred_at=clock.iso(now), traceparent=traceparent(pass_id, "collected"), pass_id=pass_id
    )


def pass_id(at: str, seed: str) -> str:
    """The id of the pass that begins ``at``; the same ``seed`` (an event's id) always names the same pass."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return f"pass-{at[:19].replace('-', '').replace(':', '').replace('T', '-')}-{digest[:6]}"


def batches(pass_id: str, members: Sequence[Member], first: int = 0) -> tuple[Batch, ...]:
    """``members`` in batches of 50, numbered from ``first``."""
    return tuple(
        Batch(pass_id=pass_id, number=first + number, members=tuple(members[start : start + BATCH]))
        for number, start in enumerate(range(0, len(members), BATCH))
    )


def read_comment(comment: str) -> tuple[str, int]:
    """The pass and the batch that a command belongs to; raises Refused ``inspection.unknown_command``."""
    words = comment.removeprefix(_COMMENT).split()
    if not comment.startswith(_COMMENT) or len(words) != 2 or not words[1].isdecimal():  # noqa: PLR2004
        raise Refused("inspection.unknown_command", f"no pass sent a command with the comment {comment!r}")
    return words[0], int(words[1])


def rows_text(rows: Iterable[Row]) -> str:
    """Rows as they are stored."""
    return _ROWS.dump_json(tuple(rows), exclude_defaults=True).decode()


def read_rows(text: str) -> tuple[Row, ...]:
    """Rows as they were stored."""
    return _ROWS.validate_json(text)


def rows_key(pass_id: str, part: int | str) -> str:
    """Where the rows of one batch are in the artifacts bucket."""
    return f"{FOLDER}/{pass_id}/rows/{part}.json"


def answers_key(pass_id: str, number: int) -> str:
    """Where the answers of a batch are that was asked by SSH."""
    return f"{FOLDER}/{pass_id}/answers/{number}.json"


def baseline_key(pass_id: str) -> str:
    """Where a pass leaves what the next one compares with."""
    return f"{FOLDER}/{pass_id}/baseline.json"


def report_key(pass_id: str, kind: str) -> str:
    """Where a pass's report is; ``latest`` for the newest one's copy."""
    return f"{FOLDER}/{pass_id}/report.{kind}"


_ROWS = TypeAdapter(tuple[Row, ...])
