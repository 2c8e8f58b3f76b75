"""An error that a service answers with."""

from __future__ import annotations


class Rejected(Exception):
    """The service answers with this error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
