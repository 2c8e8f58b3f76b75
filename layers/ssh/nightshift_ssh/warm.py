"""The one pool of a function, kept between its invocations while what it logs in with stays the same."""

from __future__ import annotations

from nightshift_ssh.login import Credentials, Login
from nightshift_ssh.pool import Limits, Pool

_kept: dict[Credentials, Pool] = {}


def pool(credentials: Credentials, limits: Limits) -> Pool:
    """The warm pool; a fresh one when the key or known_hosts have changed. Raises as ``Login.of`` does."""
    if credentials not in _kept:
        login = Login.of(credentials)
        close()
        _kept[credentials] = Pool(login, limits)
    return _kept[credentials]


def close() -> None:
    """Close it with all its connections."""
    while _kept:
        _kept.popitem()[1].close()
