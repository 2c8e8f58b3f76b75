"""Trivy: a scan's JSON report, posted by the pipeline that ran it.

``trivy image --format json --severity HIGH,CRITICAL --ignore-unfixed -o report.json IMAGE``, then POST the
file to the stack's output ``WebhooksUrl`` with ``/trivy/<name>``, and in ``X-Nightshift-Signature-256`` what
``openssl dgst -sha256 -hmac "$secret" < report.json`` prints, after ``sha256=``. The gate is called
``trivy``; of several scanned artifacts of one commit each must pass. Whatever of HIGH or CRITICAL severity
stands in the report (vulnerability, secret, or failed misconfiguration) fails it: decide with Trivy's own
flags and ``.trivyignore`` what may stand there. The commit is the repository's, or the image's label
``org.opencontainers.image.revision``; a report without either is refused. (https://trivy.dev/docs/)
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, TypeAdapter, ValidationError

from nightshift.errors import Refused
from nightshift.events import GateReported
from nightshift.webhooks import Delivery, Sha, Shape, Verdict, parsed, reported, signed

DELIVERY = ""
SIGNATURE = "x-nightshift-signature-256"
LABEL = "org.opencontainers.image.revision"
GRAVE = frozenset({"HIGH", "CRITICAL"})


class _Found(Shape):
    """``Status`` is a misconfiguration's: what passed is listed too."""

    severity: str = Field(alias="Severity")
    status: str = Field("", alias="Status")


class _Result(Shape):
    vulnerabilities: tuple[_Found, ...] | None = Field(None, alias="Vulnerabilities")
    secrets: tuple[_Found, ...] | None = Field(None, alias="Secrets")
    misconfigurations: tuple[_Found, ...] | None = Field(None, alias="Misconfigurations")

    @property
    def grave(self) -> bool:
        """Whether anything in it fails the gate."""
        found = (*(self.vulnerabilities or ()), *(self.secrets or ()))
        wrong = (one for one in self.misconfigurations or () if one.status not in {"PASS", "EXCEPTION"})
        return any(one.severity.upper() in GRAVE for one in (*found, *wrong))


class _Config(Shape):
    labels: dict[str, str] | None = Field(None, alias="Labels")


class _ImageConfig(Shape):
    config: _Config = _Config()


class _Metadata(Shape):
    commit: str = Field("", alias="Commit")
    image: _ImageConfig = Field(_ImageConfig(), alias="ImageConfig")


class _Report(Shape):
    version: int = Field(alias="SchemaVersion", ge=2, le=2)
    artifact: str = Field(alias="ArtifactName")
    metadata: _Metadata = Field(_Metadata(), alias="Metadata")
    results: tuple[_Result, ...] | None = Field(None, alias="Results")


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare in constant time with what each secret would have signed."""
    signed(delivery, SIGNATURE, secrets)


def read(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """Failed when something grave was found. No results are those of a clean scan: it found nothing."""
    report = parsed(_Report, delivery, "report as Trivy writes it")
    verdict: Verdict = "failed" if any(one.grave for one in report.results or ()) else "passed"
    return (reported(delivery, _commit(report.metadata), "trivy", verdict, "", now, report.artifact),)


def _commit(metadata: _Metadata) -> str:
    commit = metadata.commit or (metadata.image.config.labels or {}).get(LABEL, "")
    try:
        return TypeAdapter(Sha).validate_python(commit)
    except ValidationError as error:
        raise Refused("webhook.unknown_shape", "the report names no commit") from error
