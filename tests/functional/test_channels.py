"""The channels by real sockets: what each gets, and what comes of one that fails, hangs or throttles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nightshift.errors import NightshiftError, Permanent, Retryable
from tests.functional.paging import CANARY, KEY, ROUTED, Receiver, opened, paging, receiving
from tests.functional.sweeping import follow, sweep
from tests.functional.world import World


@pytest.fixture
def first() -> Iterator[Receiver]:
    """The channel of the route."""
    with receiving() as server:
        yield server


@pytest.fixture
def second() -> Iterator[Receiver]:
    """The one that stands in for it."""
    with receiving() as server:
        yield server


@pytest.fixture
def routed(first: Receiver, second: Receiver) -> Iterator[World]:
    """Slack's bot first, PagerDuty when it has failed too often."""
    notify = ROUTED.format(first=first.root, second=second.root)
    with paging(notify, slack=f"xoxb-{CANARY}", pagerduty=KEY) as world:
        yield world


def test_slacks_bot_gets_blocks_and_its_token_in_a_header(routed: World, first: Receiver) -> None:
    """The title, the lines, the command and a link."""
    request = opened(routed)
    assert routed.invoke("notify", request)["sent"] == ["ops", "sns"]
    ((path, headers),) = first.asked
    (message,) = first.got
    assert (path, headers["authorization"]) == ("/api/chat.postMessage", f"Bearer xoxb-{CANARY}")
    assert message["channel"] == "C1"
    said = str(message["blocks"])
    assert f"nightshift why {request['incident_id']}" in said
    assert "*Tried:* nothing" in said
    assert message["blocks"][-2]["elements"][0]["url"].endswith(f"nightshift-heal:{request['incident_id']}")


def test_after_three_failures_the_second_channel_has_the_page(
    routed: World, first: Receiver, second: Receiver
) -> None:
    """The machine tries again; then somebody else is asked, and nobody is asked twice."""
    request = opened(routed)
    first.statuses = [500]
    for _ in range(2):
        with pytest.raises(Retryable) as failed:
            routed.invoke("notify", request)
        assert failed.value.code == "channel.failed"
    assert second.got == []
    assert routed.invoke("notify", request)["sent"] == ["oncall"]
    first.statuses = [200]
    assert routed.invoke("notify", request)["sent"] == []
    (event,) = second.got
    assert (event["event_action"], event["dedup_key"]) == ("trigger", request["incident_id"])
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["custom_details"]["Next"] == f"nightshift why {request['incident_id']}"
    assert len(routed.pages()) == 1
    routed.pass_time(200)
    assert [said for said in sweep(routed) if "page" in said] == [], "nobody misses it"


@pytest.mark.parametrize("said", ["invalid_auth", "channel_not_found"])
def test_a_channel_that_will_say_no_again_is_not_waited_for(
    routed: World, first: Receiver, second: Receiver, said: str
) -> None:
    """Slack refuses with a 200 and a word."""
    first.answer = {"ok": False, "error": said}
    assert routed.invoke("notify", opened(routed))["sent"] == ["oncall", "sns"]
    assert len(second.got) == 1


