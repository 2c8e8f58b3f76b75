"""Journals as commands read them: from a stack, or from a file that ``nightshift journal export`` wrote.

A file has one canonical JSON object a line: the entries of each chain, the inputs that are kept apart, and
each chain's head as its state remembers it. So every byte of it is vouched for by another one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightshift import journal
from nightshift.errors import NightshiftError
from nightshift.journal import Entry, Verification
from tools.cli.errors import CliError

if TYPE_CHECKING:
    from tools.cli.connection import Connection

SINCE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d{3}Z)?)?)?)?)?)?")
SHAPES = ({"chain", "entry", "hash", "seq"}, {"given", "sha256"}, {"chain", "head"})


@dataclass(frozen=True)
class Chain:
    """One incident's or deployment's entries, the oldest first; ``head`` is None where none remembers it."""

    name: str
    entries: tuple[Entry, ...]
    head: str | None

    @property
    def check(self) -> Verification:
        """Whether it is whole."""
        return journal.verify(self.name, self.entries, self.head)


@dataclass(frozen=True)
class History:
    """Some chains; ``given`` finds inputs that are kept apart; ``problems`` are lines that are not sound."""

    chains: tuple[Chain, ...]
    given: Callable[[str], str | None]
    problems: tuple[str, ...] = ()


@dataclass
class _Read:
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def of_file(path: Path) -> History:
    """What an export holds; raises CliError when it cannot be opened. Unsound lines are told, not skipped."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CliError(
            f"{path} cannot be read: {error.strerror}", "nightshift journal export ID > FILE"
        ) from error
    read = _Read()
    if content and not content.endswith(b"\n"):
        read.problems.append("the last line is not ended: the file is cut")
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        reason = _take(read, line)
        if reason:
            read.problems.append(f"line {number}: {reason}")
    names = sorted({*read.entries, *read.heads})
    chains = tuple(Chain(name, tuple(read.entries.get(name, ())), read.heads.get(name)) for name in names)
    read.problems += [f"{name} has no head: its end may be cut" for name in names if name not in read.heads]
    return History(chains, read.given.get, tuple(read.problems))


def of_stack(connection: Connection, name: str = "", since: str = "") -> History:
    """One chain by its id (the newest incident's for none), or with ``since`` all that began from then on."""
    from nightshift.aws.journals import Journals

    require_day(since)
    journals = Journals(connection.output("JournalTable"), connection.output("ArtifactsBucket"))
    heads = _begun(connection, since) if since else [head_of(connection, name)]
    chains = tuple(Chain(chain, tuple(journals.read(chain)), head) for chain, head in heads)
    return History(chains, journals.given)


def require_day(since: str) -> None:
    """Raises CliError unless ``since`` is a day or an instant, or the beginning of one."""
    if since and not SINCE.fullmatch(since):
        raise CliError(f"{since!r} is no day", "write it like 2026-11-23, or 2026-11-23T03:00")


def lines(history: History) -> Iterator[str]:
    """The lines of an export, without their ends."""
    for chain in history.chains:
        for entry in chain.entries:
            yield journal.canonical(
                {"chain": entry.chain, "entry": entry.text, "hash": entry.hash, "seq": entry.seq}
            )
        for sha256 in sorted(set(_apart(chain.entries))):
            text = history.given(sha256)
            if text is not None:
                yield journal.canonical({"given": text, "sha256": sha256})
        yield journal.canonical({"chain": chain.name, "head": chain.head})


def _take(read: _Read, line: bytes) -> str:
    """Take one line; answers what is wrong with it."""
    try:
        found = _parsed(line)
    except (ValueError, NightshiftError) as error:
        return str(error)
    if "entry" in found:
        entry = Entry(found["chain"], found["seq"], found["entry"], found["hash"])
        read.entries.setdefault(entry.chain, []).append(entry)
        return ""
    into, name, value = (
        (read.given, found["sha256"], found["given"])
        if "given" in found
        else (read.heads, found["chain"], found["head"])
    )
    if name in into:
        return f"{name} is there twice"
    into[name] = value
    return "the inputs do not match their sum" if into is read.given and journal.digest(value) != name else ""


def _parsed(line: bytes) -> dict[str, Any]:
    """A line of an export; raises ValueError for another one, and for one that is written otherwise."""
    found: Any = json.loads(line)
    if not isinstance(found, dict) or set(found) not in SHAPES:
        raise ValueError("it is no line of an export")
    if not all(isinstance(value, int if name == "seq" else str) for name, value in found.items()):
        raise ValueError("it is no line of an export")
    if journal.canonical(found).encode() != line:
        raise ValueError("it is not written as an export writes it")
    return found


def _apart(entries: Iterable[Entry]) -> Iterator[str]:
    """The sums of inputs that are kept apart; an entry that somebody has wrecked names none."""
    for entry in entries:
        try:
            found: Any = entry.content.get("decisions", [])
        except NightshiftError:
            continue
        yield from (one["given_sha256"] for one in found if "given_sha256" in one)


def head_of(connection: Connection, name: str) -> tuple[str, str]:
    """A chain and its head, as it stands with what the chain explains; the newest incident's for no name."""
    from nightshift.aws.pauses import CHAIN
    from tools.cli import operators
    from tools.cli.commands import commands, deployments, incidents

    if name == CHAIN:
        return name, operators.pauses(connection).head
    if name.startswith("dep-"):
        return name, deployments.find(connection, name).head
    if name.startswith("cmd-"):
        return name, commands.find(connection, name).head
    incident = incidents.find(incidents.store(connection), name)
    return incident.incident_id, incident.head


def _begun(connection: Connection, since: str) -> list[tuple[str, str]]:
    from nightshift.aws import tables

    found: list[tuple[str, str, str]] = []
    for table, key, begun in (
        ("IncidentsTable", "incident_id", "opened_at"),
        ("DeploymentsTable", "deployment_id", "created_at"),
    ):
        items = tables.pages("scan", TableName=connection.output(table), ConsistentRead=True)
        found += [(item[begun], item[key], item["head"]) for item in items if item.get(begun, "") >= since]
    return [(name, head) for _, name, head in sorted(found)]
