"""What must not stand in a policy, which is kept and shown as plain text: secrets are named, never said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

CODE = "policy.secret"
INSTEAD = "keep it in Secrets Manager, and let the policy name that secret (notify.channels, credentials)"
#: Keys that hold a secret's name; what is no name, or looks drawn by lot, is the secret itself.
_NAMES = re.compile(r"(^|_)(secret|credentials)$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_+=.@:-]{0,199}")
_DRAWN = re.compile(r"[0-9a-fA-F]{24,}|(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9_+/=-]{20,}")
#: Keys that would hold the secret itself.
_HOLDS = re.compile(
    r"(^|_)(token|password|passphrase|passwd|api_?key|access_?key|private_?key|routing_?key)$"
)
_LOOKS = {
    "a Slack webhook": re.compile(r"hooks\.slack(-gov)?\.com/(services|workflows|triggers)/", re.IGNORECASE),
    "a Discord webhook": re.compile(r"discord(app)?\.com/api/webhooks/", re.IGNORECASE),
    "a Teams webhook": re.compile(r"webhook\.office\.com/|office\.com/webhook/", re.IGNORECASE),
    "a Slack token": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}"),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a GitHub token": re.compile(r"\b(gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    "a GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{16,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a signed token (JWT)": re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\."),
}
_PARAMETER = re.compile(
    r"^(sig|signature|secret|token|access_?token|auth|key|api_?key|routing_?key|password|pwd|code)$",
    re.IGNORECASE,
)

Place = tuple[str | int, ...]


def literal(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every place of a policy's plain values that holds what looks like a secret, and why it does.

    The reason never holds the value.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from literal(inner, (*place, str(key)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from literal(inner, (*place, number))
    elif isinstance(value, str) and (looks := _looks_like(value, place)):
        yield place, f"this looks like {looks}, and a policy is plain text: {INSTEAD}"


def _looks_like(value: str, place: Place) -> str:
    key = next((part for part in reversed(place) if isinstance(part, str)), "")
    if value and _HOLDS.search(key):
        return f"a literal {key}"
    if value and _NAMES.search(key) and (not _NAME.fullmatch(value) or _DRAWN.fullmatch(value)):
        return f"a literal {key}"
    for what, pattern in _LOOKS.items():
        if pattern.search(value):
            return what
    return _in_url(value)


def _in_url(value: str) -> str:
    """What a URL gives away in its user part or its query."""
    if "://" not in value:
        return ""
    try:
        url = urlsplit(value)
    except ValueError:
        return ""
    if url.password:
        return "a URL with a password"
    for name, inner in parse_qsl(url.query):
        if inner and _PARAMETER.fullmatch(name):
            return f"a URL with a {name}"
    return ""
