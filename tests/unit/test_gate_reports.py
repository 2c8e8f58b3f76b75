"""What gates report, each as its tool sends it: passed only when the tool says so, else failed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift import webhooks
from nightshift.errors import Refused
from nightshift.events import GateReported
from nightshift.webhooks import Delivery
from tests.unit.facts import NOW

SHA = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
JENKINS: dict[str, Any] = {
    "name": "Web Tests",
    "url": "job/web-tests/",
    "build": {
        "full_url": "https://ci.example.com/job/web-tests/18/",
        "number": 18,
        "phase": "FINALIZED",
        "status": "SUCCESS",
        "scm": {"url": "https://github.com/acme/web.git", "branch": "origin/main", "commit": SHA},
    },
}
SONARQUBE: dict[str, Any] = {
    "serverUrl": "http://localhost:9000",
    "status": "SUCCESS",
    "analysedAt": "2025-02-10T10:51:17+0100",
    "revision": SHA,
    "project": {"key": "acme:web", "name": "web", "url": "http://localhost:9000/dashboard?id=web"},
    "branch": {"name": "main", "type": "BRANCH", "isMain": True},
    "qualityGate": {"name": "Sonar way", "status": "OK", "conditions": [{"metric": "x", "status": "OK"}]},
    "properties": {},
}
TRIVY: dict[str, Any] = {
    "SchemaVersion": 2,
    "ArtifactName": "registry.example.com/web:1",
    "ArtifactType": "container_image",
    "Metadata": {
        "OS": {"Family": "alpine", "Name": "3.22"},
        "ImageConfig": {
            "architecture": "arm64",
            "config": {"Labels": {"org.opencontainers.image.revision": SHA}},
        },
    },
    "Results": [{"Target": "web (alpine 3.22)", "Class": "os-pkgs", "Type": "alpine"}],
}
HARBOR: dict[str, Any] = {
    "type": "SCANNING_COMPLETED",
    "occur_at": 1648715576,
    "operator": "auto",
    "event_data": {
        "resources": [
            {
                "digest": "sha256:b50334049354ed01330403212605dce2f4676a4e787ed113506861d9cf3c5424",
                "tag": SHA,
                "resource_url": f"harbor.example.com/acme/web:{SHA}",
                "scan_overview": {
                    "application/vnd.security.vulnerability.report; version=1.1": {
                        "scan_status": "Success",
                        "severity": "Low",
                        "summary": {"total": 5, "fixable": 5, "summary": {"Low": 5}},
                    }
                },
            }
        ],
        "repository": {"name": "web", "namespace": "acme", "repo_full_name": "acme/web"},
    },
}
PACT: dict[str, Any] = {"commit": SHA, "status": "success", "consumer": "shop", "url": "https://pact/1"}
GATE: dict[str, Any] = {"commit": SHA, "gate": "contract-tests", "verdict": "passed", "url": "https://ci/1"}
SAMPLES = {
    "gate": GATE,
    "harbor": HARBOR,
    "jenkins": JENKINS,
    "pact": PACT,
    "sonarqube": SONARQUBE,
    "trivy": TRIVY,
}


def changed(told: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The same with the value at ``a.0.b`` changed; without it, for a value of ``...``."""
    fresh = json.loads(json.dumps(told))
    place: Any = fresh
    *folders, last = path.split(".")
    for folder in folders:
        place = place[int(folder)] if folder.isdigit() else place[folder]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return fresh


def read(provider: str, told: dict[str, Any], secret: str = "") -> tuple[GateReported, ...]:
    """What a provider makes of a body."""
    body = json.dumps(told).encode()
    found = webhooks.load(provider).read(Delivery({}, body, hashlib.sha256(body).hexdigest(), secret), NOW)
    assert all(isinstance(one, GateReported) for one in found)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("provider", "gate", "check"),
    [
        ("gate", "contract-tests", ""),
        ("harbor", "harbor", "acme/web"),
        ("jenkins", "web-tests", "Web Tests"),
        ("pact", "pact", "shop"),
        ("sonarqube", "sonarqube", "acme:web"),
        ("trivy", "trivy", "registry.example.com/web:1"),
    ],
)
def test_what_passed_is_reported_of_its_commit(provider: str, gate: str, check: str) -> None:
    """With the secret that it was signed by, and which of the gate's checks it was."""
    (told,) = read(provider, SAMPLES[provider], "scan")
    assert (told.commit, told.gate, told.verdict) == (SHA, gate, "passed")
    assert (told.check, told.secret) == (check, "scan")


