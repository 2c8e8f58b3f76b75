"""What providers send: verified by their own rules and vectors, read, or refused without a hint."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from nightshift import webhooks
from nightshift.errors import Refused
from nightshift.events import GateReported, SignalCleared, SignalRaised
from nightshift.policy_apps import App
from nightshift.webhooks import Delivery
from tests.samples import sample
from tests.unit.facts import NOW

SHA = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
GITLAB: dict[str, Any] = {
    "object_kind": "push",
    "ref": "refs/heads/main",
    "checkout_sha": SHA,
    "project": {
        "git_http_url": "https://gitlab.example.com/mike/diaspora.git",
        "git_ssh_url": "git@gitlab.example.com:mike/diaspora.git",
    },
    "commits": [
        {"id": SHA, "message": "fixed readme", "author": {"name": "Ada", "email": "ada@example.com"}}
    ],
}


def delivery(body: bytes, **headers: str) -> Delivery:
    """One request; ``x_github_event`` stands for the header ``x-github-event``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery(named, body, hashlib.sha256(body).hexdigest())


def test_github_s_own_test_vector_is_genuine() -> None:
    """From its documentation, "Validating webhook deliveries"; also when it is the secret before."""
    mac = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    genuine = delivery(b"Hello, World!", x_hub_signature_256=f"sha256={mac}")
    webhooks.load("github").verify(genuine, ("another", "It's a Secret to Everybody"))
    for forged in (
        delivery(b"Hello, World?", x_hub_signature_256=f"sha256={mac}"),
        delivery(b"Hello, World!", x_hub_signature_256=mac),
        delivery(b"Hello, World!", x_hub_signature_256="sha256=\u00e9"),
        delivery(b"Hello, World!"),
    ):
        with pytest.raises(Refused, match="does not match"):
            webhooks.load("github").verify(forged, ("It's a Secret to Everybody",))


def test_gitlab_is_known_by_its_token() -> None:
    """It signs nothing."""
    webhooks.load("gitlab").verify(delivery(b"", x_gitlab_token="t"), ("s", "t"))
    for forged in (delivery(b""), delivery(b"", x_gitlab_token="u")):
        with pytest.raises(Refused, match="does not match"):
            webhooks.load("gitlab").verify(forged, ("s", "t"))


def test_a_push_of_either_is_the_same_event() -> None:
    """Under every address that the repository has."""
    body = sample("http/webhook_push")["body"].encode()
    (github,) = webhooks.load("github").read(delivery(body, x_github_event="push"), NOW)
    gitlab_body = json.dumps(GITLAB).encode()
    (gitlab,) = webhooks.load("gitlab").read(delivery(gitlab_body, x_gitlab_event="Push Hook"), NOW)
    assert (gitlab.commit, gitlab.author, gitlab.ref) == (SHA, "Ada <ada@example.com>", "refs/heads/main")
    for push, address in (
        (github, "https://GitHub.com/acme/web"),
        (gitlab, "https://gitlab.example.com/mike/diaspora.git"),
    ):
        app = App(repository=address, groups=("web-prod",))
        assert app.is_pushed(push.repositories, push.ref)
        assert not app.is_pushed(push.repositories, "refs/heads/other")
        assert not app.is_pushed(("https://github.com/acme/website",), push.ref)


@pytest.mark.parametrize(
    ("provider", "event", "change"),
    [
        ("gitlab", "Pipeline Hook", {"object_attributes": {"sha": SHA, "status": "pending"}}),
        ("gitlab", "Push Hook", {"checkout_sha": None}),
        ("gitlab", "Push Hook", {"ref": "refs/tags/v1"}),
        ("github", "ping", {}),
        ("github", "push", {"deleted": True}),
        ("github", "push", {"ref": "refs/tags/v1"}),
    ],
)
def test_what_moves_no_branch_means_nothing(provider: str, event: str, change: dict[str, Any]) -> None:
    """And is no error: a provider switches a webhook off that fails again and again."""
    told = GITLAB if provider == "gitlab" else json.loads(sample("http/webhook_push")["body"])
    body = json.dumps(told | change).encode()
    assert webhooks.load(provider).read(delivery(body, **{f"x_{provider}_event": event}), NOW) == ()


@pytest.mark.parametrize(("provider", "event"), [("github", "push"), ("gitlab", "Push Hook")])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"ref": "refs/heads/main"}'])
def test_a_body_that_is_no_push_is_refused(provider: str, event: str, body: bytes) -> None:
    """Without saying what is in it."""
    with pytest.raises(Refused, match="no push as"):
        webhooks.load(provider).read(delivery(body, **{f"x_{provider}_event": event}), NOW)


def test_every_provider_says_how_to_set_it_up() -> None:
    """Its docstring is its runbook."""
    for name in webhooks.names():
        assert "WebhooksUrl" in (webhooks.load(name).__doc__ or "")


ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "ServiceDown", "node_id": "i-0a1b2c3d4e5f60718", "symptom": "service_down"},
    "annotations": {"summary": "web answers nothing"},
    "startsAt": "2026-11-23T02:58:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example.com/graph",
    "fingerprint": "c6f0b4a3d2e1f009",
}


