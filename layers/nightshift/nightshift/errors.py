"""The error tree: every failure has a stable code, a context, and says whether trying again can help."""

from __future__ import annotations


class NightshiftError(Exception):
    """A failure that names itself.

    ``code`` is stable and dotted (``signal.no_subject``); ``context`` holds strings that help a
    person act. ``recoverable`` says whether the same call may succeed later.
    """

    recoverable = False

    def __init__(self, code: str, message: str, **context: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.context = {name: str(value) for name, value in context.items()}


class Retryable(NightshiftError):
    """The world may be different in a moment: a conflict, a throttle, an agent not online yet."""

    recoverable = True


class Permanent(NightshiftError):
    """Trying again gives the same answer: the caller or the configuration is wrong."""


class Refused(NightshiftError):
    """Nightshift understood and will not act: bad input, an unknown subject, an unsafe policy."""


class Conflict(Retryable):
    """A conditional write lost against another writer; read again and decide again."""
