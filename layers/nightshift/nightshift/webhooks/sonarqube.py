"""SonarQube: the quality gate of an analysis, by a project's (or global) webhook.

Project Settings, Webhooks: the URL is the stack's output ``WebhooksUrl`` with ``/sonarqube/<name>``, the
secret is that secret's. The raw body's HMAC-SHA256 comes in hex in ``X-Sonar-Webhook-HMAC-SHA256``
(https://docs.sonarsource.com/sonarqube-server/discovering/integrations/webhooks). The gate is called
``sonarqube``; of several projects analysed for one commit each must pass. The commit is the analysis'
``revision``. Only a status of OK passes; an analysis that failed or has no quality gate does not.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from nightshift.events import GateReported
from nightshift.webhooks import Delivery, Sha, Shape, Verdict, parsed, reported, signed

DELIVERY = ""
SIGNATURE = "x-sonar-webhook-hmac-sha256"


class _Project(Shape):
    key: str
    url: str = ""


class _Gate(Shape):
    status: str = ""


class _Analysis(Shape):
    status: str
    revision: Sha
    project: _Project
    gate: _Gate = Field(_Gate(), alias="qualityGate")


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare in constant time with what each secret would have signed."""
    signed(delivery, SIGNATURE, secrets, prefix="")


def read(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """The verdict of the quality gate."""
    told = parsed(_Analysis, delivery, "analysis as SonarQube sends it")
    verdict: Verdict = "passed" if (told.status, told.gate.status) == ("SUCCESS", "OK") else "failed"
    project = told.project
    return (reported(delivery, told.revision, "sonarqube", verdict, project.url, now, project.key),)
