"""Signed links to one question of one incident or deployment; who holds one may answer until it ends."""

from __future__ import annotations

from dataclasses import dataclass

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from nightshift.errors import Refused

LONGEST = 86_400  # seconds; no question is open for longer
SALT = "nightshift.approval"


@dataclass(frozen=True)
class Link:
    """What a link is bound to: who asks, and its ``version`` when the question was asked."""

    subject_id: str
    version: int

    def sign(self, secret: str) -> str:
        """The link as text that fits into a path."""
        return str(_serializer(secret).dumps([self.subject_id, self.version]))


def read(token: str, secret: str) -> Link:
    """The link behind ``token``; raises Refused ``link.forged`` or ``link.expired``."""
    try:
        subject_id, version = _serializer(secret).loads(token, max_age=LONGEST)
    except SignatureExpired as error:
        raise Refused("link.expired", f"the link is older than {LONGEST} s") from error
    except (BadSignature, TypeError, ValueError) as error:
        raise Refused("link.forged", "the link was not made here, or was changed") from error
    return Link(str(subject_id), int(version))


def _serializer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt=SALT)
