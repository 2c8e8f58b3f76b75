"""What channels speak through: the stack's topic, and HTTPS with a deadline, a guard and no redirects.

An address may be a secret: errors name its host only. A host is resolved once, every address it has is
judged, and the connection goes to one of those that were judged.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Self
from urllib.parse import SplitResult, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from nightshift import clock
from nightshift.aws.session import client
from nightshift.errors import NightshiftError, Permanent, Refused, Retryable

#: Seconds that one page may take on one channel, with all waits; and a single answer of the network.
DEADLINE, SILENCE = 10.0, 5.0
LARGEST = 65_536  # bytes of an answer that are read
#: Answers that may be others in a moment, besides 5xx.
PASSING = frozenset({408, 425, 429})
# Link-local by its use, not by its number: the metadata service and its neighbours over IPv6.
_CLOUD = ipaddress.ip_network("fd00:ec2::/32")


@dataclass(frozen=True)
class Outside:
    """``loopback`` allows addresses of this machine: where the stack is local, and nowhere else.

    In Lambda the loopback is the runtime's own interface, which no policy may reach.
    """

    topic_arn: str
    loopback: bool = False
    deadline: float = DEADLINE

    def publish(self, subject: str, text: str) -> None:
        """Publish to the topic; SNS takes subjects of at most 100 printable ASCII characters.

        Raises Retryable ``topic.failed``, so that the other channels are tried all the same.
        """
        ascii_subject = subject.encode("ascii", "replace").decode()[:100]
        try:
            client("sns").publish(TopicArn=self.topic_arn, Subject=ascii_subject, Message=text)
        except (BotoCoreError, ClientError) as error:
            raise Retryable("topic.failed", f"the topic did not take the page: {error}") from error

    def post(
        self,
        url: str,
        body: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
        *,
        confidential: bool = True,
    ) -> bytes:
        """POST ``body`` as JSON; the answer's body when it was taken.

        A channel that asks for a pause (429 or 503 with ``Retry-After``) gets it when the deadline allows.
        Raises Refused ``channel.forbidden`` for an address that must not be spoken to; Retryable
        ``channel.throttled``, ``channel.timeout`` or ``channel.failed``; Permanent ``channel.refused`` for
        an answer that will be the same again, ``channel.unconfigured`` for what cannot be sent at all.
        """
        place = urlsplit(url)
        address = self._judged(place, confidential=confidential)
        data = json.dumps(body, ensure_ascii=False).encode()
        with _Watch(self.deadline) as watch:
            while True:
                answer, said = _once(place, address, data, headers or {}, watch)
                pause = _pause(answer)
                if pause is None:
                    return _judge(place, answer, said)
                if pause >= self.deadline or watch.over.wait(pause):
                    reason = f"{place.hostname} takes no more pages for {pause} s"
                    raise Retryable("channel.throttled", reason, retry_after=pause)

    def _judged(self, place: SplitResult, *, confidential: bool) -> str:
        """An address of the host; all of them are judged, so that none is reached by chance."""
        host = place.hostname or ""
        try:
            port = place.port or (443 if place.scheme == "https" else 80)
            found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except ValueError as error:
            raise Permanent("channel.unconfigured", "a channel's address cannot be read") from error
        except OSError as error:
            raise Retryable("channel.failed", f"the host {host} is not known") from error
        for one in map(ipaddress.ip_address, found):
            inner = getattr(one, "ipv4_mapped", None) or one
            if inner.is_link_local or inner in _CLOUD or inner.is_unspecified or inner.is_multicast:
                raise Refused("channel.forbidden", f"{host} is an address of the cloud itself")
            if inner.is_loopback and not self.loopback:
                raise Refused("channel.forbidden", f"{host} is this machine itself")
            if confidential and place.scheme != "https" and not inner.is_loopback:
                raise Refused("channel.forbidden", f"a secret would travel to {host} unencrypted")
        return next((one for one in found if ":" not in one), found[0])  # Lambda has no IPv6


@dataclass
class _Watch:
    """Cuts a connection when the deadline is over, also one whose other side answers byte by byte."""

    seconds: float
    over: threading.Event = field(default_factory=threading.Event)
    live: socket.socket | None = None

    def __enter__(self) -> Self:
        self._timer = threading.Timer(self.seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self.over.set()
        if self.live is not None:
            with suppress(OSError):  # it has hung up already
                self.live.shutdown(socket.SHUT_RDWR)


def _once(
    place: SplitResult, address: str, data: bytes, headers: Mapping[str, str], watch: _Watch
) -> tuple[http.client.HTTPResponse, bytes]:
    host, secure = place.hostname or "", place.scheme == "https"
    port = place.port or (443 if secure else 80)
    path = f"{place.path or '/'}{'?' if place.query else ''}{place.query}"
    connection = http.client.HTTPConnection(host, port, timeout=SILENCE)
    try:
        watch.live = socket.create_connection((address, port), timeout=min(SILENCE, watch.seconds))
        if secure:
            context = ssl.create_default_context()
            watch.live = context.wrap_socket(watch.live, server_hostname=host, do_handshake_on_connect=False)
            watch.live.do_handshake()
        connection.sock = watch.live
        connection.request("POST", path, data, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        return answer, answer.read(LARGEST)
    except (
        http.client.HTTPException,
        OSError,
        ValueError,
    ) as error:  # a ValueError: a header with a line break
        if watch.over.is_set() or isinstance(error, TimeoutError):
            raise Retryable("channel.timeout", f"{host} did not answer in time") from None
        raise _broken(host, error) from None
    finally:
        connection.close()


def _broken(host: str, error: Exception) -> NightshiftError:
    """Without the error's own text, which may hold the address or a header."""
    if isinstance(error, ValueError):
        return Permanent("channel.unconfigured", f"what is configured for {host} cannot be sent")
    return Retryable("channel.failed", f"{host} did not take the page: {type(error).__name__}")


def _judge(place: SplitResult, answer: http.client.HTTPResponse, said: bytes) -> bytes:
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        return said
    reason = f"{place.hostname} did not take the page: {answer.status}"
    if answer.status >= 500 or answer.status in PASSING:  # noqa: PLR2004
        raise Retryable("channel.failed", reason)
    raise Permanent("channel.refused", reason)


def _pause(answer: http.client.HTTPResponse) -> int | None:
    """The seconds that the channel asks for; None when it asks for none."""
    wanted = answer.headers.get("retry-after", "")
    if answer.status not in (429, 503) or not wanted:
        return None
    if wanted.isdecimal():
        return int(wanted)
    with suppress(ValueError, TypeError):  # neither seconds nor a date: as if it had asked for nothing
        return max(0, round((parsedate_to_datetime(wanted) - clock.now()).total_seconds()))
    return None
