"""The gates table: the newest report of each gate about each commit, kept for 90 days."""

from __future__ import annotations

from datetime import timedelta

from nightshift import clock
from nightshift.aws import tables
from nightshift.errors import Conflict
from nightshift.gate import Report

KEPT = timedelta(days=90)


class Gates:
    """By commit and gate."""

    def __init__(self, table: str) -> None:
        self._table = table

    def record(self, report: Report) -> bool:
        """Store a report; False when a newer one (or this) is known."""
        facts = report.model_dump()
        values: dict[str, object] = {f":{name}": facts[name] for name in ("verdict", "url", "at")}
        values[":end"] = int((clock.parse(report.at) + KEPT).timestamp())
        write = tables.update(
            "gate",
            self._table,
            {"commit": report.commit, "gate": report.gate},
            "SET verdict = :verdict, #url = :url, #at = :at, expires_at = :end",
            values,
            condition="attribute_not_exists(#at) OR #at < :at",
            names={"#url": "url", "#at": "at"},
        )
        try:
            tables.write(write)
        except Conflict:
            return False
        return True

    def of_commit(self, commit: str) -> dict[str, Report]:
        """What each gate said last, by gate, read consistently."""
        found = tables.pages(
            "query",
            TableName=self._table,
            KeyConditionExpression="#commit = :commit",
            ExpressionAttributeNames={"#commit": "commit"},
            ExpressionAttributeValues=tables.values({":commit": commit}),
            ConsistentRead=True,
        )
        return {item["gate"]: Report.model_validate(item) for item in found}
