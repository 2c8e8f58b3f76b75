"""The commands table: each command's head, changed with its journal entry, and a row for every node of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from nightshift import clock, journal
from nightshift.aws import tables
from nightshift.aws.amending import Amending
from nightshift.aws.journals import Journals
from nightshift.aws.tables import Write
from nightshift.errors import Conflict, Permanent
from nightshift.fleet_command import FleetCommand, Row, Status
from nightshift.journal import GENESIS, Note

HEAD = "#"  # the head's place among the rows, before every node
KEPT_SECONDS = 30 * 86_400


class FleetCommands(Amending[FleetCommand]):
    """Reads are consistent. Counts are a look of one moment, for people: the journal does not have them."""

    def __init__(self, table: str, journals: Journals) -> None:
        self._table, self._journals = table, journals

    def find(self, command_id: str) -> FleetCommand | None:
        """The command, or None."""
        item = tables.get(self._table, self._key(command_id))
        return FleetCommand.model_validate(item) if item else None

    def get(self, command_id: str) -> FleetCommand:
        """The command; raises Permanent ``run.unknown``."""
        found = self.find(command_id)
        if found is None:
            raise Permanent("run.unknown", f"there is no command {command_id}")
        return found

    def create(self, command: FleetCommand, rows: Iterable[Row], at: datetime, note: Note) -> bool:
        """Store a new command, its rows first; False when it is known already."""
        if self.find(command.command_id):
            return False
        self.save(rows, at)
        entry = journal.link(command.command_id, 1, GENESIS, at, note)
        stored = command.model_copy(update={"version": 1, "seq": 1, "head": entry.hash})
        try:
            tables.transact(
                [
                    tables.put("command", self._table, self._item(stored), unless="command_id"),
                    self._journals.append(entry),
                ]
            )
        except Conflict:
            return False
        return True

    def save(self, rows: Iterable[Row], at: datetime) -> None:
        """Store rows as they are now, whatever stood there."""
        expires = int(at.timestamp()) + KEPT_SECONDS
        items = (
            row.model_dump(mode="json", exclude_none=True) | {"node": row.node_id, "expires_at": expires}
            for row in rows
        )
        tables.put_all(self._table, items)

    def rows(self, command_id: str) -> list[Row]:
        """Every node of a command."""
        found = tables.pages(
            "query",
            TableName=self._table,
            KeyConditionExpression="command_id = :command AND node > :head",
            ExpressionAttributeValues=tables.values({":command": command_id, ":head": HEAD}),
            ConsistentRead=True,
        )
        return [Row.model_validate(item) for item in found]

    def count(self, command_id: str, counts: Mapping[Status, int]) -> FleetCommand:
        """Say how many nodes are in each status; answers the command, with what was asked of it meanwhile."""
        item = tables.write(
            tables.update(
                "command",
                self._table,
                self._key(command_id),
                "SET #counts = :counts",
                {":counts": dict(counts)},
                condition="attribute_exists(command_id)",
                names={"#counts": "counts"},
            )
        )
        return FleetCommand.model_validate(item)

    def record(
        self, command: FleetCommand, at: datetime, note: Note, /, *more: Write, **changes: object
    ) -> FleetCommand:
        """Change ``command`` and append ``note``, with ``more`` in the same transaction; or Conflict."""
        entry = journal.link(command.command_id, command.seq + 1, command.head, at, note)
        values = {**changes, "version": command.version + 1, "seq": entry.seq, "head": entry.hash}
        changed = command.model_copy(update=values)
        item = tables.update(
            "command",
            self._table,
            self._key(command.command_id),
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            {f":{name}": value for name, value in values.items()} | {":read": command.version},
            condition="version = :read",
            names={f"#{name}": name for name in values},
        )
        tables.transact([item, self._journals.append(entry), *more])
        return changed

    def newest(self, limit: int) -> Iterator[FleetCommand]:
        """The commands that were begun last, by the index; for people."""
        for item in tables.newest(self._table, "by_created", "node", HEAD, limit):
            yield FleetCommand.model_validate(item)

    def _key(self, command_id: str) -> dict[str, object]:
        return {"command_id": command_id, "node": HEAD}

    def _item(self, command: FleetCommand) -> dict[str, object]:
        expires = int(clock.parse(command.created_at).timestamp()) + KEPT_SECONDS
        return command.model_dump(mode="json", exclude_none=True) | {"node": HEAD, "expires_at": expires}
