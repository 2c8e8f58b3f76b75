"""What nodes push: who signed it, for whom it speaks, when it is too late, and what is read of it."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift import clock, pushing
from nightshift.decisions import pushes
from nightshift.errors import Refused
from nightshift.fleet import Node
from nightshift.pushing import LARGEST, MOST_LINES, Package
from tests.functional.inspecting import printed
from tests.samples import NODE
from tests.unit.facts import NOW

MASTERS = ("the master of now", "the master before")
ID = "p-1795402998-4211-1"
KNOWN = Node(
    node_id=NODE, name="web-1", app="web", group="web-prod", auto_scaling_group="web-prod",
    state="in_service", registered_at="2026-11-23T02:00:00.000Z",
)  # fmt: skip


def signed(
    body: bytes, *, master: str = MASTERS[0], at: datetime = NOW, key_of: str = NODE
) -> dict[str, str]:
    """The headers of a request that speaks for NODE."""
    timestamp = str(int(at.timestamp()))
    mac = pushing.signature(pushing.node_key(master, key_of), ID, timestamp, body)
    return {
        "nightshift-node": NODE,
        "webhook-id": ID,
        "webhook-timestamp": timestamp,
        "webhook-signature": mac,
    }


def line(seconds_ago: int = 0, **changes: object) -> str:
    """A probe's line, measured so long before NOW."""
    return printed(at=clock.iso(NOW - timedelta(seconds=seconds_ago)), **changes)


def package(*lines: str, sent_at: datetime = NOW, received_at: datetime = NOW) -> Package:
    """What came through the door."""
    return Package(
        node_id=NODE,
        message_id=ID,
        sent_at=clock.iso(sent_at),
        received_at=clock.iso(received_at),
        lines=lines,
    )


def test_the_signature_is_the_one_of_standard_webhooks() -> None:
    """Its specification's own vector."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    said = pushing.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_key_is_the_first_block_of_hkdf() -> None:
    """RFC 5869, test case 1: the same expansion, by its PRK and info."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    expected = HKDFExpand(SHA256(), 32, b"nightshift samples 1 " + NODE.encode()).derive(MASTERS[0].encode())
    assert pushing.node_key(MASTERS[0], NODE) == expected


@pytest.mark.parametrize("master", MASTERS)
def test_a_request_is_genuine_by_the_key_of_now_and_by_the_one_before(master: str) -> None:
    """So that a rotation loses nothing."""
    body = f"{line(10)}\n{line()}\n".encode()
    taken = pushing.verify(signed(body, master=master), body, MASTERS, NOW)
    assert (taken.node_id, len(taken.lines)) == (NODE, 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"webhook-signature": ""}, "push.forged"),
        ({"webhook-signature": "v1,é"}, "push.forged"),
        ({"webhook-id": "p-1795402998-4211-2"}, "push.forged"),
        ({"nightshift-node": "i-0f9e8d7c6b5a41302"}, "push.forged"),
        ({"nightshift-node": "../i-1"}, "push.unreadable"),
        ({"nightshift-node": ""}, "push.unreadable"),
        ({"webhook-id": "short"}, "push.unreadable"),
        ({"webhook-timestamp": "now"}, "push.unreadable"),
        ({"webhook-timestamp": "9999999999"}, "push.stale"),
    ],
)
def test_a_changed_header_is_refused(change: dict[str, str], code: str) -> None:
    """Another node's name above all: a node speaks for itself alone."""
    body = line().encode()
    with pytest.raises(Refused) as refused:
        pushing.verify(signed(body) | change, body, MASTERS, NOW)
    assert refused.value.code == code