@pytest.mark.parametrize("fault", ["stalls", "drips"])
def test_a_hanging_channel_is_cut_and_delays_nobody(
    routed: World, first: Receiver, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent, or answering byte by byte: the deadline cuts it, and the topic has the page meanwhile."""
    monkeypatch.setattr("nightshift.aws.line.Outside.__init__.__defaults__", (False, 0.3))
    setattr(first, fault, True)
    request, order = opened(routed), []
    routed.pulse = lambda when, call: order.append(call) if when == "after" else None
    with pytest.raises(Retryable) as late:
        routed.invoke("notify", request)
    assert late.value.code == "channel.timeout"
    assert order.index("notify dynamodb.TransactWriteItems") < order.index("notify dynamodb.UpdateItem")
    assert len(routed.pages()) == 1


def test_a_pause_that_a_channel_asks_for_is_kept(routed: World, first: Receiver) -> None:
    """429 with a short Retry-After: one more request, one page."""
    first.statuses, first.headers = [429, 200], {"retry-after": "0"}
    assert routed.invoke("notify", opened(routed))["sent"] == ["ops", "sns"]
    assert (len(first.asked), len(first.got)) == (2, 1)


def test_a_long_pause_is_kept_by_the_sweep(routed: World, first: Receiver) -> None:
    """Longer than a function waits: the page is due when the pause is over, and not before."""
    request = opened(routed)
    first.statuses, first.headers = [429, 200], {"retry-after": "600"}
    with pytest.raises(Retryable) as throttled:
        routed.invoke("notify", request)
    assert throttled.value.code == "channel.throttled"
    routed.pass_time(590)
    assert missed(routed) == []
    routed.pass_time(15)
    assert missed(routed) == [f"the page {request['incident_id']} is missed by a channel; notify is told"]
    routed.handed = [one for one in routed.handed if one[0] == "nightshift-notify"]
    follow(routed)
    assert len(first.got) == 1
    assert missed(routed) == []


def test_a_page_that_a_function_died_over_is_sent_by_the_sweep(routed: World, first: Receiver) -> None:
    """It is stored before it is sent: whoever dies between leaves it to be found."""
    request = opened(routed)
    routed.broken["sns.Publish"] = "InternalError"
    first.statuses = [0]
    with pytest.raises(Retryable):
        routed.invoke("notify", request)
    routed.broken.clear()
    first.statuses = [200]
    routed.pass_time(130)
    assert len(missed(routed)) == 1
    routed.handed = [one for one in routed.handed if one[0] == "nightshift-notify"]
    follow(routed)
    assert len(routed.pages()) == len(first.got) == 1


def test_a_page_is_given_up_after_a_day_and_that_is_an_error(routed: World, first: Receiver) -> None:
    """Not silently: it fails for good, and its dead letter raises an alarm."""
    request = opened(routed)
    first.statuses = [500]
    routed.secrets.clear()
    with pytest.raises(NightshiftError):
        routed.invoke("notify", request)
    routed.time.shift(86_500)
    with pytest.raises(Permanent) as given_up:
        routed.invoke("notify", {"page": request["incident_id"]})
    assert given_up.value.code == "page.undelivered"
    assert missed(routed) == []


def test_what_was_paged_is_resolved_where_it_was_paged(first: Receiver, second: Receiver) -> None:
    """PagerDuty's alert by its key, Slack's thread by a reply; the topic gets no second e-mail."""
    notify = ROUTED.format(first=first.root, second=second.root).replace("[ops],", "[ops, oncall],")
    with paging(notify, slack=f"xoxb-{CANARY}", pagerduty=KEY) as world:
        request = opened(world)
        world.invoke("notify", request)
        node = world.incident(request["incident_id"]).subject
        world.invoke("close_incident", {**request, "outcome": "escalated"})
        world.get_well(node)
        world.pass_time(5)
        world.speak(node, state="OK")
        assert sorted(world.deliver("IncidentResolved")["sent"]) == ["oncall", "ops"]
        assert world.deliver("IncidentResolved")["sent"] == [], "once"
        assert first.got[1]["thread_ts"] == "1.5"
        trigger, resolve = second.got
        assert (resolve["event_action"], resolve["dedup_key"]) == ("resolve", trigger["dedup_key"])
        assert len(world.pages()) == 1
        assert world.story(request["incident_id"]).count(("page", "over")) == 2


def test_what_nobody_was_paged_about_is_not_told_to_be_over(routed: World, first: Receiver) -> None:
    """A heal in silence stays silent."""
    request = opened(routed)
    routed.invoke("close_incident", {**request, "outcome": "healed"})
    assert routed.deliver("IncidentHealed")["sent"] == []
    assert (first.got, routed.pages()) == ([], [])


def test_an_escalation_whose_event_was_lost_is_paged_by_the_sweep(routed: World, first: Receiver) -> None:
    """No page was ever stored: the lost event is handed to notify; and not for a denial, nor twice."""
    request = opened(routed)
    routed.invoke("close_incident", {**request, "outcome": "escalated"})
    assert missed(routed) == [], "its event may be on its way"
    routed.pass_time(61)
    assert missed(routed) == [f"the page {request['incident_id']} was never sent; notify is told"]
    routed.handed = [one for one in routed.handed if one[0] == "nightshift-notify"]
    follow(routed)
    assert len(first.got) == len(routed.pages()) == 1
    assert missed(routed) == []


def test_a_channel_on_this_machine_is_forbidden_unless_the_stack_is_local(
    routed: World, first: Receiver
) -> None:
    """In Lambda the loopback is the runtime's own interface."""
    routed.variables["LOCAL_CHANNELS"] = "false"
    with pytest.raises(NightshiftError) as forbidden:
        routed.invoke("notify", opened(routed))
    assert forbidden.value.code in {"channel.forbidden", "channel.failed"}
    assert first.asked == []


def missed(world: World) -> list[str]:
    """What a round of sweeps says of pages."""
    return [said for said in sweep(world) if "the page" in said]
