"""Keep what a gate said of a commit, for the deployments that ask."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import envelopes
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.events import GateReported
from nightshift.gate import Report
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """The table of reports."""

    gates_table: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Keep it, unless a newer report is known; answers whether."""
    told = envelopes.detail(GateReported, event)
    report = Report(**told.model_dump(include=set(Report.model_fields)), at=told.occurred_at)
    kept = Stores.of(Environment).gates.record(report)
    logger.info("gate", commit=told.commit, gate=told.gate, verdict=told.verdict, kept=kept)
    return {"kept": kept}