def test_another_node_s_key_and_an_unknown_master_sign_for_nobody() -> None:
    """Also when the body is changed under a good signature."""
    body = line().encode()
    for headers, sent in (
        (signed(body, key_of="i-0f9e8d7c6b5a41302"), body),
        (signed(body, master="another"), body),
        (signed(body), body + b"\n"),
    ):
        with pytest.raises(Refused, match="not that of"):
            pushing.verify(headers, sent, MASTERS, NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_timestamp_is_refused_from_five_minutes_on(seconds: int) -> None:
    """In both directions; at five minutes exactly it is still taken."""
    body = line().encode()
    headers = signed(body, at=NOW + timedelta(seconds=seconds))
    with pytest.raises(Refused, match="is its clock right"):
        pushing.verify(headers, body, MASTERS, NOW)
    edge = NOW + timedelta(seconds=300 if seconds > 0 else -300)
    assert pushing.verify(signed(body, at=edge), body, MASTERS, NOW)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{" * (LARGEST + 1), "push.too_big"),
        (b"{}\n" * (MOST_LINES + 1), "push.too_big"),
        (b"", "push.unreadable"),
        (b"\n \n", "push.unreadable"),
        (b"\xff\xfe\x00", "push.unreadable"),
        (b"<html>", "push.unreadable"),
    ],
)
def test_a_body_that_is_no_lines_is_refused(body: bytes, code: str) -> None:
    """However well it is signed."""
    with pytest.raises(Refused) as refused:
        pushing.verify(signed(body), body, MASTERS, NOW)
    assert refused.value.code == code


def test_what_is_too_big_is_refused_before_anything_is_computed() -> None:
    """Nobody needs a key to be told so."""
    with pytest.raises(Refused) as refused:
        pushing.verify({}, b"x" * (LARGEST + 1), (), NOW)
    assert refused.value.code == "push.too_big"


@given(st.binary(max_size=300), st.text(max_size=80), st.text(max_size=30))
def test_nothing_that_is_not_signed_is_taken(body: bytes, signature: str, timestamp: str) -> None:
    """Whatever somebody sends, the answer is a refusal and never another error."""
    headers = signed(b"{") | {"webhook-signature": signature}
    for one in (headers, headers | {"webhook-timestamp": timestamp}):
        with pytest.raises(Refused):
            pushing.verify(one, body, MASTERS, NOW)


def test_half_a_line_is_a_row_with_its_reason_and_hides_no_other() -> None:
    """The good line counts."""
    good, half = line(), line(10)[:80]
    body = f"{half}\n{good}\n".encode()
    taken = pushing.verify(signed(body), body, MASTERS, NOW)
    broken, whole = pushes.read([taken], {NODE: KNOWN})
    assert broken.sample is None
    assert "was cut off" in broken.reason
    assert whole.sample
    assert whole.group == "web-prod"


def test_a_wrong_clock_moves_no_sample() -> None:
    """What counts is how long before it was sent it was measured, by the clock that did both."""
    sent = NOW + timedelta(minutes=4)
    (one,) = pushes.read(
        [package(printed(at=clock.iso(sent - timedelta(seconds=30))), sent_at=sent)], {NODE: KNOWN}
    )
    assert one.seen_at == NOW - timedelta(seconds=30)
    assert one.sample


@pytest.mark.parametrize(
    ("lines", "nodes", "reason"),
    [
        ((line(7_201),), {NODE: KNOWN}, "it is older than 2:00:00"),
        ((line(-30),), {NODE: KNOWN}, "it was measured after it was sent"),
        ((line(),), {}, "the inventory knows no such node"),
        (
            (line(),),
            {NODE: KNOWN.model_copy(update={"state": "terminated"})},
            "the inventory knows no such node",
        ),
        ((printed(at="yesterday"),), {NODE: KNOWN}, "'yesterday' is not an ISO-8601 instant"),
    ],
)
def test_what_counts_for_nothing_says_why(
    lines: tuple[str, ...], nodes: dict[str, Node], reason: str
) -> None:
    """And is a row all the same."""
    (one,) = pushes.read([package(*lines)], nodes)
    assert one.sample is None
    assert one.row()["reason"] == reason


def test_a_spool_is_older_than_its_signature_and_counts() -> None:
    """In the order in which it was measured, each sample once however often it came."""
    spooled = [line(seconds) for seconds in (3_600, 3_590, 10)]
    read = pushes.read([package(*spooled[1:]), package(*spooled)], {NODE: KNOWN})
    assert [one.seen_at for one in read] == [NOW - timedelta(seconds=one) for one in (3_600, 3_590, 10)]
    assert all(one.sample for one in read)
