"""The policies table: immutable versions, and the pointer to the current one that everything else reads."""

from __future__ import annotations

from contextlib import suppress

from nightshift.aws import tables
from nightshift.errors import Conflict, Permanent
from nightshift.policy import Policy

CURRENT = "current"


class Policies:
    """Reads are consistent, so that a policy holds from the next decision on."""

    def __init__(self, table: str) -> None:
        self._table = table

    def current(self) -> tuple[str, Policy]:
        """The version and the policy in force; raises Permanent ``policy.none`` before the first one."""
        version = self.version()
        item = tables.get(self._table, {"policy_version": version}) if version else None
        if item is None:
            raise Permanent("policy.none", "no policy was adopted yet; nothing is acted upon without one")
        return version, Policy.model_validate_json(item["document"])

    def version(self) -> str:
        """The version in force; empty before the first one."""
        pointer = tables.get(self._table, {"policy_version": CURRENT})
        return str(pointer["points_to"]) if pointer else ""

    def adopt(self, version: str, policy: Policy, at: str) -> None:
        """Store an immutable version and point to it."""
        item = {"policy_version": version, "document": policy.model_dump_json(), "adopted_at": at}
        with suppress(Conflict):  # the same text was adopted before; only the pointer moves
            tables.write(tables.put("policy", self._table, item, unless="policy_version"))
        tables.write(
            tables.put(
                "policy", self._table, {"policy_version": CURRENT, "points_to": version, "adopted_at": at}
            )
        )
