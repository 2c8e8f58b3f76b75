"""A reverse proxy on the machine that the functions run on: the local stack has one for each group.

It is asked by ``POST /.nightshift/traffic`` with JSON: ``{"leave": [NODE]}`` is answered by who still answers
requests, ``{"join": [NODE]}`` by who is not found healthy yet, both as ``{"waiting": [NODE]}``. Only an
address of this machine is ever spoken to, and no redirect is followed.
By hand: ``curl --json '{"join": ["NODE"]}' PROXY/.nightshift/traffic`` (the policy has its address).
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from nightshift.errors import Retryable

ADDRESS = r"^http://127\.0\.0\.1:[1-9][0-9]{3,4}$"
PERMISSIONS: tuple[str, ...] = ()
PATH = "/.nightshift/traffic"
_TIMEOUT = 5


def leave(address: str, nodes: Sequence[str]) -> tuple[str, ...]:
    """Who of them still answers requests."""
    return _ask(address, "leave", nodes)


def join(address: str, nodes: Sequence[str]) -> tuple[str, ...]:
    """Who of them is not found healthy yet."""
    return _ask(address, "join", nodes)


def _ask(address: str, word: str, nodes: Sequence[str]) -> tuple[str, ...]:
    """Raises Retryable ``traffic.unreachable`` when the proxy does not say what it did."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT)
    try:
        body = json.dumps({word: list(nodes)})
        connection.request("POST", PATH, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise Retryable("traffic.unreachable", f"the proxy at {address} answered {answer.status}")
        return tuple(sorted(json.loads(answer.read())["waiting"]))
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise Retryable("traffic.unreachable", f"the proxy at {address}: {type(error).__name__}") from error
    finally:
        connection.close()
