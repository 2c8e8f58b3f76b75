"""Look where branches point to, and publish the pushes that no webhook told of."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock
from nightshift.aws import secrets, tables
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.errors import Permanent, Refused, Retryable
from nightshift.events import CodePushed, traceparent
from nightshift.policy_apps import App
from nightshift.settings import Settings
from nightshift_git import repository
from nightshift_git.repository import Remote

logger = Logger()
SEEN = "head"
KEPT = timedelta(days=400)


class Environment(Settings):
    """The bus, what was deployed, which heads were seen, and below what name Git's credentials stand."""

    bus_name: str
    deployments_table: str
    journal_table: str
    deliveries_table: str
    policies_table: str
    git_secrets: str


@entry(logger)
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Look at every app's branch; answers what was published and which could not be read."""
    found, failed = find(clock.now())
    logger.info("looked", found=found, failed=failed)
    if failed:
        raise Retryable("push.unseen", "; ".join(f"{app}: {reason}" for app, reason in failed.items()))
    return {"found": found}


def find(now: datetime) -> tuple[list[str], dict[str, str]]:
    """The apps whose branch moved unheard, and why others could not be looked at; one never stops another."""
    _, policy = Stores.of(Environment).policies.current()
    found: list[str] = []
    failed: dict[str, str] = {}
    for name, app in sorted(policy.apps.items()):
        if app.deploy_on == "release":  # a release has an event of its own, and no head to look at
            continue
        try:
            if look(name, app, now):
                found.append(name)
        except (Permanent, Refused, Retryable) as error:
            logger.warning("a branch cannot be read", app=name, code=error.code, reason=error.message)
            failed[name] = error.message
    return found, failed


def look(name: str, app: App, now: datetime) -> bool:
    """Whether a push was missed and is published now.

    The first look at an app only remembers its head: what stood there before Nightshift came is no push. A
    head is published once (start_deployment knows it by its name), and remembered after that.
    """
    stores = Stores.of(Environment)
    remote = Remote(app.repository, *secrets.login(Environment.current().git_secrets, app.credentials))
    head = repository.head(remote, f"refs/heads/{app.branch}")
    seen = f"{name}/{app.branch}"
    if stores.deliveries.done(f"{seen}/{head}", SEEN):
        return False
    known = stores.deliveries.done(seen, SEEN)
    deployed = any(one.commit == head for group in app.groups for one in stores.deployments.of_group(group))
    missed = known and not deployed
    if missed:
        stores.bus.publish(_push(app, head, now))
    end = int((now + KEPT).timestamp())
    remembered = (seen, f"{seen}/{head}")
    tables.transact([stores.deliveries.remember(one, SEEN, clock.iso(now), end) for one in remembered])
    return missed


def _push(app: App, head: str, now: datetime) -> CodePushed:
    """The event as a webhook would have told it, but for who pushed."""
    delivery = hashlib.sha256(f"{app.repository}|{app.branch}|{head}".encode()).hexdigest()
    return CodePushed(
        occurred_at=clock.iso(now),
        traceparent=traceparent(delivery, "push"),
        provider="find_pushes",
        repositories=(app.repository,),
        ref=f"refs/heads/{app.branch}",
        commit=head,
        author="somebody whom no webhook named",
        message="",
        delivery=delivery,
    )
