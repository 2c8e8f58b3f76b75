"""Harbor: the scan of a pushed image, by a project's webhook.

In the project, Webhooks: notify type http, payload format Default, events ``Scanning finished`` and
``Scanning failed``, the endpoint is the stack's output ``WebhooksUrl`` with ``/harbor/<name>``, and the auth
header holds that secret. It comes as it is in ``Authorization``, and nothing is signed: https only
(https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/). The gate is
called ``harbor``; of several images of one commit each must pass. Harbor knows no commits: tag the image with
the commit's full id. A scan of another tag, or by digest alone, means nothing. A severity of High, Critical
or Unknown fails, and so does a scan that failed.
"""

from __future__ import annotations

import re
from datetime import datetime

from pydantic import Field

from nightshift.events import GateReported
from nightshift.webhooks import Delivery, Shape, Verdict, parsed, reported, same

DELIVERY = ""
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
#: Severities that hold nothing back; one that is not known here does.
HARMLESS = frozenset({"None", "Negligible", "Low", "Medium"})
SCANNED = frozenset({"SCANNING_COMPLETED", "SCANNING_FAILED"})


class _Overview(Shape):
    status: str = Field("", alias="scan_status")
    severity: str = ""


class _Resource(Shape):
    """``overviews`` are by the media type of their report."""

    tag: str = ""
    url: str = Field("", alias="resource_url")
    overviews: dict[str, _Overview] | None = Field(None, alias="scan_overview")


class _Repository(Shape):
    name: str = Field("", alias="repo_full_name")


class _Data(Shape):
    resources: tuple[_Resource, ...]
    repository: _Repository


class _Body(Shape):
    type: str
    data: _Data = Field(alias="event_data")


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare the header in constant time."""
    same(delivery.headers.get("authorization", ""), secrets, "the auth header does not match")


def read(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """A report for each scanned image that is tagged with a commit."""
    body = parsed(_Body, delivery, "event as Harbor sends it")
    if body.type not in SCANNED:
        return ()
    return tuple(
        reported(delivery, one.tag, "harbor", _verdict(one), one.url, now, body.data.repository.name)
        for one in body.data.resources
        if COMMIT.fullmatch(one.tag)
    )


def _verdict(image: _Resource) -> Verdict:
    found = (image.overviews or {}).values()
    sound = [one.status == "Success" and one.severity in HARMLESS for one in found]
    return "passed" if sound and all(sound) else "failed"
