"""Several sources of one policy, merged by priority: what each says, where, and who has the last word.

A mapping is merged key by key; anything else (a list too) is taken whole from the highest source that
says it. ``{}`` says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from nightshift.errors import Refused
from nightshift.policy_source import Problem, Source

DEFAULTS = "defaults"  # the name under which the code's own defaults are told


@dataclass(frozen=True)
class Said:
    """What one source says about one key; ``line`` counts from 1, and is 0 where there is no text."""

    source: str
    value: Any
    line: int = 0


class Layers:
    """The texts of all sources, the highest priority first, read as one policy.

    ``value`` is what they say together; ``problems`` is what is wrong with the texts themselves.
    """

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        self.texts = tuple(texts)
        self._sources = {name: Source(text) for name, text in texts}
        self.problems = [problem for name in self._sources for problem in self._own(name)]
        self.value: Any = {}
        for source in reversed(self._sources.values()):
            self.value = merge(source.value, self.value)

    @classmethod
    def of(cls, text: str) -> Self:
        """One text whose source needs no name."""
        return cls([("", text)])

    @property
    def speaking(self) -> tuple[str, ...]:
        """The sources that say anything, the highest first."""
        return tuple(name for name, source in self._sources.items() if source.value)

    def problem(self, place: Sequence[str | int], reason: str, code: str, kind: str = "") -> Problem:
        """``reason`` at ``place`` in the source that has the last word about it, or about its parent."""
        found = {name: source.problem(place, reason, code, kind) for name, source in self._sources.items()}
        depths = {name: source.depth(place) for name, source in self._sources.items()}
        name = max(depths, key=lambda one: depths[one])  # of equals the first, which is the highest
        return replace(found[name], source=name)

    def said(self, path: Sequence[str]) -> tuple[Said, ...]:
        """What each source says about ``path``, the highest first; those that say nothing are left out."""
        found = []
        for name, source in self._sources.items():
            value = source.value
            for part in path:
                if not isinstance(value, Mapping) or part not in value:
                    break
                value = value[part]
            else:
                found.append(Said(name, value, source.line(path)))
        return tuple(found)

    def require(self, before: Sequence[str]) -> None:
        """Raises Refused ``policy.source_gone`` when a source that was in force is not there any more.

        What it tightened would be loose again without anybody having said so.
        """
        gone = [name for name in before if name not in self._sources]
        if gone:
            raise Refused(
                "policy.source_gone",
                f"{' and '.join(gone)} had a say in the policy in force and cannot be found; to withdraw"
                " a source let it say {}, and take it away when that is adopted",
            )

    def _own(self, name: str) -> list[Problem]:
        """What is wrong with one source, whatever the others say."""
        source = self._sources[name]
        problems = [replace(problem, source=name) for problem in source.problems]
        if not problems and not isinstance(source.value, Mapping):
            reason = "a mapping is needed here, of keys and what they are; {} says nothing"
            problems.append(replace(source.problem((), reason, "policy.invalid"), source=name))
        return problems


def merge(high: Any, low: Any) -> Any:
    """What ``high`` and ``low`` say together, where ``high`` has the last word."""
    if not isinstance(high, Mapping):
        return high
    if not isinstance(low, Mapping):
        return high or low
    return {
        **low,
        **{key: merge(value, low[key]) if key in low else value for key, value in high.items()},
    }
