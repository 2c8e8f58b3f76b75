"""A world with three nodes without an agent besides its two: one answers, one is not itself, one is dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from nightshift.aws import session
from nightshift.aws.ssh_login import KNOWN_HOSTS
from nightshift_ssh import warm
from tests.functional.staging import made
from tests.functional.world import World
from tests.ssh.servers import Site, another_key, free_port
from tests.stack import stack


@contextmanager
def racked(policy: str, site: Site) -> Iterator[World]:
    """The world under ``policy``, with nodes called good, changed and dark in the group depot."""
    (first, second), port = site.servers[0].hosts, site.servers[0].port
    racks = f"""
ssh:
  nodes:
    good: {{ host: {first}, port: {port}, group: depot }}
    changed: {{ host: {second}, port: {port}, group: depot }}
    dark: {{ host: 127.0.0.1, port: {free_port()}, group: depot }}
"""
    credentials = site.credentials()
    login = {"user": credentials.user, "private_key": credentials.private_key_pem}
    with made(policy + racks) as world:
        world.secrets["ssh"] = json.dumps(login)
        put(f"[{first}]:{port} {site.servers[0].public_key}\n[{second}]:{port} {another_key(7)}\n")
        yield world
    warm.close()


def put(known_hosts: str) -> None:
    """What is known of hosts."""
    place = {"Bucket": stack().ref("ArtifactsBucket"), "Key": KNOWN_HOSTS}
    session.client("s3").put_object(**place, Body=known_hosts.encode())
