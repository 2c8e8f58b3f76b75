"""send_digest: what healed by itself, once a day, to those who want it, and without waking anybody."""

from __future__ import annotations

import pytest

from tests.functional.machine import heal
from tests.functional.paging import paging, receiving
from tests.functional.world import World
from tests.samples import sample


def digest(world: World) -> list[str]:
    """The schedule comes round; which channels took the digest."""
    sent: list[str] = world.invoke("send_digest", sample("schedule/send_digest"))["sent"]
    return sent


def healed(world: World) -> str:
    """A node falls ill and is healed by a restart."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    world.time.shift(1)
    return incident_id


def test_what_healed_is_told_once_and_pages_nobody() -> None:
    """What, how often, by what, how long; whoever is on call sleeps."""
    with paging("  routes: [{ to: [sns] }]\n  digest: [sns]\n") as world:
        incident_id = healed(world)
        assert world.pages() == []
        assert digest(world) == ["sns"]
        assert digest(world) == []
        (page,) = world.pages()
        assert page["Subject"] == "[nightshift] healed by itself: 1 incident"
        assert "service_down on 1 node of web-prod: 1 times by restart_service" in page["Message"]
        assert incident_id in page["Message"]
        world.time.shift(2 * 86_400)
        assert digest(world) == [], "nothing healed since"


@pytest.mark.parametrize("notify", ["  routes: []\n", "  digest: []\n"])
def test_nobody_is_told_who_does_not_want_to_be(notify: str) -> None:
    """A topic may ring a telephone: the default is silence."""
    with paging(notify) as world:
        healed(world)
        assert digest(world) == []
        assert world.pages() == []


def test_a_digest_that_a_channel_does_not_take_is_sent_later() -> None:
    """By the sweep of pages; it is no error, and no machine waits for it."""
    notify = "  channels: { hook: { kind: webhook, secret: hook } }\n  digest: [hook]\n"
    with receiving() as server, paging(notify, hook=server.url) as world:
        healed(world)
        server.statuses = [500]
        assert digest(world) == []
        server.statuses = [200]
        world.time.shift(130)
        world.invoke("notify", {"page": "digest-2026-11-23"})
        (got,) = server.got
        assert (got["kind"], got["severity"]) == ("digest", "info")
