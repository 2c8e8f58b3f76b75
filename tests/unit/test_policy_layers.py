"""Sources of the policy are merged by priority, always alike, and it is known who said what."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift import policy, policy_provenance, policy_schema
from nightshift.errors import Refused
from nightshift.policy_layers import DEFAULTS, Layers, Said
from tests.samples import ROOT

REMEDIES = frozenset({"restart_service", "rebuild_container", "replace_node", "clean_disk"})
SAMPLE = (ROOT / "nightshift.yaml").read_text()

keys = st.sampled_from(["a", "b", "c"])
scalars = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("xyz", max_size=2) | st.lists(st.integers(0, 3))
)
documents = st.recursive(scalars, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=12)
mappings = st.dictionaries(keys, documents, max_size=3)
several = st.lists(mappings, min_size=1, max_size=4)

#: Sound changes of the sample's limits, each a document of its own.
limits = st.fixed_dictionaries(
    {},
    optional={
        "attempts": st.integers(1, 100),
        "cooldown_seconds": st.integers(1, 300),
        "approval_for": st.lists(st.sampled_from(["low", "medium", "high"]), unique=True),
        "storm": st.fixed_dictionaries({}, optional={"gather_seconds": st.integers(0, 3600)}),
        "flapping": st.fixed_dictionaries({}, optional={"heals": st.integers(1, 100)}),
    },
)
overlays = st.fixed_dictionaries({}, optional={"healing": limits, "inventory": st.just({"max_vanished": 7})})


def layered(*values: Any) -> Layers:
    """Layers with these contents, the highest first, called s0, s1, …."""
    return Layers([(f"s{number}", yaml.safe_dump(value)) for number, value in enumerate(values)])


def paths(value: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every leaf: what is no mapping, or an empty one."""
    if not isinstance(value, dict) or not value:
        return [above]
    return [path for key, inner in value.items() for path in paths(inner, (*above, key))]