def alerts(*changes: dict[str, Any]) -> Delivery:
    """Alertmanager's payload with one alert for each of ``changes``."""
    body = {"version": "4", "groupKey": "{}", "alerts": [ALERT | change for change in changes]}
    return delivery(json.dumps(body).encode(), authorization="Bearer s")


def test_alertmanager_is_known_by_its_bearer_token() -> None:
    """It signs nothing."""
    webhooks.load("alertmanager").verify(alerts({}), ("t", "s"))
    for forged in (delivery(b""), delivery(b"", authorization="s"), delivery(b"", authorization="Bearer u")):
        with pytest.raises(Refused, match="does not match"):
            webhooks.load("alertmanager").verify(forged, ("t", "s"))


def test_an_alert_is_heard_as_an_alarm_about_its_node() -> None:
    """Fires since it started; the same alert told again is the same signal, which is known already."""
    (raised,) = webhooks.load("alertmanager").read(alerts({}), NOW)
    assert isinstance(raised, SignalRaised)
    assert (raised.subject, raised.symptom) == ("i-0a1b2c3d4e5f60718", "service_down")
    assert raised.held_since == raised.occurred_at == "2026-11-23T02:58:00.123Z"
    assert raised.reason == "ServiceDown is firing: web answers nothing"
    (again,) = webhooks.load("alertmanager").read(alerts({"annotations": {}}), NOW)
    assert isinstance(again, SignalRaised)
    assert again.incident_id == raised.incident_id


def test_an_alert_that_is_resolved_clears_what_it_raised() -> None:
    """By the same name, at its end; an alert of tomorrow (a clock is wrong) is one of now."""
    ended = {"status": "resolved", "endsAt": "2026-11-23T02:59:00Z"}
    raised, cleared = webhooks.load("alertmanager").read(alerts({}, ended), NOW)
    assert isinstance(cleared, SignalCleared)
    assert (cleared.alarm, cleared.occurred_at) == (raised.alarm, "2026-11-23T02:59:00.000Z")
    (late,) = webhooks.load("alertmanager").read(alerts({"startsAt": "2026-11-24T03:00:00Z"}), NOW)
    assert late.occurred_at == "2026-11-23T03:00:00.000Z"


def test_alerts_that_name_no_node_or_symptom_are_not_ours() -> None:
    """Nothing is guessed; what is no payload of version 4 is refused."""
    module = webhooks.load("alertmanager")
    assert module.read(alerts({"labels": {"alertname": "X", "instance": "web-1:9100"}}), NOW) == ()
    for body in (b"[]", b'{"version": "3", "alerts": []}', b'{"version": "4", "alerts": [{}]}', b"{"):
        with pytest.raises(Refused, match="no payload"):
            module.read(delivery(body), NOW)


def test_a_check_suite_and_a_pipeline_are_reports_of_gates() -> None:
    """Once they are over; what still runs says nothing, nor does what belongs to a fork."""
    suite = {
        "head_sha": SHA,
        "head_branch": "main",
        "conclusion": "success",
        "url": "https://x",
        "app": {"slug": "github-actions"},
    }
    body = json.dumps({"action": "completed", "check_suite": suite}).encode()
    (passed,) = webhooks.load("github").read(delivery(body, x_github_event="check_suite"), NOW)
    assert isinstance(passed, GateReported)
    assert (passed.commit, passed.gate, passed.verdict) == (SHA, "github-actions", "passed")
    for action, other in (("requested", {"conclusion": None}), ("completed", {"head_branch": None})):
        body = json.dumps({"action": action, "check_suite": suite | other}).encode()
        assert webhooks.load("github").read(delivery(body, x_github_event="check_suite"), NOW) == ()
    for status, verdicts in (("failed", ["failed"]), ("success", ["passed"]), ("running", [])):
        body = json.dumps({"object_attributes": {"sha": SHA, "status": status}}).encode()
        told = webhooks.load("gitlab").read(delivery(body, x_gitlab_event="Pipeline Hook"), NOW)
        assert [one.verdict for one in told if isinstance(one, GateReported)] == verdicts
    ours = {"sha": SHA, "status": "failed", "source": "push"}
    for pipeline, jobs, verdicts in (
        (ours, [{"status": "success"}, {"status": "failed", "allow_failure": True}], []),
        (ours, [{"status": "success"}, {"status": "failed"}], ["failed"]),
        (ours | {"source": "external", "status": "success"}, [], []),
    ):
        body = json.dumps({"object_attributes": pipeline, "builds": jobs}).encode()
        told = webhooks.load("gitlab").read(delivery(body, x_gitlab_event="Pipeline Hook"), NOW)
        assert [one.verdict for one in told if isinstance(one, GateReported)] == verdicts
    for name, header in (("github", "x_github_event"), ("gitlab", "x_gitlab_event")):
        event = {"github": "check_suite", "gitlab": "Pipeline Hook"}[name]
        with pytest.raises(Refused, match="this is no"):
            webhooks.load(name).read(delivery(b"{}", **{header: event}), NOW)


