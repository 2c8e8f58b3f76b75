"""Where pages go: the stack's SNS topic, and webhooks by HTTPS."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.aws.session import client
from nightshift.errors import Refused, Retryable

TIMEOUT = 5
# Link-local by its use, not by its number: the metadata service and its neighbours over IPv6.
_CLOUD = ipaddress.ip_network("fd00:ec2::/32")


def publish(topic_arn: str, subject: str, body: str) -> None:
    """Publish to the topic; SNS takes subjects of at most 100 printable ASCII characters.

    Raises Retryable ``topic.failed``, so that the other channels are tried all the same.
    """
    ascii_subject = subject.encode("ascii", "replace").decode()[:100]
    try:
        client("sns").publish(TopicArn=topic_arn, Subject=ascii_subject, Message=body)
    except (BotoCoreError, ClientError) as error:
        raise Retryable("topic.failed", f"the topic did not take the page: {error}") from error


def post(url: str, payload: Mapping[str, object]) -> None:
    """POST ``payload`` as JSON, without following redirects.

    Raises Refused ``webhook.forbidden`` for an address that only the cloud itself answers, and
    Retryable ``webhook.failed`` when it was not taken. The URL may be a secret: errors name the host only.
    """
    host = urlsplit(url).hostname or ""
    _refuse_metadata(host)
    request = urllib.request.Request(  # noqa: S310 - the policy admits http and https only
        url, data=json.dumps(payload).encode(), headers={"content-type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT):
            return
    except (http.client.HTTPException, OSError) as error:  # URLError is an OSError
        reason = error.code if isinstance(error, urllib.error.HTTPError) else type(error).__name__
        raise Retryable("webhook.failed", f"the webhook at {host} did not take the page: {reason}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _refuse_metadata(host: str) -> None:
    """Link-local addresses are the instance metadata and other services of the cloud itself."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except socket.gaierror as error:
        raise Retryable("webhook.failed", f"the host {host} is not known") from error
    if any(_is_the_clouds_own(ipaddress.ip_address(address)) for address in found):
        raise Refused("webhook.forbidden", f"{host} is a link-local address")


def _is_the_clouds_own(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None) or address
    return inner.is_link_local or inner in _CLOUD
