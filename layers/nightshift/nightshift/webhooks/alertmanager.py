"""Prometheus Alertmanager: a receiver's ``webhook_configs``, payload version 4.

In ``alertmanager.yml`` the URL is the stack's output ``WebhooksUrl`` with ``/alertmanager``, and
``http_config: { authorization: { credentials_file: ... } }`` names what ``WebhookSecret`` holds. It is sent
as a bearer token and nothing is signed: use TLS (https://prometheus.io/docs/alerting/latest/configuration/).

An alert is about one node and one symptom of the policy, and says so by its labels ``node_id`` (``i-...``)
and ``symptom``; put them on the rule. Alerts without them are another receiver's and mean nothing here.
Each alert is known by its fingerprint and when it started, so that Alertmanager may repeat itself. It is
heard as an alarm is: admission still looks at fresh samples of the symptom before anything is done.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from nightshift import clock
from nightshift.events import SignalCleared, SignalRaised, traceparent
from nightshift.webhooks import Delivery, Shape, parsed, same

DELIVERY = ""
NODE, SYMPTOM, NAME = "node_id", "symptom", "alertname"  # names of labels


class _Alert(Shape):
    """``endsAt`` is in year 1 while it fires; ``startsAt`` stays the same until it is resolved."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    fingerprint: str = Field(pattern=r"^[0-9a-f]{1,32}$")


class _Body(Shape):
    version: Literal["4"]
    alerts: tuple[_Alert, ...]


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare the bearer token in constant time."""
    given = delivery.headers.get("authorization", "")
    same(given, (f"Bearer {one}" for one in secrets), "the bearer token does not match")


def read(delivery: Delivery, now: datetime) -> tuple[SignalRaised | SignalCleared, ...]:
    """A signal for each alert that names a node and a symptom; none is dated after ``now``."""
    body = parsed(_Body, delivery, "payload of Alertmanager's version 4")
    ours = [alert for alert in body.alerts if NODE in alert.labels and SYMPTOM in alert.labels]
    return tuple(_signal(alert, now) for alert in ours)


def _signal(alert: _Alert, now: datetime) -> SignalRaised | SignalCleared:
    began = clock.iso(min(alert.starts_at, now))
    said = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    facts = {
        "subject": alert.labels[NODE][:100],
        "symptom": alert.labels[SYMPTOM][:100],
        "alarm": f"alertmanager:{alert.labels.get(NAME, '')[:80]}:{alert.fingerprint}",
        "reason": f"{alert.labels.get(NAME, 'an alert')} is {alert.status}: {said}"[:900],
    }
    trace = traceparent(f"{facts['subject']}/{facts['alarm']}", began)
    if alert.status == "resolved":
        at = clock.iso(min(alert.ends_at, now))
        return SignalCleared.model_validate({**facts, "occurred_at": at, "traceparent": trace})
    return SignalRaised.model_validate(
        {**facts, "occurred_at": began, "traceparent": trace, "held_since": began}
    )
