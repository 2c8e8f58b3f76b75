"""The inspections table: each pass, its batches, which passes run, and what stands about each node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from nightshift import clock
from nightshift.aws import tables
from nightshift.errors import Conflict, Permanent
from nightshift.passes import Batch, Pass, Standing

RUNNING, LATEST = "running", "latest"
KEPT_SECONDS = 30 * 86_400  # passes and batches are history after that; reports are in the bucket


class Inspections:
    """Reads are consistent. A pass is stored after its batches, so that a stored pass is a whole one."""

    def __init__(self, table: str) -> None:
        self._table = table

    def begin(self, began: Pass, batches: Iterable[Batch]) -> bool:
        """Store a new pass with its batches; False when it was begun before."""
        known = self.find(began.pass_id)
        if known:
            self._run(known)
            return False
        expires = self._expires(began.started_at)
        for batch in batches:
            item = batch.model_dump(mode="json") | {"inspection_id": _batch(began.pass_id, batch.number)}
            tables.write(tables.put("batch", self._table, item | expires))
        item = began.model_dump(mode="json", exclude_none=True, exclude={"collected"})
        try:
            tables.write(
                tables.put(
                    "pass",
                    self._table,
                    item | expires | {"inspection_id": began.pass_id},
                    unless="inspection_id",
                )
            )
        except Conflict:
            return False
        self._run(began)
        return True

    def find(self, pass_id: str) -> Pass | None:
        """The pass, or None."""
        item = tables.get(self._table, {"inspection_id": pass_id})
        return Pass.model_validate(item) if item else None

    def get(self, pass_id: str) -> Pass:
        """The pass; raises Permanent ``inspection.unknown``."""
        found = self.find(pass_id)
        if found is None:
            raise Permanent("inspection.unknown", f"there is no pass {pass_id}")
        return found

    def batch(self, pass_id: str, number: int) -> Batch:
        """One batch; raises Permanent ``inspection.unknown``."""
        item = tables.get(self._table, {"inspection_id": _batch(pass_id, number)})
        if item is None:
            raise Permanent("inspection.unknown", f"{pass_id} has no batch {number}")
        return Batch.model_validate(item)

    def sent(self, batch: Batch) -> None:
        """Remember the command that a batch was sent with, or why it could not be."""
        tables.write(
            tables.update(
                "batch",
                self._table,
                {"inspection_id": _batch(batch.pass_id, batch.number)},
                "SET command_id = :command, reason = :reason",
                {":command": batch.command_id, ":reason": batch.reason},
            )
        )

    def collected(self, pass_id: str, number: int) -> Pass:
        """A batch was read; the pass after that. Saying it twice changes nothing."""
        after = tables.write(
            tables.update(
                "pass",
                self._table,
                {"inspection_id": pass_id},
                "ADD collected :number",
                {":number": {number}},
            )
        )
        return Pass.model_validate(after)

    def latest(self) -> str:
        """The last pass over the whole fleet that left a baseline; empty before the first."""
        item = tables.get(self._table, {"inspection_id": LATEST})
        return str(item["pass_id"]) if item else ""

    def reported(self, pass_id: str, at: datetime, *, baseline: bool) -> None:
        """The pass has its report and runs no more; with ``baseline`` the next one is compared with it."""
        if baseline:
            item = {"inspection_id": LATEST, "pass_id": pass_id}
            tables.write(tables.put("latest", self._table, item))
        tables.write(
            tables.update(
                "pass",
                self._table,
                {"inspection_id": pass_id},
                "SET reported_at = :at",
                {":at": clock.iso(at)},
            )
        )
        tables.write(
            tables.update(
                "running",
                self._table,
                {"inspection_id": RUNNING},
                "REMOVE #pass",
                {},
                names={"#pass": pass_id},
            )
        )

    def running(self) -> dict[str, str]:
        """The passes without a report, and when each must be over."""
        item = tables.get(self._table, {"inspection_id": RUNNING}) or {}
        return {name: str(deadline) for name, deadline in item.items() if name != "inspection_id"}

    def standing(self, node_ids: Iterable[str]) -> dict[str, dict[str, Standing]]:
        """What stands about nodes, by node and symptom; only nodes with a finding."""
        keys = [{"inspection_id": _node(node_id)} for node_id in node_ids]
        return {
            str(item["node_id"]): {
                name: Standing.model_validate(one) for name, one in item["standing"].items()
            }
            for item in tables.several(self._table, keys)
        }

    def stand(self, node_id: str, standing: Mapping[str, Standing], at: datetime) -> None:
        """Write down what stands about a node from now on; it is evidence, and forgotten when it is old."""
        item = {
            "inspection_id": _node(node_id),
            "node_id": node_id,
            "standing": {name: one.model_dump(mode="json") for name, one in standing.items()},
        }
        tables.write(tables.put("standing", self._table, item | self._expires(clock.iso(at))))

    def _run(self, one: Pass) -> None:
        """A closer look holds up no pass, and nobody misses it: one that is lost is followed by another."""
        if one.only or one.reported_at:
            return
        tables.write(
            tables.update(
                "running",
                self._table,
                {"inspection_id": RUNNING},
                "SET #pass = :deadline",
                {":deadline": one.deadline_at},
                names={"#pass": one.pass_id},
            )
        )

    @staticmethod
    def _expires(at: str) -> dict[str, object]:
        return {"expires_at": int(clock.parse(at).timestamp()) + KEPT_SECONDS}


def _batch(pass_id: str, number: int) -> str:
    return f"{pass_id}#{number}"


def _node(node_id: str) -> str:
    return f"node#{node_id}"
