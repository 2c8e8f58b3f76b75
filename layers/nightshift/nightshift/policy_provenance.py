"""Where each value of a policy comes from: which source has the last word, and what the others say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from nightshift import policy_schema
from nightshift.policy import Policy
from nightshift.policy_layers import DEFAULTS, Layers, Said

#: By the path of each leaf (``healing.attempts``), what was said about it, the winner first.
Provenance = Mapping[str, tuple[Said, ...]]


def version(layers: Layers) -> str:
    """A name for exactly these texts, read by this code: its defaults are part of what is in force."""
    said = json.dumps([layers.texts, policy_schema.exported()])
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def leaves(policy: Policy) -> dict[str, Any]:
    """Every value of a policy by its path, also those that nobody wrote; a list is one value."""
    return dict(flat(policy.model_dump(mode="json"), ()))


def provenance(policy: Policy, layers: Layers) -> Provenance:
    """Who said what about every value of the ``policy`` that the ``layers`` were read as."""
    return {path: _said(path, value, layers) for path, value in leaves(policy).items()}


def dumped(found: Provenance) -> str:
    """A provenance as JSON text."""
    plain = {path: [asdict(one) for one in said] for path, said in found.items()}
    return json.dumps(plain, sort_keys=True, default=str)


def loaded(text: str) -> dict[str, tuple[Said, ...]]:
    """A provenance from its JSON text."""
    return {path: tuple(Said(**one) for one in said) for path, said in json.loads(text).items()}


def _said(path: str, value: object, layers: Layers) -> tuple[Said, ...]:
    """What sources and defaults say; what nobody wrote is what the code's default has become."""
    parts = path.split(".")
    said = layers.said(parts)
    try:
        default = policy_schema.default(parts)
    except LookupError:
        return said or (Said(DEFAULTS, value),)
    return (*said, Said(DEFAULTS, default if said else value))


def flat(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    """Every value below ``value``, which stands at ``path``, by its own path."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flat(inner, (*path, name))
    elif isinstance(value, list) and (policy_schema.field(path) or {}).get("uniqueItems"):
        yield ".".join(path), sorted(value)  # a set, dumped in no order
    else:
        yield ".".join(path), value
