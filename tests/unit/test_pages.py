from __future__ import annotations

from nightshift import pages
from tests.unit.facts import INCIDENT, NODE, incident, level, node, tried


def test_a_page_says_what_was_tried_why_it_stops_and_what_to_do_next() -> None:
    """Whoever is woken reads five lines and knows where to go on."""
    page = pages.compose(incident(levels=tried("restart_service")), node(), "nothing is left to try")
    what, alarm, tried_line, why, following = page.body.splitlines()
    assert what.startswith(
        "What: service_down on web-1 (i-0a1b2c3d4e5f60718) of web-prod, since 2026-11-23T02:"
    )
    assert alarm == "Alarm: nightshift-node-service_down"
    assert tried_line == "Tried: level 1 restart_service: failed after 0 s"
    assert why == "Why you: nothing is left to try"
    assert following == f"Next: nightshift why {INCIDENT}"


def test_a_page_about_an_unknown_node_names_its_id() -> None:
    """A node that left the inventory, or was never in it, is still named."""
    page = pages.compose(incident(group=""), None, "cannot see the node")
    assert page.title == f"[nightshift] service_down on {NODE} needs you"
    assert "of no group" in page.body
    assert "Tried: nothing" in page.body


def test_a_page_quotes_the_last_line_of_a_remedys_output_and_cuts_it() -> None:
    """A node's output may be long; one short line of it tells most."""
    output = level(1, "restart_service", detail="Failed: one\ntwo\n" + "x" * 500)
    page = pages.compose(incident(levels=(output,)), node(), "why")
    assert f"({'x' * 120})" in page.body
    assert "two" not in page.body


def test_every_page_about_an_incident_has_the_same_key() -> None:
    """A pager drops duplicates by it, whatever the reason says by then."""
    first = pages.compose(incident(), node(), "one reason")
    second = pages.compose(incident(levels=tried("restart_service")), None, "another reason")
    assert first.key == second.key == INCIDENT
    assert first.payload()["dedup_key"] == INCIDENT
    assert set(first.payload()) >= {"version", "dedup_key", "title", "text", "severity", "link"}
