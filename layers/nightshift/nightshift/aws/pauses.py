"""The pause of everything, and the journal's chain that says who paused, who resumed, when and why.

Both stand in tables, so a pause outlives every deployment of the stack.
"""

from __future__ import annotations

from datetime import datetime

from nightshift import clock
from nightshift.aws import tables
from nightshift.aws.groups import EVERY_GROUP, Groups
from nightshift.aws.journals import Journals
from nightshift.fleet import GroupState, Pause
from nightshift.journal import GENESIS, Note

CHAIN = "pause"


class Pauses:
    """A pause and its end are each one transaction with the entry that explains them."""

    def __init__(self, groups: Groups, journals: Journals) -> None:
        self._groups = groups
        self._journals = journals

    def begin(self, by: str, why: str, now: datetime) -> Pause | None:
        """Stop all new effects at once; the pause that stands already, if one does, and nothing changes.

        Raises Conflict when somebody else pauses or resumes at this moment.
        """
        state = self._state()
        if state.paused is None:
            pause = Pause(by=by, why=why, at=clock.iso(now))
            self._write(state, pause, now, Note("pause", "nightshift pause", "paused", f"{by}: {why}"))
        return state.paused

    def end(self, by: str, why: str, now: datetime) -> Pause | None:
        """Allow effects again; the pause that this ends, or None when nothing is paused.

        Raises Conflict when somebody else pauses or resumes at this moment.
        """
        state = self._state()
        if state.paused is not None:
            ended = state.paused
            note = Note(
                "pause", "nightshift resume", "resumed", f"{by}: {why}", {"paused": ended.model_dump()}
            )
            self._write(state, None, now, note)
        return state.paused

    @property
    def head(self) -> str:
        """The hash of the chain's last entry, as the state remembers it."""
        return self._state().pause_head

    def _state(self) -> GroupState:
        return self._groups.get(EVERY_GROUP) or GroupState(group=EVERY_GROUP)

    def _write(self, state: GroupState, pause: Pause | None, now: datetime, note: Note) -> None:
        entry = self._journals.link(CHAIN, state.pause_seq + 1, state.pause_head or GENESIS, now, note)
        tables.transact([self._groups.hold(pause, state, entry), self._journals.append(entry)])
