"""notify: one page per incident and channel; a dead channel loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nightshift.errors import NightshiftError, Permanent, Refused, Retryable
from tests.functional.paging import CANARY, Receiver, opened, paging, receiving
from tests.functional.staging import POLICY, made
from tests.functional.world import World
from tests.samples import sample


@pytest.fixture
def pager() -> Iterator[Receiver]:
    """A webhook that takes pages."""
    with receiving() as server:
        yield server


@pytest.fixture
def paged(pager: Receiver) -> Iterator[World]:
    """A world whose policy names the webhook besides the topic."""
    with paging(f"  webhooks: ['{pager.url}']\n") as world:
        yield world


def test_a_page_reaches_every_channel_once(paged: World, pager: Receiver) -> None:
    """The topic's subscribers and the webhook get the same page; the journal says so."""
    request = opened(paged)
    assert paged.invoke("notify", request)["sent"] == ["sns", "webhook-1"]
    assert paged.invoke("notify", request)["sent"] == []
    (page,) = paged.pages()
    (hook,) = pager.got
    assert hook["dedup_key"] == request["incident_id"]
    assert page["Message"] == f"{hook['text']}\nLink: {hook['link']}"
    assert hook["title"] == page["Subject"]
    assert paged.story(request["incident_id"]).count(("page", "sent")) == 2, "one entry for each channel"


def test_the_event_of_an_escalation_pages_too_but_not_twice(paged: World, pager: Receiver) -> None:
    """When the machine died it could not page: the event does. When it did, the event finds it done."""
    request = opened(paged)
    paged.invoke("close_incident", {**request, "outcome": "escalated"})
    assert paged.deliver("IncidentEscalated")["sent"] == ["sns", "webhook-1"]
    assert paged.deliver("IncidentEscalated")["sent"] == []
    assert len(paged.pages()) == len(pager.got) == 1


@pytest.mark.parametrize("status", [500, 429, 404, 302, 0])
def test_a_webhook_that_fails_does_not_lose_the_other_page(
    paged: World, pager: Receiver, status: int
) -> None:
    """SNS has it; the error makes the caller retry, and the retry sends only what is missing."""
    request = opened(paged)
    pager.statuses = [status]
    with pytest.raises(NightshiftError) as failed:
        paged.invoke("notify", request)
    assert failed.value.code == ("channel.refused" if status in (404, 302) else "channel.failed")
    assert len(paged.pages()) == 1
    pager.statuses, pager.got = [200], []
    assert paged.invoke("notify", request)["sent"] == ["webhook-1"]
    assert len(paged.pages()) == 1
    assert len(pager.got) == 1


def test_a_topic_that_fails_does_not_lose_the_webhooks_page(paged: World, pager: Receiver) -> None:
    """The second channel is tried; the retry sends to the topic only."""
    request = opened(paged)
    paged.broken["sns.Publish"] = "InternalError"
    with pytest.raises(Retryable) as failed:
        paged.invoke("notify", request)
    assert failed.value.code == "topic.failed"
    assert len(pager.got) == 1
    paged.broken.clear()
    assert paged.invoke("notify", request)["sent"] == ["sns"]
    assert len(pager.got) == len(paged.pages()) == 1


def test_a_webhooks_secret_is_in_no_error_and_no_log(
    paged: World, pager: Receiver, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The URL is the secret: errors name the host only, the table and the journal a number."""
    request = opened(paged)
    pager.statuses = [500]
    with pytest.raises(Retryable) as failed:
        paged.invoke("notify", request)
    pager.statuses = [200]
    paged.invoke("notify", request)
    said = capsys.readouterr()
    journal = "".join(entry.text for entry in paged.journals.read(request["incident_id"]))
    assert CANARY not in f"{failed.value}{said.out}{said.err}{caplog.text}{journal}"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/iam",
        "http://[fe80::a9fe:a9fe]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/latest/",
    ],
)
def test_no_webhook_reaches_the_clouds_own_services(url: str) -> None:
    """A policy is a configuration, not a way to the role's credentials; the topic still gets the page."""
    with made(f"{POLICY}notify:\n  webhooks: ['{url}']\n") as world:
        request = opened(world)
        with pytest.raises(Refused) as forbidden:
            world.invoke("notify", request)
        assert forbidden.value.code == "channel.forbidden"
        assert len(world.pages()) == 1


def test_an_unknown_host_is_tried_again_later() -> None:
    """A name server that is down is no reason to give up."""
    with made(f"{POLICY}notify:\n  webhooks: ['http://pager.invalid/x']\n") as world:
        with pytest.raises(NightshiftError) as unknown:
            world.invoke("notify", opened(world))
        assert (unknown.value.code, unknown.value.recoverable) == ("channel.failed", True)


def test_a_subject_line_is_what_sns_takes(world: World) -> None:
    """At most 100 printable ASCII characters, whatever a node is called."""
    from nightshift.aws.line import Outside
    from tests.stack import stack

    Outside(stack().ref("PagesTopic")).publish("needs you: " + "ü" * 200, "body")
    (page,) = world.pages()
    assert len(page["Subject"]) <= 100
    assert page["Subject"].isascii()


def test_an_unknown_incident_is_not_paged(world: World) -> None:
    """No page without facts."""
    with pytest.raises(Permanent):
        world.invoke("notify", sample("heal/notify"))
    with pytest.raises(Permanent):
        world.invoke("notify", sample("incident/escalated"))
    assert world.pages() == []


@pytest.mark.parametrize("event", [{}, {"detail-type": "IncidentEscalated", "detail": {"reason": "x"}}])
def test_a_request_of_an_unknown_shape_is_refused(world: World, event: dict[str, Any]) -> None:
    """From the machine or from the bus."""
    with pytest.raises(Refused) as refused:
        world.invoke("notify", event)
    assert refused.value.code == "event.unknown_shape"