def at(value: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Whether there is anything at ``path``, and what."""
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def winner(values: list[Any], path: tuple[str, ...]) -> Any:
    """The rule of merging, said otherwise: go down from the top until somebody says something final."""
    for value in values:
        for length in range(len(path) + 1):
            there, found = at(value, path[:length])
            if there and not isinstance(found, dict):
                return found if length == len(path) else "something above it"
        there, found = at(value, path)
        if there and found != {}:
            return found
    return {}


@given(several)
def test_every_value_is_that_of_the_highest_source_that_says_something(values: list[Any]) -> None:
    """Also when a lower one says something else, or something of another shape."""
    merged = layered(*values).value
    for path in paths(merged):
        found = at(merged, path)[1]
        assert found == {} or found == winner(values, path)


@given(several)
def test_what_the_highest_source_says_always_holds(values: list[Any]) -> None:
    """Each of its leaves is in the whole, unchanged."""
    merged = layered(*values).value
    for path in paths(values[0]):
        said = at(values[0], path)[1]
        assert said == {} or at(merged, path)[1] == said


@given(several)
def test_merging_is_the_same_every_time(values: list[Any]) -> None:
    """The order of keys in a text makes no difference."""
    merged = layered(*values).value
    assert layered(*values).value == merged
    turned = [json.loads(json.dumps(value, sort_keys=True)) for value in values]
    assert layered(*turned).value == merged


@given(mappings)
def test_a_source_that_says_nothing_changes_nothing(value: Any) -> None:
    """``{}`` at any priority."""
    assert layered({}, value).value == layered(value, {}).value == value


@pytest.mark.parametrize(
    ("high", "low", "together"),
    [
        ({}, 5, 5),
        ({}, None, None),
        ({}, [1], [1]),
        (None, {"b": 1}, None),
        ([], {"b": 1}, []),
        ([2], [1], [2]),
        ({"b": 1}, 5, {"b": 1}),
        ({"b": 1}, {"c": 2}, {"b": 1, "c": 2}),
        (False, {"b": 1}, False),
    ],
)
def test_what_two_sources_say_together(high: Any, low: Any, together: Any) -> None:
    """Lists are not joined, null is a word, and {} is none."""
    assert layered({"a": high}, {"a": low}).value == {"a": together}


@settings(max_examples=25)  # each reads the whole sample
@given(st.lists(overlays, max_size=3))
def test_provenance_covers_every_value_and_names_who_won(above: list[Any]) -> None:
    """Each leaf of what is in force has its origin, and the origin said just that."""
    texts = [(f"s{number}", yaml.safe_dump(value)) for number, value in enumerate(above)]
    layers = Layers([*texts, ("file", SAMPLE)])
    sound, problems = policy.check(layers, REMEDIES)
    assert sound is not None, problems
    leaves = policy_provenance.leaves(sound)
    found = policy_provenance.provenance(sound, layers)
    assert found.keys() == leaves.keys()
    assert {path for path in leaves if path.startswith("healing.")} == {
        ".".join(path) for path, _ in policy_schema.fields() if path[0] == "healing"
    }
    order = [*(name for name, _ in texts), "file", DEFAULTS]
    contents = {name: yaml.safe_load(text) for name, text in (*texts, ("file", SAMPLE))}
    for path, said in found.items():
        names = [one.source for one in said]
        assert names == sorted(names, key=order.index)
        first = next((name for name in order[:-1] if at(contents[name], tuple(path.split(".")))[0]), DEFAULTS)
        assert names[0] == first
        if first != DEFAULTS:
            assert said[0].value == at(contents[first], tuple(path.split(".")))[1]
            assert (
                path.rpartition(".")[2]
                in (SAMPLE if first == "file" else dict(texts)[first]).splitlines()[said[0].line - 1]
            )


def test_provenance_survives_the_table() -> None:
    """Written as JSON text, read back the same."""
    layers = layered({"healing": {"attempts": 2}}, yaml.safe_load(SAMPLE))
    sound = policy.read(layers, REMEDIES)
    found = policy_provenance.provenance(sound, layers)
    assert policy_provenance.loaded(policy_provenance.dumped(found)) == dict(found)
    assert found["healing.attempts"] == (
        Said("s0", 2, 2),
        Said("s1", 3, found["healing.attempts"][1].line),
        Said(DEFAULTS, 3),
    )


def test_a_version_names_texts_sources_and_code() -> None:
    """Another text, the same text elsewhere, or other defaults are another version."""
    one = policy_provenance.version(Layers([("file", "a: 1")]))
    assert one == policy_provenance.version(Layers([("file", "a: 1")]))
    assert one != policy_provenance.version(Layers([("file", "a: 2")]))
    assert one != policy_provenance.version(Layers([("parameter_store", "a: 1")]))


def test_a_problem_stands_where_the_last_word_was_said() -> None:
    """Not in the file, whose value is fine."""
    layers = Layers([("appconfig", "healing:\n  attempts: 0"), ("file", SAMPLE)])
    (found,) = policy.check(layers, REMEDIES)[1]
    assert (found.source, found.line, found.column, found.path) == ("appconfig", 2, 13, "healing.attempts")
    assert str(found).startswith("appconfig, line 2, column 13: healing.attempts: ")


def test_what_is_not_written_above_stands_in_the_file() -> None:
    """A source with a few limits does not draw the problems of the rest to itself."""
    layers = Layers(
        [("appconfig", "healing: { attempts: 2 }"), ("file", SAMPLE.replace("app: web\n", "app: W\n", 1))]
    )
    (found,) = policy.check(layers, REMEDIES)[1]
    assert (found.source, found.path) == ("file", "groups.web-prod.app")


def test_a_source_that_was_in_force_must_be_there() -> None:
    """The refusal names it, and says how it is withdrawn."""
    layers = Layers([("file", SAMPLE)])
    layers.require(("file",))
    with pytest.raises(Refused, match=r"appconfig and environment had a say .* let it say \{\}") as refused:
        layers.require(("appconfig", "file", "environment"))
    assert refused.value.code == "policy.source_gone"


@pytest.mark.parametrize("text", ["&a [*a]", "&a {b: *a}", "a: &a [1]\nb: {c: &c {d: *c}}"])
def test_what_contains_itself_is_unreadable(text: str) -> None:
    """And told where."""
    (found,) = policy.check(text, REMEDIES)[1]
    assert (found.code, "it contains itself" in found.reason) == ("policy.unreadable", True)


def test_a_text_that_unfolds_without_end_is_unreadable() -> None:
    """A few lines of aliases can stand for a billion values; nobody waits for that."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (found,) = policy.check(bomb, REMEDIES)[1]
    assert (found.code, "100000 values" in found.reason) == ("policy.unreadable", True)
