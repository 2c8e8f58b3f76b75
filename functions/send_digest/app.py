"""Once a day: tell those who want to read it what healed by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, digest
from nightshift.aws import tables
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.settings import Settings

logger = Logger()
MOST = 2_000  # incidents that are looked at


class Environment(Settings):
    """The incidents, and what pages are sent with."""

    incidents_table: str
    journal_table: str
    policies_table: str
    deliveries_table: str
    pages_topic_arn: str
    notify_secrets: str
    local_channels: str


@entry(logger)
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Send the digest of the day before; answers which channels took it."""
    sent = send(clock.now())
    logger.info("digest", sent=sent)
    return {"sent": sent}


def send(now: datetime) -> list[str]:
    """Nothing where nothing healed, or where the policy names nobody under ``notify.digest``.

    A channel that does not take it is tried again by the sweep of pages, as for any page.
    """
    stores = Stores.of(Environment)
    _, policy = stores.policies.current()
    page = digest.compose(stores.incidents.listing("healed", MOST), now) if policy.notify.digest else None
    if page is None:
        return []
    return stores.pager.send(page, "", now, lambda _, delivery: tables.write(delivery)).now