OVERVIEW = "event_data.resources.0.scan_overview"
MIME = "application/vnd"
RESULT = "Results.0"


@pytest.mark.parametrize(
    ("provider", "path", "value"),
    [
        ("gate", "verdict", "failed"),
        *(("jenkins", "build.status", status) for status in ("FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT")),
        ("sonarqube", "qualityGate.status", "ERROR"),
        ("sonarqube", "qualityGate.status", "NONE"),
        ("sonarqube", "qualityGate", ...),
        ("sonarqube", "status", "FAILED"),
        ("trivy", f"{RESULT}.Vulnerabilities", [{"Severity": "LOW"}, {"Severity": "CRITICAL"}]),
        ("trivy", f"{RESULT}.Secrets", [{"Severity": "HIGH"}]),
        ("trivy", f"{RESULT}.Misconfigurations", [{"Severity": "HIGH", "Status": "FAIL"}]),
        ("harbor", "type", "SCANNING_FAILED"),
        ("harbor", OVERVIEW, ...),
        ("harbor", OVERVIEW, {}),
        *(
            ("harbor", OVERVIEW, {MIME: {"scan_status": status, "severity": severity}})
            for status, severity in (
                ("Success", "High"),
                ("Success", "Critical"),
                ("Success", "Unknown"),
                ("Success", ""),
                ("Error", "None"),
            )
        ),
        ("pact", "status", "failure"),
        ("pact", "status", "error"),
    ],
)
def test_what_did_not_pass_has_failed(provider: str, path: str, value: Any) -> None:
    """Also what the tool could not finish, or says in a way that is not known to be harmless."""
    told = changed(SAMPLES[provider], path, value)
    if told.get("type") == "SCANNING_FAILED":
        told = changed(told, OVERVIEW, ...)
    (report,) = read(provider, told)
    assert report.verdict == "failed"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Results", None),
        ("Results", ...),
        (f"{RESULT}.Vulnerabilities", [{"Severity": "MEDIUM"}]),
        (f"{RESULT}.Misconfigurations", [{"Severity": "CRITICAL", "Status": "PASS"}]),
    ],
)
def test_a_scan_that_found_nothing_grave_has_passed(path: str, value: Any) -> None:
    """What stands in the report is decided by Trivy's own flags."""
    (report,) = read("trivy", changed(TRIVY, path, value))
    assert report.verdict == "passed"


@pytest.mark.parametrize(
    ("provider", "path", "value"),
    [
        ("jenkins", "build.phase", "STARTED"),
        ("jenkins", "build.status", ...),
        ("jenkins", "build.scm", ...),
        ("harbor", "type", "PUSH_ARTIFACT"),
        ("harbor", "event_data.resources.0.tag", "latest"),
        ("harbor", "event_data.resources.0.tag", ...),
        ("pact", "status", "pending"),
    ],
)
def test_what_is_not_over_or_of_no_commit_says_nothing(provider: str, path: str, value: Any) -> None:
    """The gate is missing then, which is neither a yes nor a no until its deadline."""
    assert read(provider, changed(SAMPLES[provider], path, value)) == ()


@pytest.mark.parametrize(
    ("provider", "path", "value"),
    [
        ("gate", "commit", "main"),
        ("gate", "gate", "Web Tests"),
        ("jenkins", "build.scm.commit", "main"),
        ("jenkins", "name", "2026"),
        ("sonarqube", "revision", ...),
        ("trivy", "Metadata", {}),
        ("trivy", "Metadata", {"Commit": "HEAD"}),
        ("trivy", "SchemaVersion", 3),
        ("harbor", "event_data", ...),
        ("pact", "commit", "1.2.3"),
        ("pact", "status", "maybe"),
    ],
)
def test_what_cannot_be_understood_is_refused(provider: str, path: str, value: Any) -> None:
    """A report of no commit would be waited for in vain: its sender is told."""
    with pytest.raises(Refused) as refused:
        read(provider, changed(SAMPLES[provider], path, value))
    assert refused.value.code == "webhook.unknown_shape"


