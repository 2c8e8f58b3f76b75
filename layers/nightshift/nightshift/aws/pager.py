"""Sends a page to every channel that has not had it, and remembers which have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from nightshift import clock
from nightshift.aws import channels
from nightshift.aws.deliveries import Deliveries
from nightshift.aws.policies import Policies
from nightshift.aws.tables import Write
from nightshift.errors import NightshiftError
from nightshift.pages import Page

logger = Logger(child=True)
KEPT = timedelta(days=90)


@dataclass
class Sent:
    """What became of a page: channels that had it before, that took it now, and why others did not."""

    before: list[str] = field(default_factory=list)
    now: list[str] = field(default_factory=list)
    failures: list[NightshiftError] = field(default_factory=list)


@dataclass(frozen=True)
class Pager:
    """SNS first, then the policy's webhooks; a dead channel never holds up the others."""

    deliveries: Deliveries
    policies: Policies
    topic_arn: str

    def send(self, page: Page, now: datetime, record: Callable[[str, Write], object]) -> Sent:
        """Try every channel once; failures are returned, not raised.

        ``record`` is told of each delivery at once, with the write that remembers it: a function that
        dies at a later channel has not forgotten this one.
        """
        sent = Sent()
        for channel, deliver in self._channels(page).items():
            if self.deliveries.done(page.key, channel):
                sent.before.append(channel)
                continue
            try:
                deliver()
            except NightshiftError as error:
                logger.warning(
                    "a channel did not take the page", channel=channel, code=error.code, reason=error.message
                )
                sent.failures.append(error)
                continue
            end = int((now + KEPT).timestamp())
            record(channel, self.deliveries.remember(page.key, channel, clock.iso(now), end))
            sent.now.append(channel)
        return sent

    def _channels(self, page: Page) -> dict[str, Callable[[], None]]:
        """Every channel by a name that gives no secret away: webhooks have numbers, as a URL may be one."""
        _, policy = self.policies.current()
        found: dict[str, Callable[[], None]] = {
            "sns": lambda: channels.publish(self.topic_arn, page.title, page.body)
        }
        for number, url in enumerate(policy.notify.webhooks, start=1):
            found[f"webhook-{number}"] = lambda url=url: channels.post(str(url), page.payload())  # type: ignore[misc]
        return found
