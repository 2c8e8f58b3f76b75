"""The gates table: the newest report of each source about each commit, kept for 90 days."""

from __future__ import annotations

from datetime import timedelta

from nightshift import clock
from nightshift.aws import tables
from nightshift.errors import Conflict
from nightshift.gate import Report

KEPT = timedelta(days=90)


class Gates:
    """By commit and source."""

    def __init__(self, table: str) -> None:
        self._table = table

    def record(self, report: Report) -> bool:
        """Store a report; False when a newer one (or this) is known. Of two at once a no counts."""
        facts = report.model_dump(exclude={"commit"})
        names = {f"#{name}": name for name in facts}
        values: dict[str, object] = {f":{name}": value for name, value in facts.items()}
        values |= {":end": int((clock.parse(report.at) + KEPT).timestamp()), ":no": "failed"}
        write = tables.update(
            "gate",
            self._table,
            {"commit": report.commit, "source": report.source},
            f"SET {', '.join(f'#{name} = :{name}' for name in facts)}, expires_at = :end",
            values,
            condition="attribute_not_exists(#at) OR #at < :at"
            " OR (#at = :at AND :verdict = :no AND #verdict <> :no)",
            names=names,
        )
        try:
            tables.write(write)
        except Conflict:
            return False
        return True

    def of_commit(self, commit: str) -> tuple[Report, ...]:
        """What each source said last, read consistently."""
        found = tables.pages(
            "query",
            TableName=self._table,
            KeyConditionExpression="#commit = :commit",
            ExpressionAttributeNames={"#commit": "commit"},
            ExpressionAttributeValues=tables.values({":commit": commit}),
            ConsistentRead=True,
        )
        return tuple(Report.model_validate(item) for item in found)
