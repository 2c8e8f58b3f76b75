"""The releases table: every built release of an app, and how each fared in each group."""

from __future__ import annotations

from nightshift.aws import tables
from nightshift.aws.tables import Write
from nightshift.errors import Conflict
from nightshift.releases import Built, Standing


class Releases:
    """By app and version; a version is built once."""

    def __init__(self, table: str) -> None:
        self._table = table

    def get(self, app: str, version: str) -> Built | None:
        """One release, read consistently."""
        item = tables.get(self._table, {"app": app, "version": version})
        return Built.model_validate(item) if item else None

    def add(self, release: Built) -> None:
        """Note a release that was built; one that is known keeps how it fared."""
        item = release.model_dump(mode="json", exclude_none=True)
        try:
            tables.write(tables.put("release", self._table, item, unless="app"))
        except Conflict:
            return

    def of_app(self, app: str) -> list[Built]:
        """Every release of an app, the oldest version first."""
        found = tables.pages(
            "query",
            TableName=self._table,
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues=tables.values({":app": app}),
            ConsistentRead=True,
        )
        return [Built.model_validate(item) for item in found]

    def stand(self, app: str, version: str, group: str, standing: Standing) -> Write:
        """The write that says how a release fares in a group from now on."""
        return tables.update(
            "standing",
            self._table,
            {"app": app, "version": version},
            "SET standings.#group = :standing",
            {":standing": standing.model_dump()},
            condition="attribute_exists(app)",
            names={"#group": group},
        )
