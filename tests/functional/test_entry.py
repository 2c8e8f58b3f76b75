"""How functions fail, by what their logs say; and that no secret is ever said, however they fail."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from nightshift import redaction
from nightshift.entry import entry, subject
from nightshift.errors import Conflict, Permanent, Refused, Retryable
from tests.functional.paging import Receiver, opened, paging, receiving
from tests.functional.staging import POLICY, made
from tests.functional.world import World
from tests.samples import names, sample

CANARY = 'c4nary-"S3CRET"-0123456789'
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn:aws:lambda:f", aws_request_id="r"
)


@pytest.fixture(autouse=True)
def _nothing_hidden() -> Iterator[None]:
    """What one test hides is no business of the next."""
    with patch.object(redaction, "_hidden", set()):
        yield


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What functions write to CloudWatch: the stream of the logger that all of them share."""
    (handler,) = Logger(service="nightshift").handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before or sys.stdout)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    """Every line of the log so far."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


def failing(error: Exception) -> Callable[[dict[str, Any], Any], Any]:
    """A function that fails so."""

    @entry(Logger(service="nightshift"))
    def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "level", "code"),
    [
        (Retryable("a.throttle", "later", node="i-1"), "WARNING", "a.throttle"),
        (Conflict("a.race", "another was first"), "WARNING", "a.race"),
        (Permanent("a.mistake", "never"), "ERROR", "a.mistake"),
        (Refused("a.refusal", "no"), "ERROR", "a.refusal"),
        (KeyError("a bug"), "ERROR", "unexpected"),
    ],
)
def test_what_may_be_mended_by_another_try_is_a_warning_and_all_else_an_error(
    log: io.StringIO, error: Exception, level: str, code: str
) -> None:
    """With the code and the incident in the line; and it is raised as it is."""
    with pytest.raises(type(error)) as raised:
        failing(error)({"incident_id": "inc-20261123-7c1d0b9a42"}, CONTEXT)
    assert raised.value is error
    (line,) = lines(log)
    assert (line["level"], line["code"]) == (level, code)
    assert line["incident_id"] == "inc-20261123-7c1d0b9a42"
    assert ("exception" in line) == (code == "unexpected"), "only a mistake of ours shows its stack"


def test_what_aws_does_not_allow_is_permanent_whichever_service_says_so(log: io.StringIO) -> None:
    """Another answer of the same service is raised as it is."""
    for code in ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"):
        said = ClientError({"Error": {"Code": code, "Message": "not authorized"}}, "SendCommand")
        with pytest.raises(Permanent, match="SendCommand operation: not authorized") as denied:
            failing(said)({"incident_id": "inc-1"}, CONTEXT)
        assert denied.value.code == "call.denied"
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "later"}}, "SendCommand")
    with pytest.raises(ClientError):
        failing(throttled)({"incident_id": "inc-1"}, CONTEXT)
    assert [line["code"] for line in lines(log)] == ["call.denied"] * 4 + ["unexpected"]


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"incident_id": "inc-1"}, {"incident_id": "inc-1"}),
        ({"detail": {"incident_id": "inc-1"}}, {"incident_id": "inc-1"}),
        ({"source": "aws.states", "detail": {"name": "dep-2"}}, {"deployment_id": "dep-2"}),
        ({"incident_id": "", "deployment_id": "dep-2"}, {"deployment_id": "dep-2"}),
        ({"incident_id": "inc-\\nforged"}, {}),
        ({"incident_id": 7, "detail": "text"}, {}),
        ([], {}),
    ],
)  # fmt: skip
def test_a_line_names_what_its_event_is_about(event: Any, found: dict[str, str]) -> None:
    """Also by the name of an execution that ended; nothing that is no id of ours."""
    assert subject(event) == found


def test_the_next_invocation_does_not_carry_the_subject_of_the_last(log: io.StringIO) -> None:
    """A function's process lives on between events."""
    handler = failing(Permanent("a.mistake", "never"))
    for event in ({"incident_id": "inc-1"}, {}):
        with pytest.raises(Permanent):
            handler(event, CONTEXT)
    first, second = lines(log)
    assert first["incident_id"] == "inc-1"
    assert "incident_id" not in second


@pytest.mark.parametrize("name", [one for one in names("heal") if "inc-" in json.dumps(sample(one))])
def test_every_order_of_the_machine_names_its_subject(name: str) -> None:
    """So every line about it does."""
    assert subject(sample(name))


