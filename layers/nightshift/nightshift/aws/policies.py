"""The policies table: immutable versions, and the pointer to the current one that everything else reads."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from nightshift import policy_provenance
from nightshift.aws import tables
from nightshift.errors import Conflict, Permanent
from nightshift.policy import Policy
from nightshift.policy_provenance import Provenance

CURRENT = "current"


class Refusal(BaseModel):
    """What was refused last, when first, and why; ``policy_version`` names the texts that were read."""

    model_config = ConfigDict(frozen=True)
    policy_version: str
    code: str
    reason: str
    at: str


class Pointer(BaseModel):
    """Which version is in force since when, which sources have a say in it, and what was refused since.

    ``untold`` is what it alters, in words, until that was published.
    """

    model_config = ConfigDict(frozen=True)
    points_to: str = ""
    adopted_at: str = ""
    sources: tuple[str, ...] = ()
    refused: Refusal | None = None
    untold: str = ""


class Policies:
    """Reads are consistent, so that a policy holds from the next decision on."""

    def __init__(self, table: str) -> None:
        self._table = table

    def current(self) -> tuple[str, Policy]:
        """The version and the policy in force; raises Permanent ``policy.none`` before the first one."""
        version = self.version()
        return version, Policy.model_validate_json(self._item(version)["document"])

    def provenance(self) -> Provenance:
        """Who said what about each value of the policy in force; empty for one adopted without."""
        return policy_provenance.loaded(self._item(self.version()).get("provenance", "{}"))

    def version(self) -> str:
        """The version in force; empty before the first one."""
        return self.pointer().points_to

    def pointer(self) -> Pointer:
        """What is in force; an empty one before the first policy."""
        return Pointer.model_validate(tables.get(self._table, {"policy_version": CURRENT}) or {})

    def adopt(
        self,
        pointer: Pointer,
        policy: Policy,
        provenance: Provenance,
        *,
        replaces: Pointer,
    ) -> None:
        """Store an immutable version and point to it; what was refused before is over.

        Raises Conflict when another version than ``replaces`` is in force by now.
        """
        item = {
            "policy_version": pointer.points_to,
            "document": policy.model_dump_json(),
            "provenance": policy_provenance.dumped(provenance),
            "adopted_at": pointer.adopted_at,
        }
        with suppress(Conflict):  # the same texts were adopted before; only the pointer moves
            tables.write(tables.put("policy", self._table, item, unless="policy_version"))
        self._point(pointer, replaces)

    def refuse(self, pointer: Pointer, refused: Refusal) -> None:
        """Remember what was refused while ``pointer`` is in force.

        Raises Conflict when another version is in force by now.
        """
        self._point(pointer.model_copy(update={"refused": refused}), pointer)

    def settle(self, pointer: Pointer) -> None:
        """Remember that ``pointer`` is in force and told, and nothing is refused any more.

        Raises Conflict when another version is in force by now.
        """
        self._point(pointer.model_copy(update={"refused": None, "untold": ""}), pointer)

    def _point(self, pointer: Pointer, read: Pointer) -> None:
        """Of two looks at the same time, the one that read first must not put an older policy back."""
        item = {"policy_version": CURRENT, **pointer.model_dump(mode="json", exclude_none=True)}
        write = tables.put("policy", self._table, item)
        condition = {
            "ConditionExpression": "attribute_not_exists(points_to) OR points_to = :read",
            "ExpressionAttributeValues": tables.values({":read": read.points_to}),
        }
        tables.write(replace(write, request={**write.request, **condition}))

    def _item(self, version: str) -> dict[str, str]:
        item = tables.get(self._table, {"policy_version": version}) if version else None
        if item is None:
            raise Permanent("policy.none", "no policy was adopted yet; nothing is acted upon without one")
        return item
