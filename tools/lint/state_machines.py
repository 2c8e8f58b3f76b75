"""Wraps each statemachines/*.asl.json in a plain CloudFormation state machine that cfn-lint can read.

cfn-lint checks the states language only inside AWS::StepFunctions::StateMachine; a broken file behind
the serverless type's DefinitionUri passes it, and passes `sam validate --lint` as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DUMMY_ARN = "arn:aws:lambda:us-east-1:000000000000:function:dummy"
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


class DefinitionBroken(Exception):
    """A state machine's file cannot be read as JSON, or disagrees with the template about names."""


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, whose values do not matter here."""


def _any_tag(loader: _Template, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {suffix: loader.construct_mapping(node, deep=True)}
    raise DefinitionBroken(f"an unknown kind of YAML node: {node.tag}")


_Template.add_multi_constructor("!", _any_tag)


def wrap(definition: Path) -> dict[str, Any]:
    """A template with this one state machine, every substitution filled with a dummy ARN.

    Raises:
        DefinitionBroken: the file is not JSON.
    """
    text = definition.read_text()
    try:
        states = json.loads(_PLACEHOLDER.sub(DUMMY_ARN, text))
    except json.JSONDecodeError as error:
        raise DefinitionBroken(f"{definition}: not JSON: {error}") from error
    for state in states.get("States", {}).values():
        # Step Functions takes an expression here (JSONata); cfn-lint knows a number only.
        if str(state.get("TimeoutSeconds", "")).startswith("{%"):
            state["TimeoutSeconds"] = 1
    logical_id = "".join(part.title() for part in re.split(r"\W|_", definition.name.split(".")[0]))
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            logical_id: {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::000000000000:role/dummy",
                    "Definition": states,
                },
            }
        },
    }


def dangling(definition: Path) -> list[str]:
    """Transitions to states that do not exist, and states that no transition reaches.

    cfn-lint checks each state by itself; Step Functions refuses the machine only when it is deployed.
    """
    return [f"{definition}: {problem}" for problem in _dangling(json.loads(definition.read_text()))]


def _dangling(machine: dict[str, Any]) -> Iterator[str]:
    states: dict[str, dict[str, Any]] = machine["States"]
    reached = {machine["StartAt"]}
    for name, state in states.items():
        targets = set(_targets(state))
        reached |= targets
        yield from (
            f"{name} goes to {target}, which does not exist" for target in sorted(targets - states.keys())
        )
        inner = [
            *state.get("Branches", []),
            *(state[key] for key in ("ItemProcessor", "Iterator") if key in state),
        ]
        for each in inner:
            yield from _dangling(each)
    yield from (f"no transition reaches {name}" for name in sorted(states.keys() - reached))


def _targets(state: dict[str, Any]) -> Iterator[str]:
    yield from (state[key] for key in ("Next", "Default") if key in state)
    for rule in (*state.get("Choices", []), *state.get("Catch", [])):
        if "Next" in rule:
            yield rule["Next"]


def disagreements(definition: Path, template: Path) -> list[str]:
    """Names used in the definition and not given by the template's resource for it, or the reverse."""
    used = set(_PLACEHOLDER.findall(definition.read_text()))
    given = _substitutions(definition, template)
    if given is None:
        return [f"{definition}: no resource in {template} has it as DefinitionUri"]
    return [
        *(f"{definition}: ${{{name}}} is not given in {template}" for name in sorted(used - given)),
        *(f"{definition}: {name} is given in {template}, not used" for name in sorted(given - used)),
    ]


def _substitutions(definition: Path, template: Path) -> set[str] | None:
    resources = _Template(template.read_text()).get_single_data()["Resources"]
    for resource in resources.values():
        properties = resource.get("Properties") or {}
        uri = properties.get("DefinitionUri")
        if isinstance(uri, str) and (template.parent / uri).resolve() == definition.resolve():
            return set(properties.get("DefinitionSubstitutions") or {})
    return None