def test_a_secret_is_masked_in_lines_errors_and_their_causes(log: io.StringIO) -> None:
    """As it is, and as JSON writes it; the error keeps its code."""
    redaction.hide(CANARY)
    error = Permanent("a.mistake", f"it is {CANARY}", url=f"https://x/{CANARY}")
    error.__cause__ = ValueError(f"bad header {CANARY}")
    with pytest.raises(Permanent) as raised:
        failing(error)({}, CONTEXT)
    said = f"{raised.value} {raised.value.message} {raised.value.context} {raised.value.__cause__}"
    assert "S3CRET" not in said + log.getvalue()
    assert redaction.MASK in log.getvalue()
    assert raised.value.code == "a.mistake"
    assert redaction.MASK in said


def test_what_is_too_short_to_be_a_secret_garbles_nothing() -> None:
    """An empty or tiny text would be found everywhere."""
    for text in ("", "a", "12345"):
        assert redaction.hide(text) == text
    assert redaction.redact("a12345") == "a12345"


# Every function that reads a secret, however it fails


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], log: io.StringIO) -> Callable[..., str]:
    """Everything that came out so far, with what else is given."""

    def every(*more: object) -> str:
        out = capsys.readouterr()
        assert log.getvalue(), "something was logged"
        return f"{out.out}{out.err}{log.getvalue()}{' '.join(map(str, more))}"

    return every


@pytest.fixture
def leaky() -> Iterator[World]:
    """A world whose every secret is the canary."""
    with made(POLICY + "  approval_for: [high]\n") as world:
        world.signs = CANARY
        yield world


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize(
    ("kind", "secret"), [("webhook", f"{{url}}?{'k' * 8}=S3CRET"), ("slack", "xoxb-S3CRET-1234567890")]
)
def test_notify_says_no_secret(said: Callable[..., str], kind: str, secret: str, status: int) -> None:
    """Whether the channel takes the page, refuses it or is broken; in the outbox and the journal neither."""
    with receiving() as server:
        _notify_and_look(server, said, kind, secret, status)


def _notify_and_look(server: Receiver, said: Callable[..., str], kind: str, secret: str, status: int) -> None:
    notify = f"  channels: {{ x: {{ kind: {kind}, secret: x, room: C1, url: '{server.root}' }} }}\n"
    with paging(f"{notify}  routes: [{{ to: [x] }}]\n", x=secret.format(url=server.root)) as world:
        request = opened(world)
        server.statuses = [status]
        raised: object = ""
        try:
            raised = world.invoke("notify", request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not say the secret
            raised = f"{error!r} {error.__cause__!r} {error.__context__!r} {vars(error)}"
        assert server.asked
        journal = "".join(entry.text for entry in world.journals.read(request["incident_id"]))
        assert "S3CRET" not in said(raised, journal, world.items("DeliveriesTable"))


@pytest.mark.parametrize("name", ["ask_approval", "answer_approval", "receive_webhook"])
def test_what_signs_is_never_said(leaky: World, said: Callable[..., str], name: str) -> None:
    """By the functions that make and read links and by the one that checks webhooks, in vain and not."""
    events = {
        "ask_approval": [sample("heal/ask_approval")],
        "answer_approval": [sample("http/approval_show"), sample("http/approval_decide")],
        "receive_webhook": [sample("http/webhook_push")],
    }[name]
    answers: list[object] = []
    for event in events:
        try:
            answers.append(leaky.invoke(name, event))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not say the secret
            answers.append(f"{error!r} {error.__cause__!r}")
    assert answers
    assert "S3CRET" not in said(*answers)


@pytest.mark.parametrize("name", ["find_pushes", "plan_deployment"])
def test_gits_password_is_never_said(name: str, tmp_path: Path, said: Callable[..., str]) -> None:
    """A repository that refuses it, or is not there."""
    from tests.functional.deploying import commit, policy, push, repository

    folder = repository(tmp_path / "web")
    with made(policy(folder)) as world:
        world.reads = CANARY
        began = push(world, folder, commit(folder, "page", "new"))
        folder.rename(tmp_path / "gone")
        answer: object = ""
        try:
            answer = world.invoke(name, {**sample("schedule/find_pushes"), "deployment_id": began})
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not say the secret
            answer = f"{error!r} {error.__cause__!r}"
        assert "S3CRET" not in said(answer)
