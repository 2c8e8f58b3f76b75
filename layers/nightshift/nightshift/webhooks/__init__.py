"""Who may tell us of a push, an alert or a gate: one file, one provider. No registry.

A provider module declares

- its docstring, the runbook: what it sends, how it signs, and where in its settings the secret stands;
- ``verify(request, secrets)``, which raises Refused ``webhook.forged`` unless the body was signed with one of
  ``secrets`` (the current one and the one before);
- ``read(request, now)``, the events that the body means; none for what does not concern us.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict

from nightshift import clock
from nightshift.errors import Refused
from nightshift.events import CodePushed, GateReported, SignalCleared, SignalRaised, traceparent


@dataclass(frozen=True)
class Delivery:
    """One request as it came: header names in lower case, the body's bytes, and their SHA-256."""

    headers: Mapping[str, str]
    body: bytes
    digest: str


class Shape(BaseModel):
    """What bodies are read into: unknown fields are ignored, since providers add some without notice."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Author(Shape):
    """Who made a commit."""

    name: str = ""
    email: str | None = ""


class Commit(Shape):
    """One commit, as GitHub and GitLab both tell of it."""

    id: str
    message: str = ""
    author: Author = Author()


def pushed(
    delivery: Delivery, provider: str, repositories: tuple[str, ...], ref: str, commit: Commit, now: datetime
) -> CodePushed:
    """The event of a branch that moved; the same body always gives the same ``delivery``."""
    return CodePushed(
        occurred_at=clock.iso(now),
        traceparent=traceparent(delivery.digest, "push"),
        provider=provider,
        repositories=tuple(filter(None, repositories)),
        ref=ref,
        commit=commit.id,
        author=f"{commit.author.name} <{commit.author.email or ''}>"[:300],
        message=commit.message[:1_000],
        delivery=delivery.digest,
    )


def reported(
    delivery: Delivery, commit: str, gate: str, verdict: Literal["passed", "failed"], url: str, now: datetime
) -> GateReported:
    """The event of a check that has come to its end."""
    return GateReported(
        occurred_at=clock.iso(now),
        traceparent=traceparent(delivery.digest, gate),
        commit=commit,
        gate=gate,
        verdict=verdict,
        url=url[:500],
    )


def signed(delivery: Delivery, header: str, secrets: tuple[str, ...]) -> None:
    """Raise Refused ``webhook.forged`` unless ``header`` is ``sha256=`` and the body's HMAC by a secret."""
    given = delivery.headers.get(header, "").encode()
    macs = [hmac.new(one.encode(), delivery.body, hashlib.sha256).hexdigest() for one in secrets]
    if not any(hmac.compare_digest(given, f"sha256={mac}".encode()) for mac in macs):
        raise Refused("webhook.forged", "the signature does not match")


#: What a delivery may mean.
Meaning = CodePushed | GateReported | SignalRaised | SignalCleared


class Provider(Protocol):
    """What every module in this package offers."""

    __doc__: str | None

    def verify(self, delivery: Delivery, secrets: tuple[str, ...]) -> None:
        """Raise Refused ``webhook.forged`` unless it was signed with one of ``secrets``."""
        ...

    def read(self, delivery: Delivery, now: datetime) -> tuple[Meaning, ...]:
        """What it means to us; raises Refused ``webhook.unknown_shape``."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Every provider there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Provider:
    """The provider called ``name``; raises Refused ``webhook.unknown_provider``."""
    if name not in names():
        raise Refused(
            "webhook.unknown_provider", f"there is no provider of that name; {', '.join(names())} are"
        )
    return cast(Provider, importlib.import_module(f"{__name__}.{name}"))
