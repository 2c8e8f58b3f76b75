"""Changing what many write at once: read it, ask what is to change, write; again when another was first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from nightshift.aws.tables import Write
from nightshift.errors import Conflict
from nightshift.journal import Note

S = TypeVar("S")


class Amending(ABC, Generic[S]):
    """A table each of whose items has a journal, and a version that every write is conditioned on."""

    tries = 8  # many nodes of one batch may end at the same moment

    @abstractmethod
    def get(self, subject_id: str, /) -> S:
        """One of them, read consistently."""

    @abstractmethod
    def record(self, subject: S, at: datetime, note: Note, /, *more: Write, **changes: object) -> S:
        """Change it and append ``note``, with ``more`` in the same transaction; or raise Conflict."""

    def amend(
        self,
        subject_id: str,
        at: datetime,
        change: Callable[[S], tuple[Note, Mapping[str, object]] | None],
        /,
        *more: Write,
    ) -> S:
        """Read, ask ``change`` for a note and new values, record them; again when another writer was first.

        ``change`` answers None when nothing is needed; ``more`` is written with it. Raises Conflict after
        ``tries`` lost races.
        """
        for attempt in range(1, self.tries + 1):
            subject = self.get(subject_id)
            wanted = change(subject)
            if wanted is None:
                return subject
            note, values = wanted
            try:
                return self.record(subject, at, note, *more, **values)
            except Conflict:
                if attempt == self.tries:
                    raise
        raise AssertionError("unreachable: the loop returns or raises")
