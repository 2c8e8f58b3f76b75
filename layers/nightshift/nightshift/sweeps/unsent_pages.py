"""A page that somebody misses, or that was never sent.

A channel may be dead for longer than anybody retries; the event that a person must be paged may be lost.
Found: stored pages that are due again; and incidents escalated, or deployments ended, within a day for which
no page was ever stored. Done: ``notify`` is handed the page, or the event that was lost. It sends to the
channels that have nothing, after two minutes, then ever more seldom, for a day.

An incident that a person ended by a denial is not paged: they know.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from nightshift import clock, deployment_page
from nightshift.aws import functions
from nightshift.aws.stores import Stores
from nightshift.events import SOURCE
from nightshift.sweeps import MARGIN_SECONDS, Here

PERMISSIONS = ("dynamodb:GetItem", "dynamodb:Query", "lambda:InvokeFunction")
LATEST = timedelta(days=1)  # what ended before is no news
NEWEST = 10  # deployments of a group


def run(stores: Stores, here: Here, now: datetime) -> list[str]:
    """Hand over what is due and what was never sent; a sentence for each."""
    said = []
    for key in stores.outbox.due(now):
        functions.hand(here.notify_function, {"page": key})
        said.append(f"the page {key} is missed by a channel; notify is told")
    for key, name, detail in (*_incidents(stores, now), *_deployments(stores, now)):
        if stores.outbox.find(key) is None:
            functions.hand(here.notify_function, {"source": SOURCE, "detail-type": name, "detail": detail})
            said.append(f"the page {key} was never sent; notify is told")
    return said


def _incidents(stores: Stores, now: datetime) -> Iterator[tuple[str, str, dict[str, str]]]:
    for one in stores.incidents.listing("escalated", limit=1_000):
        knows = one.approval is not None and one.approval.decision == "denied"
        if _is_news(one.closed_at, now) and not knows:
            detail = {"incident_id": one.incident_id, "reason": one.reason}
            yield one.storm or one.incident_id, "IncidentEscalated", detail


def _deployments(stores: Stores, now: datetime) -> Iterator[tuple[str, str, dict[str, str]]]:
    _, policy = stores.policies.current()
    for group in sorted({group for app in policy.apps.values() for group in app.groups}):
        for one in stores.deployments.of_group(group, NEWEST):
            name, app = f"Deployment{one.state}", policy.apps.get(one.app)
            told = deployment_page.concerns(one, name, app.announce if app else ())
            if told and _is_news(one.closed_at, now):
                yield deployment_page.compose(one).key, name, {"deployment_id": one.deployment_id}


def _is_news(closed_at: str | None, now: datetime) -> bool:
    return closed_at is not None and (
        clock.iso(now - LATEST) < closed_at < clock.iso(now - clock.seconds(MARGIN_SECONDS))
    )
