"""Secrets that this process has read, kept out of everything that it says: logs, errors and their context."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress

#: Shorter texts would garble lines that have nothing to do with them; no secret of ours is as short.
SHORTEST = 6
MASK = "*****"
_hidden: set[str] = set()


def hide(secret: str) -> str:
    """Remember ``secret`` as one that is never said, and give it back."""
    if len(secret) >= SHORTEST:
        _hidden.add(secret)
    return secret


def redact(text: str) -> str:
    """``text`` with a mask for every secret, also as JSON writes it."""
    for secret in sorted(_hidden, key=len, reverse=True):  # one may be a part of another
        for form in {secret, json.dumps(secret)[1:-1]}:
            text = text.replace(form, MASK)
    return text


def redacting(serialize: Callable[..., str]) -> Callable[..., str]:
    """What writes a line of the log, with every secret masked."""
    return lambda line: redact(serialize(line))


def silenced(error: BaseException) -> BaseException:
    """The error without secrets in what it says, down to its first cause."""
    for one in _chain(error):
        one.args = tuple(redact(part) if isinstance(part, str) else part for part in one.args)
        for name in ("message", "context"):
            said = getattr(one, name, None)
            with suppress(AttributeError):  # another library's error may compute it, from its arguments
                if isinstance(said, str):
                    setattr(one, name, redact(said))
                elif isinstance(said, dict):
                    setattr(one, name, {key: redact(str(value)) for key, value in said.items()})
    return error


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