def test_trivy_s_scan_of_a_repository_names_its_commit_itself() -> None:
    """An image says it by a label."""
    (report,) = read("trivy", changed(TRIVY, "Metadata", {"Commit": SHA, "Branch": "main"}))
    assert report.commit == SHA


#: RFC 4231, test case 2: key, data and HMAC-SHA-256.
KEY, DATA = "Jefe", b"what do ya want for nothing?"
MAC = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def basic(user: str, password: str) -> str:
    """The header of a basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


GENUINE = [
    ("gate", "x-nightshift-signature-256", f"sha256={MAC}"),
    ("github", "x-hub-signature-256", f"sha256={MAC}"),
    ("trivy", "x-nightshift-signature-256", f"sha256={MAC}"),
    ("sonarqube", "x-sonar-webhook-hmac-sha256", MAC),
    ("harbor", "authorization", KEY),
    ("pact", "authorization", f"Bearer {KEY}"),
    ("alertmanager", "authorization", f"Bearer {KEY}"),
    ("jenkins", "authorization", basic("nightshift", KEY)),
    ("gitlab", "x-gitlab-token", KEY),
]


@pytest.mark.parametrize(("provider", "header", "value"), GENUINE)
@pytest.mark.parametrize("secrets", [(KEY,), ("the one now", KEY)], ids=["now", "before"])
def test_who_knows_the_secret_is_believed(
    provider: str, header: str, value: str, secrets: tuple[str, ...]
) -> None:
    """The secret of now or the one before; the HMACs are RFC 4231's own."""
    webhooks.load(provider).verify(Delivery({header: value}, DATA, ""), secrets)


@pytest.mark.parametrize(("provider", "header", "value"), GENUINE)
def test_who_does_not_is_not(provider: str, header: str, value: str) -> None:
    """Another secret, another body, a cut value, the value with more, or none at all."""
    module = webhooks.load(provider)
    signed = hmac.compare_digest(value[-64:], MAC)
    for headers, body, secret in (
        ({header: value}, DATA, "another"),
        ({header: value}, DATA, KEY.lower()),
        ({header: value[:-1]}, DATA, KEY),
        ({header: f"{value}0"}, DATA, KEY),
        ({header: ""}, DATA, KEY),
        ({}, DATA, KEY),
        *([({header: value}, DATA + b"?", KEY)] if signed else []),
    ):
        with pytest.raises(Refused) as refused:
            module.verify(Delivery(headers, body, ""), (secret,))
        assert refused.value.code == "webhook.forged"


def test_every_provider_is_looked_at_here() -> None:
    """A new file is a new row above."""
    assert {provider for provider, _, _ in GENUINE} == set(webhooks.names())
    assert set(SAMPLES) == set(webhooks.names()) - {"github", "gitlab", "alertmanager"}


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "authorization",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp",
            "x-github-event",
            "x-gitlab-event",
            "x-gitlab-token",
            "x-hub-signature-256",
        ]
    ),
    st.one_of(st.text(), st.sampled_from(["Basic ", "Bearer ", "v1,", "push", "Push Hook", "\ud800"])),
)


@pytest.mark.parametrize("provider", webhooks.names())
@given(
    headers=HEADERS, body=st.one_of(st.binary(), st.recursive(st.none(), st.lists).map(str).map(str.encode))
)
def test_whatever_is_sent_is_forged(provider: str, headers: dict[str, str], body: bytes) -> None:
    """And nothing else: no body and no header makes a provider stumble."""
    told = Delivery(headers, body, hashlib.sha256(body).hexdigest())
    with pytest.raises(Refused) as refused:
        webhooks.load(provider).verify(told, ("a secret that nobody guesses",))
    assert refused.value.code == "webhook.forged"


@pytest.mark.parametrize("provider", webhooks.names())
@given(
    body=st.one_of(
        st.binary(), st.recursive(st.none() | st.booleans(), st.lists).map(json.dumps).map(str.encode)
    )
)
def test_whatever_is_signed_is_read_or_refused(provider: str, body: bytes) -> None:
    """A sender with the secret and a broken program is told that we do not understand."""
    event = {"github": "workflow_run", "gitlab": "Pipeline Hook"}.get(provider, "")
    told = Delivery({f"x-{provider}-event": event}, body, "")
    with pytest.raises(Refused) as refused:
        webhooks.load(provider).read(told, NOW)
    assert refused.value.code == "webhook.unknown_shape"
