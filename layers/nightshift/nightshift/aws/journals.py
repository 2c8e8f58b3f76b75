"""The journal table: append inside a transaction, read a chain in order."""

from __future__ import annotations

from collections.abc import Iterator

from nightshift.aws import tables
from nightshift.aws.tables import Write
from nightshift.journal import Entry


class Journals:
    """Every chain of the stack; an entry is never changed and never expires."""

    def __init__(self, table: str) -> None:
        self._table = table

    def append(self, entry: Entry) -> Write:
        """The write that appends ``entry``; it loses if the position is taken."""
        item = {"chain": entry.chain, "seq": entry.seq, "entry": entry.text, "hash": entry.hash}
        return tables.put("journal", self._table, item, unless="chain")

    def read(self, chain: str) -> Iterator[Entry]:
        """The entries of ``chain``, the oldest first."""
        for item in tables.pages(
            "query",
            TableName=self._table,
            KeyConditionExpression="chain = :chain",
            ExpressionAttributeValues=tables.values({":chain": chain}),
            ConsistentRead=True,
        ):
            yield Entry(item["chain"], item["seq"], item["entry"], item["hash"])
