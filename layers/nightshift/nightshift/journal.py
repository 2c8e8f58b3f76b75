"""The journal: one hash-chained, append-only record of every decision about one incident or deployment.

An entry is canonical JSON (sorted keys, no spaces, no floats) that holds the hash of the entry
before it; the entry's own hash is the SHA-256 of that text. Changing one byte, or removing an
entry from the middle, breaks every hash after it. The state that an entry explains is written in
the same transaction (``aws.incidents``) and carries the chain's head, so that a cut tail shows too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nightshift import clock
from nightshift.errors import Permanent

GENESIS = "0" * 64


@dataclass(frozen=True)
class Decided:
    """A pure decision that can be made again: which, by which policy and code, on what, and its answer.

    ``given`` is canonical JSON. Where it is too large for an entry it is kept apart, and only its SHA-256
    stands in the entry: ``apart`` is true then.
    """

    name: str
    policy: str
    code: str
    given: str
    answer: object
    apart: bool = False

    @property
    def content(self) -> dict[str, object]:
        """As it stands in an entry."""
        told = {"name": self.name, "policy": self.policy, "code": self.code, "answer": self.answer}
        size = {"given_sha256": digest(self.given), "given_bytes": len(self.given.encode())}
        return told | (size if self.apart else {"given": json.loads(self.given)})


@dataclass(frozen=True)
class Note:
    """What a function wants remembered: who decided what, why, and the values that were compared.

    ``kind`` is the act (``opened``, ``admission``, ``intent``, ``result``, ``verification``,
    ``closed``); ``actor`` the function; ``verdict`` its answer; ``inputs`` plain values for people, numbers
    as integers or text; ``decisions`` what was decided on the way, with everything to decide it again.
    """

    kind: str
    actor: str
    verdict: str
    reason: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    decisions: tuple[Decided, ...] = ()

    def lightened(self, most: int) -> tuple[Note, tuple[str, ...]]:
        """This note with every input of more than ``most`` bytes apart, and the texts of those."""
        large = [one for one in self.decisions if len(one.given.encode()) > most]
        light = tuple(replace(one, apart=one in large) for one in self.decisions)
        return replace(self, decisions=light), tuple(one.given for one in large)


@dataclass(frozen=True)
class Entry:
    """One link: position ``seq`` (from 1) in ``chain``, its canonical ``text`` and that text's ``hash``."""

    chain: str
    seq: int
    text: str
    hash: str

    @property
    def content(self) -> dict[str, object]:
        """The entry as plain values."""
        try:
            content = json.loads(self.text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Permanent("journal.malformed", "an entry is not an object", chain=self.chain, seq=self.seq)
        return content


@dataclass(frozen=True)
class Verification:
    """Whether a chain is whole; if not, the position of the first broken link and what is wrong with it."""

    chain: str
    entries: int
    intact: bool
    broken_at: int | None = None
    reason: str = ""


def canonical(value: object) -> str:
    """``value`` as canonical JSON.

    Raises Permanent ``journal.float`` for a float anywhere: two machines may print it differently.
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def link(chain: str, seq: int, previous: str, at: datetime, note: Note) -> Entry:
    """The entry that follows ``previous`` (the hash of entry ``seq - 1``, or ``GENESIS``)."""
    content: dict[str, object] = {
        "actor": note.actor,
        "at": clock.iso(at),
        "chain": chain,
        "inputs": dict(note.inputs),
        "kind": note.kind,
        "previous": previous,
        "reason": note.reason,
        "seq": seq,
        "verdict": note.verdict,
    }
    if note.decisions:
        content["decisions"] = [one.content for one in note.decisions]
    text = canonical(content)
    return Entry(chain, seq, text, digest(text))


def digest(text: str) -> str:
    """The SHA-256 of ``text`` in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def verify(chain: str, entries: Iterable[Entry], head: str | None = None) -> Verification:
    """Walk ``entries`` in order and check every link; ``head`` is the hash that the state remembers."""
    previous, count = GENESIS, 0
    for count, entry in enumerate(entries, start=1):
        problem = _problem(chain, count, previous, entry)
        if problem:
            return Verification(chain, count, intact=False, broken_at=count, reason=problem)
        previous = entry.hash
    if head is not None and head != previous:
        return Verification(
            chain,
            count,
            intact=False,
            broken_at=count + 1,
            reason="the tail is cut: the state remembers a later head",
        )
    return Verification(chain, count, intact=True)


def _problem(chain: str, position: int, previous: str, entry: Entry) -> str:
    if digest(entry.text) != entry.hash:
        return "the text does not match its hash"
    try:
        content = entry.content
    except Permanent as error:
        return error.message
    if (content.get("chain"), content.get("seq"), entry.seq) != (chain, position, position):
        return f"it stands at position {position} and says {content.get('chain')} #{content.get('seq')}"
    if content.get("previous") != previous:
        return "it does not follow the entry before it"
    return ""


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise Permanent("journal.float", f"{value!r} is a float; write it as text or as an integer")
    if isinstance(value, Mapping):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_floats(inner)
