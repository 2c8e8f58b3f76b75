"""What a field of the policy means to a person: which change of it loosens a limit, and how it is said."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

# Which change is less careful: a greater value, a smaller one, an entry that goes, or one that comes.
Looser = Literal["greater", "smaller", "fewer", "more"]


def limit(looser: Looser, says: str = "") -> dict[str, JsonValue]:
    """What ``Field(json_schema_extra=...)`` carries for a limit.

    ``says`` is a sentence in which ``{}`` stands for the value, and ``{name}`` for another field beside it.
    """
    return {"looser": looser, "says": says} if says else {"looser": looser}
