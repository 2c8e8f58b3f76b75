"""Copy the heads of the journal's chains to where nobody can change them, an hour at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import anchors, clock
from nightshift.anchors import Anchor, Head
from nightshift.aws.anchorage import Anchorage
from nightshift.aws.journals import Journals
from nightshift.entry import entry
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """The journal, and the bucket of anchors."""

    journal_table: str
    anchors_bucket: str


@entry(logger)
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Anchor every hour that is over and was not yet; answers them."""
    here = Environment.current()
    hours = anchor(Journals(here.journal_table), Anchorage(here.anchors_bucket), clock.now())
    logger.info("anchored", hours=hours)
    return {"hours": hours}


def anchor(journals: Journals, anchorage: Anchorage, now: datetime) -> list[str]:
    """Two at once write the same; an hour without an entry is anchored too, so that a gap is a gap."""
    kept = []
    for hour in anchors.due(now, anchorage.hours(now)):
        heads: dict[str, Head] = {}
        for chain, seq, digest in journals.written_in(hour):
            if chain not in heads or heads[chain].seq < seq:
                heads[chain] = Head(seq=seq, hash=digest)
        if anchorage.keep(Anchor(hour=hour, heads=heads)):
            kept.append(hour)
    return kept
