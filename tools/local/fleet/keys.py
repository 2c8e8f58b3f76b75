"""Keys of the local fleet: of its SSH clients, of each SSH host, and what a node signs its samples with."""

import hmac
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


def bring_push_key(master_file: Path, node_id: str, path: Path) -> None:
    """Write the key that a node signs its samples with, as a person would bring it; none without a master.

    It is derived as `nightshift.pushing.node_key` does, which the fleet cannot import.
    """
    if not master_file.exists():
        return
    master = master_file.read_text().strip().encode()
    key = hmac.digest(master, b"nightshift samples 1 " + node_id.encode() + b"\x01", "sha256")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{key.hex()}\n")
