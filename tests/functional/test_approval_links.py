"""The signed link of an approval: shows, takes one answer, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from nightshift.links import Link
from tests.functional.staging import made
from tests.functional.test_approvals import CAREFUL, asked
from tests.functional.world import World
from tests.samples import sample


@pytest.fixture
def careful() -> Iterator[World]:
    """A world in which replacing a node needs a person."""
    with made(CAREFUL) as world:
        world.cures = {"Welcome"}
        yield world


def visit(world: World, token: str, **form: str) -> dict[str, Any]:
    """Open the link, or post its form."""
    event = sample("http/approval_decide" if form else "http/approval_show")
    event["pathParameters"]["token"] = token
    if form:
        event.update(body=urlencode(form), isBase64Encoded=False)
    return world.invoke("answer_approval", event)


def token_of(world: World) -> str:
    """The token in the question that was sent."""
    found = re.search(r"https://\S+/approvals/(\S+)", world.pages()[-1]["Message"])
    assert found
    return found[1]


def test_a_link_shows_the_question_and_changes_nothing_until_it_is_answered_once(careful: World) -> None:
    """However often it is opened; the second answer is told who was first."""
    incident_id, _ = asked(careful)
    token, before = token_of(careful), careful.incident(incident_id)
    for _ in range(2):
        shown = visit(careful, token)
        assert shown["statusCode"] == 200
        assert "replace_node" in shown["body"]
        assert shown["headers"]["cache-control"] == "no-store"
        assert "default-src 'none'" in shown["headers"]["content-security-policy"]
    assert careful.incident(incident_id) == before
    assert (
        visit(careful, token, decision="approve", by="<b>ada</b>", why="it is <night>")["statusCode"] == 200
    )
    assert careful.tokens["token-ask"] == {"incident_id": incident_id}
    second = visit(careful, token, decision="deny", by="eve")
    assert second["statusCode"] == 409
    assert "&lt;b&gt;ada" in second["body"]


def test_a_link_that_does_not_count_says_so(careful: World) -> None:
    """Changed, signed by another secret, for another question, malformed, too late."""
    incident_id, _ = asked(careful)
    token = token_of(careful)
    version = int(careful.incident(incident_id).version)
    assert visit(careful, f"{token}x", decision="approve", by="eve")["statusCode"] == 403
    assert visit(careful, Link(incident_id, version).sign("guessed"))["statusCode"] == 403
    other = Link(incident_id, version + 7).sign("signs links in tests")
    assert visit(careful, other, decision="approve", by="eve")["statusCode"] == 410
    assert visit(careful, token, decision="maybe", by="eve")["statusCode"] == 400
    careful.pass_time(121)
    assert visit(careful, token, decision="approve", by="eve")["statusCode"] == 410
    assert careful.tokens["token-ask"] is None
