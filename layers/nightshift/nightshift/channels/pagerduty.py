"""PagerDuty, Events API v2: an alert that rings, and is resolved by itself when it is over.

The secret holds the routing key of a service's integration "Events API V2" (32 characters). Another service
region is the channel's ``url`` (https://events.eu.pagerduty.com). The page's key is the alert's: whatever
is retried is one alert. Limits: 255 characters of key, 1,024 of summary
(https://developer.pagerduty.com/docs/send-alert-event).
"""

from __future__ import annotations

import hashlib

from nightshift.channels import Line, Target, cut, labelled
from nightshift.errors import Permanent
from nightshift.pages import Page

NEEDS = "the integration's routing key"
WAKES = True
SERVICE = "https://events.pagerduty.com"
KEY, SUMMARY, DETAIL = 255, 1_024, 4_000
ROUTING_KEY = 32


def send(page: Page, target: Target, line: Line) -> str:
    """Trigger the alert; its key is all that must be known."""
    line.post(f"{target.url or SERVICE}/v2/enqueue", {"routing_key": _key(target), **triggered(page)})
    return dedup(page.key)


def resolve(page: Page, receipt: str, target: Target, line: Line) -> bool:
    """Resolve the alert of that key."""
    event = {"event_action": "resolve", "dedup_key": receipt or dedup(page.key)}
    line.post(f"{target.url or SERVICE}/v2/enqueue", {"routing_key": _key(target), **event})
    return True


def triggered(page: Page) -> dict[str, object]:
    """The page as a trigger event, without the routing key."""
    details = {label or f"line {number}": rest for number, (label, rest) in enumerate(labelled(page.text), 1)}
    event: dict[str, object] = {
        "event_action": "trigger",
        "dedup_key": dedup(page.key),
        "client": "Nightshift",
        "payload": {
            "summary": cut(page.title.removeprefix("[nightshift] "), SUMMARY),
            "source": page.group or page.app or "nightshift",
            "severity": page.severity,
            "component": page.app,
            "group": page.group,
            "class": page.kind,
            "custom_details": {label: cut(rest, DETAIL) for label, rest in details.items()},
        },
    }
    if page.link:
        event["links"] = [{"href": page.link, "text": "Open"}]
    return event


def dedup(key: str) -> str:
    """The page's key as PagerDuty takes it: a longer one by its digest, so that it stays one of its own."""
    return key if len(key) <= KEY else hashlib.sha256(key.encode()).hexdigest()


def _key(target: Target) -> str:
    key = target.secret.strip()
    if len(key) != ROUTING_KEY or not key.isalnum():
        raise Permanent("channel.unconfigured", f"a routing key has {ROUTING_KEY} letters and digits")
    return key
