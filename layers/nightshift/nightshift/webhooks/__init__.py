"""Who may tell us of a push, an alert or a gate: one file, one provider. No registry.

A provider module declares

- its docstring, the runbook: what it sends, how it signs, and where in its settings the secret stands;
- ``DELIVERY``, the header that names a delivery and stays the same when it is sent again; empty for none;
- ``verify(delivery, secrets)``, which raises Refused ``webhook.forged`` unless the body was signed with one
  of ``secrets`` (the current one and the one before);
- ``read(delivery, now)``, the events that the body means; none for what does not concern us.

The URL's last part may name a secret, ``WebhooksUrl/jenkins/ci``: then the delivery is verified by the secret
``<stack>/gates/ci`` instead of the stack's own, and may report nothing but gates.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Literal, Protocol, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightshift import clock
from nightshift.errors import Refused
from nightshift.events import CodePushed, GateReported, SignalCleared, SignalRaised, traceparent

S = TypeVar("S", bound=BaseModel)
Verdict = Literal["passed", "failed"]
#: A commit's full id, by SHA-1 or SHA-256.
Sha = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]


@dataclass(frozen=True)
class Delivery:
    """One request as it came: header names in lower case, the body's bytes, and their SHA-256.

    ``secret`` is the name of the secret that it is verified by; empty for the stack's own.
    """

    headers: Mapping[str, str]
    body: bytes
    digest: str
    secret: str = ""


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
    delivery: Delivery, commit: str, gate: str, verdict: Verdict, url: str, now: datetime, check: str = ""
) -> GateReported:
    """The event of a check that has come to its end; ``check`` tells apart what one gate consists of."""
    return GateReported(
        occurred_at=clock.iso(now),
        traceparent=traceparent(delivery.digest, gate),
        commit=commit,
        gate=gate,
        check=check[:200],
        secret=delivery.secret,
        verdict=verdict,
        url=url[:500],
    )


def gate_of(name: str) -> str:
    """The gate that a job or a workflow is called by in the policy: ``Web / Tests`` is ``web-tests``."""
    gate = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).lstrip("-_0123456789").rstrip("-")[:63]
    if not gate:
        raise Refused("webhook.unknown_shape", "a check without a name that a gate may have")
    return gate


def parsed(model: type[S], delivery: Delivery, what: str) -> S:
    """The body as ``model``; raises Refused ``webhook.unknown_shape``, which says that it is no ``what``."""
    try:
        return model.model_validate_json(delivery.body)
    except ValidationError as error:
        raise Refused("webhook.unknown_shape", f"this is no {what}") from error


def signed(delivery: Delivery, header: str, secrets: tuple[str, ...], prefix: str = "sha256=") -> None:
    """Raise Refused ``webhook.forged`` unless ``header`` is the body's HMAC-SHA256 in hex, by a secret."""
    macs = (hmac.new(one.encode(), delivery.body, hashlib.sha256).hexdigest() for one in secrets)
    same(delivery.headers.get(header, ""), (prefix + mac for mac in macs), "the signature does not match")


def same(given: str, wanted: Iterable[str], reason: str) -> None:
    """Raise Refused ``webhook.forged`` unless ``given`` is one of ``wanted``, compared in constant time."""
    if not any(hmac.compare_digest(given.encode(errors="replace"), one.encode()) for one in wanted):
        raise Refused("webhook.forged", reason)


#: What a delivery may mean.
Meaning = CodePushed | GateReported | SignalRaised | SignalCleared


class Provider(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    DELIVERY: str

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
