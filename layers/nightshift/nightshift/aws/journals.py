"""The journal table: append inside a transaction, read a chain in order."""

from __future__ import annotations

from collections.abc import Iterator

from nightshift.anchors import hour_of
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
        item["hour"] = hour_of(str(entry.content["at"]))
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

    def written_in(self, hour: str) -> Iterator[tuple[str, int, str]]:
        """Chain, position and hash of every entry of an hour (``2026-11-23T03``), by the index."""
        for item in tables.pages(
            "query",
            TableName=self._table,
            IndexName="by_hour",
            KeyConditionExpression="#hour = :hour",
            ExpressionAttributeNames={"#hour": "hour"},
            ExpressionAttributeValues=tables.values({":hour": hour}),
        ):
            yield item["chain"], int(item["seq"]), item["hash"]