def test_a_workflow_s_run_is_a_report_of_the_gate_named_after_its_file() -> None:
    """Of the repository's own commits; a fork's workflows are written by whoever forked."""
    run = {
        "name": "CI",
        "path": ".github/workflows/build-and-test.yml",
        "head_sha": SHA,
        "head_repository": {"full_name": "acme/web"},
        "conclusion": "failure",
        "html_url": "https://github.com/acme/web/actions/runs/7",
    }
    told = {"action": "completed", "workflow_run": run, "repository": {"full_name": "acme/web"}}

    def read(**changes: Any) -> Any:
        body = json.dumps(told | changes).encode()
        return webhooks.load("github").read(delivery(body, x_github_event="workflow_run"), NOW)

    (failed,) = read()
    assert (failed.commit, failed.gate, failed.verdict) == (SHA, "build-and-test", "failed")
    assert read(action="requested") == ()
    assert read(workflow_run=run | {"head_repository": {"full_name": "eve/web"}}) == ()


def test_a_published_release_is_a_push_of_its_tag() -> None:
    """For apps that want releases, and for no others; a draft or a prerelease is nobody's."""
    repository = {"clone_url": "https://github.com/acme/web.git"}
    release = {"tag_name": "v1.2.0", "name": "Spring", "author": {"login": "ada"}}

    def read(action: str = "published", **changes: Any) -> Any:
        body = json.dumps({"action": action, "release": release | changes, "repository": repository}).encode()
        return webhooks.load("github").read(delivery(body, x_github_event="release"), NOW)

    (push,) = read()
    assert (push.ref, push.commit, push.author) == ("refs/tags/v1.2.0", "", "ada <>")
    app = App(repository="https://github.com/acme/web", groups=("web-prod",), deploy_on="release")
    assert app.is_pushed(push.repositories, push.ref)
    assert not app.is_pushed(push.repositories, "refs/heads/main")
    assert not app.model_copy(update={"deploy_on": "push"}).is_pushed(push.repositories, push.ref)
    assert read("edited") == read(draft=True) == read(prerelease=True) == ()


#: The example of the Standard Webhooks specification.
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED_AT = 1614265330
SIGNED = {
    "webhook_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook_timestamp": str(SIGNED_AT),
    "webhook_signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'


@pytest.mark.parametrize(
    ("late", "body", "changes", "genuine"),
    [
        (0, BODY, {}, True),
        (299, BODY, {}, True),
        (-299, BODY, {}, True),
        (301, BODY, {}, False),
        (-301, BODY, {}, False),
        (0, BODY + b" ", {}, False),
        (0, BODY, {"webhook_id": "msg_other"}, False),
        (0, BODY, {"webhook_timestamp": str(SIGNED_AT + 1)}, False),
        (0, BODY, {"webhook_timestamp": "nan"}, False),
        (0, BODY, {"webhook_signature": f"v1,AAAA {SIGNED['webhook_signature']}"}, True),
        (0, BODY, {"webhook_signature": SIGNED["webhook_signature"].replace("v1", "v2")}, False),
        (0, BODY, {"webhook_signature": "v1"}, False),
        (0, BODY, {"webhook_signature": ""}, False),
        (0, BODY, {"webhook_signature": "", "x_gitlab_token": STANDARD}, False),
        (0, b"\xff", {}, False),
    ],
)
def test_gitlab_s_signatures_are_those_of_standard_webhooks(
    late: int, body: bytes, changes: dict[str, str], *, genuine: bool
) -> None:
    """By the specification's own example: five minutes either way, any of several signatures, any secret."""
    given = delivery(body, **{**SIGNED, **changes})
    with time_machine.travel(datetime.fromtimestamp(SIGNED_AT + late, UTC), tick=False):
        if genuine:
            webhooks.load("gitlab").verify(given, ("no base64 at all!", "another", STANDARD))
            return
        with pytest.raises(Refused, match="does not match"):
            webhooks.load("gitlab").verify(given, ("another", STANDARD))


@pytest.mark.parametrize("wrong", [{"commit": "HEAD"}, {"gate": "../x"}, {"verdict": "maybe"}])
def test_a_report_that_cannot_be_understood_is_refused(wrong: dict[str, str]) -> None:
    """And one that is not signed."""
    body = {"commit": SHA, "gate": "contract-tests", "verdict": "passed", **wrong}
    told = delivery(json.dumps(body).encode())
    with pytest.raises(Refused, match="no report of a gate"):
        webhooks.load("gate").read(told, NOW)
    with pytest.raises(Refused, match="does not match"):
        webhooks.load("gate").verify(told, ("s",))
