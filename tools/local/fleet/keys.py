"""SSH keys of the local fleet: one client key, and a host key for each node."""

from pathlib import Path

import asyncssh

KIND = "ssh-ed25519"


def ensure_client_key(path: Path) -> None:
    """Make the key pair `path` and `path.pub` with which the nodes may be entered."""
    if path.exists() and path.with_suffix(".pub").exists():
        return
    key = asyncssh.generate_private_key(KIND, comment="nightshift-local")
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())
    path.with_suffix(".pub").write_bytes(key.export_public_key())


def ensure_host_key(path: Path) -> str:
    """Make a node's host key if it has none; answers the public key as in known_hosts."""
    if not path.exists():
        key = asyncssh.generate_private_key(KIND)
        path.touch(mode=0o600)
        path.write_bytes(key.export_private_key())
    public = asyncssh.read_private_key(path).export_public_key()
    return str(public.decode().strip())
