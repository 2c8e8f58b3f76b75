"""The journal table: append inside a transaction, read a chain in order.

What a decision was given stands in its entry up to ``INLINE`` bytes. More of it is an object in the artifacts
bucket, named by its SHA-256, which the entry holds; it is written before the entry is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from nightshift import journal
from nightshift.anchors import hour_of
from nightshift.aws import artifacts, tables
from nightshift.aws.tables import Write
from nightshift.journal import Entry, Note

INLINE = 16_384  # bytes of one decision's inputs
FOLDER = "journal"


class Journals:
    """Every chain of the stack; an entry is never changed and never expires."""

    def __init__(self, table: str, bucket: str = "") -> None:
        self._table, self._bucket = table, bucket

    def link(self, chain: str, seq: int, previous: str, at: datetime, note: Note) -> Entry:
        """The entry that follows ``previous``, its large inputs kept apart already.

        A function that was told no bucket keeps them in the entry, whatever their size.
        """
        if self._bucket:
            note, large = note.lightened(INLINE)
            for text in large:
                artifacts.keep(self._bucket, key_of(journal.digest(text)), text)
        return journal.link(chain, seq, previous, at, note)

    def given(self, sha256: str) -> str | None:
        """Inputs that are kept apart; None when they are gone."""
        return artifacts.find(self._bucket, key_of(sha256))

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


def key_of(sha256: str) -> str:
    """Where inputs with this SHA-256 are in the artifacts bucket."""
    return f"{FOLDER}/{sha256}.json"
