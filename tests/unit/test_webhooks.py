"""What providers send: verified by their own rules and vectors, read, or refused without a hint."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from nightshift import webhooks
from nightshift.errors import Refused
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
        ("gitlab", "Pipeline Hook", {}),
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
