"""The one pool of a function, kept between its invocations while what it logs in with stays the same."""

from __future__ import annotations

import logging

from nightshift_ssh.login import Credentials, Login
from nightshift_ssh.pool import Limits, Pool

logger = logging.getLogger(__name__)
_kept: dict[Credentials, Pool] = {}


def pool(credentials: Credentials, limits: Limits) -> Pool:
    """The warm pool; a fresh one when the key or known_hosts have changed. Raises as ``Login.of`` does.

    Lines of known_hosts that cannot be read are logged once for each pool, as warnings.
    """
    if credentials not in _kept:
        login = Login.of(credentials)
        close()
        for line in login.hosts.unreadable:
            logger.warning("%s; the hosts that it names are refused", line)
        _kept[credentials] = Pool(login, limits)
    return _kept[credentials]


def close() -> None:
    """Close it with all its connections."""
    while _kept:
        _kept.popitem()[1].close()
