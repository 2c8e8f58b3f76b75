"""The groups table: what a group should run, who is ill in it, its storm, and the pause of everything."""

from __future__ import annotations

from nightshift.aws import tables
from nightshift.aws.leases import Leases
from nightshift.aws.tables import Write
from nightshift.errors import Conflict
from nightshift.fleet import GroupState, Pause, Release, Storm
from nightshift.journal import Entry

EVERY_GROUP = "*"


class Groups(Leases):
    """The groups: what they should run, who holds which node, and whether they are paused."""

    def get(self, group: str) -> GroupState | None:
        """The group, read consistently."""
        item = tables.get(self._table, {"group": group})
        return GroupState.model_validate(item) if item else None

    def ensure(self, group: str, app: str, auto_scaling_group: str) -> None:
        """Make sure that the group's item exists."""
        state = GroupState(group=group, app=app, auto_scaling_group=auto_scaling_group)
        item = state.model_dump(mode="json", exclude_none=True, exclude={"drained"})  # a set is never empty
        try:
            tables.write(tables.put("group", self._table, item, unless="group"))
        except Conflict:
            return

    def pause(self) -> Pause | None:
        """The pause of everything, if there is one."""
        state = self.get(EVERY_GROUP)
        return state.paused if state else None

    def hold(self, pause: Pause | None, read: GroupState, entry: Entry) -> Write:
        """The write that stops all new effects, or allows them again; it loses if ``read`` is not the last.

        ``entry`` explains it, and is the new head of the pauses' chain.
        """
        setting = "SET pause_seq = :seq, pause_head = :head"
        arguments: dict[str, object] = {":seq": entry.seq, ":head": entry.hash, ":read": read.pause_head}
        if pause:
            arguments[":pause"] = pause.model_dump()
        return tables.update(
            "pause",
            self._table,
            {"group": EVERY_GROUP},
            f"{setting}, paused = :pause" if pause else f"{setting} REMOVE paused",
            arguments,
            condition="attribute_not_exists(pause_head) OR pause_head = :read",
        )

    def not_paused(self) -> Write:
        """The condition that nobody paused Nightshift, for the transaction that records an intent."""
        return tables.update(
            "pause", self._table, {"group": EVERY_GROUP}, "", {}, condition="attribute_not_exists(paused)"
        )

    def strike(self, group: str, subject: str, incident_id: str) -> Write:
        """The write that strikes a subject off the group's ill ones; it loses to another incident."""
        return tables.update(
            "roll",
            self._table,
            {"group": group},
            "REMOVE troubled.#subject",
            {":incident": incident_id},
            condition="troubled.#subject = :incident",
            names={"#subject": subject},
        )

    def enroll(self, group: str, subject: str, incident_id: str) -> Write:
        """The write that counts a subject among the group's ill ones, as long as its incident is open."""
        return tables.update(
            "roll",
            self._table,
            {"group": group},
            "SET troubled.#subject = :incident",
            {":incident": incident_id},
            condition="attribute_exists(#group)",
            names={"#group": "group", "#subject": subject},
        )

    def weather(self, group: str, before: Storm | None, after: Storm | None) -> Write:
        """The write by which a storm begins, calms, rages again or ends; it loses if it was changed."""
        told = {":before": before.model_dump(exclude_none=True)} if before else {}
        told |= {":after": after.model_dump(exclude_none=True)} if after else {}
        return tables.update(
            "storm",
            self._table,
            {"group": group},
            "SET storm = :after" if after else "REMOVE storm",
            told,
            condition="storm = :before" if before else "attribute_not_exists(storm)",
        )

    def desire(self, group: str, release: Release) -> None:
        """Set the release that every node of a group should run."""
        tables.write(
            tables.update(
                "release",
                self._table,
                {"group": group},
                "SET desired_release = :release",
                {":release": release.model_dump()},
                condition="attribute_exists(#group)",
                names={"#group": "group"},
            )
        )
