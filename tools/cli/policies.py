"""Reads policies for ``nightshift config``: those in files, and the one in force with its origins."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nightshift import policy, policy_schema, policy_sizes, remedies
from nightshift.aws.policies import Policies
from nightshift.fleet import Capacity
from nightshift.policy import Policy
from nightshift.policy_layers import Layers, Said
from nightshift.policy_provenance import Provenance
from nightshift.policy_source import Problem
from nightshift.policy_words import masked, said
from tools.cli.connection import Connection
from tools.cli.errors import CliError

_OF_GROUP = re.compile(r"(groups\.[^.]+)\.(healing(?:\..+)?)")


def read(files: Sequence[Path]) -> Layers:
    """The texts of ``files``, the first with the last word; raises CliError."""
    texts = []
    for file in files:
        try:
            texts.append((str(file), file.read_text(encoding="utf-8")))
        except UnicodeDecodeError as error:
            raise CliError(f"{file} is not UTF-8 text: {error}", "save it as UTF-8") from error
    return Layers(texts)


def checked(layers: Layers) -> tuple[Policy | None, list[Problem]]:
    """The policy if it is sound, else all that is wrong with it."""
    return policy.check(layers, remedies.names())


def unfit(connection: Connection, layers: Layers, sound: Policy) -> list[Problem]:
    """Limits that groups of their real size could not live with."""
    return policy_sizes.check(layers, sound, _sizes(connection, sound))


def print_problems(problems: Sequence[Problem]) -> None:
    """As compilers do, so that an editor jumps there."""
    for one in problems:
        print(f"{one.source}:{one.line}:{one.column}: {one.path}: {one.reason}")


def in_force(connection: Connection) -> dict[str, Any]:
    """The policy in force, since when, out of which sources, and what was refused since."""
    policies = Policies(connection.output("PoliciesTable"))
    version, current = policies.current()
    pointer = policies.pointer()
    return {
        "version": version,
        "adopted_at": pointer.adopted_at,
        "sources": list(pointer.sources),
        "refused": pointer.refused.model_dump() if pointer.refused else None,
        "policy": masked(current.model_dump(mode="json")),
    }


def print_policy(found: Mapping[str, Any]) -> None:
    """As YAML that is itself a policy; what is no part of it stands in comments."""
    import yaml

    print(
        f"# version {found['version']}, adopted at {found['adopted_at']}, from {', '.join(found['sources'])}"
    )
    if found["refused"]:
        refused = found["refused"]
        print(f"# REFUSED since {refused['at']}: {refused['policy_version']}: {refused['reason']}")
    print(yaml.safe_dump(found["policy"], sort_keys=False, allow_unicode=True, width=100), end="")


def explained(connection: Connection, key: str) -> list[dict[str, Any]]:
    """What was said about a value, or about each value of a section; raises CliError for none."""
    origins = Policies(connection.output("PoliciesTable")).provenance()
    if not origins:
        raise CliError(
            "the policy in force was adopted without its origins",
            "let it be adopted again: aws lambda invoke --function-name nightshift-adopt_policy /dev/stdout",
        )
    found = {path: said for path, said in origins.items() if _is_within(key, path)}
    found |= _inherited(key, origins)
    return [_row(path, said) for path, said in found.items()] or _unknown(key, origins)


def _inherited(key: str, origins: Provenance) -> dict[str, tuple[Said, ...]]:
    """Limits of one group: what it says for itself, and below that what the policy says for all."""
    match = _OF_GROUP.fullmatch(key)
    if match is None or f"{match[1]}.app" not in origins:
        return {}
    return {
        f"{match[1]}.{path}": (*origins.get(f"{match[1]}.{path}", ()), *said)
        for path, said in origins.items()
        if _is_within(match[2], path)
    }


def _is_within(key: str, path: str) -> bool:
    return path == key or path.startswith(f"{key}.")


def _unknown(key: str, origins: Mapping[str, object]) -> list[dict[str, Any]]:
    near = get_close_matches(key, [*origins, *{path.rpartition(".")[0] for path in origins}], 3)
    raise CliError(
        f"the policy in force has no {key}",
        f"is it {' or '.join(near)}?" if near else "see them all: nightshift config show",
    )


def _row(path: str, origins: Sequence[Said]) -> dict[str, Any]:
    schema = policy_schema.field(path.split(".")) or {}
    shown = [{**asdict(one), "value": masked(one.value, path)} for one in origins]
    return {
        "key": path,
        "value": shown[0]["value"],
        "source": origins[0].source,
        "description": schema.get("description", ""),
        "said": shown,
    }


def print_explained(rows: Sequence[Mapping[str, Any]]) -> None:
    """One value with all that was said about it; of a section each value in a line."""
    for row in rows:
        print(
            f"{row['key']}: {said(row['key'], row['value'])}"
            + (f"  ({row['source']})" if len(rows) > 1 else "")
        )
    if len(rows) > 1:
        print("more about one: nightshift config explain KEY")
        return
    print(f"  {rows[0]['description']}")
    for number, one in enumerate(rows[0]["said"]):
        place = f"{one['source']}, line {one['line']}" if one["line"] else one["source"]
        print(f"  {place}: {said(rows[0]['key'], one['value'])}{'' if number else '  <- in force'}")


def current(connection: Connection) -> Policy:
    """The policy in force."""
    return Policies(connection.output("PoliciesTable")).current()[1]


def sound(file: Path) -> Policy:
    """The policy in a file; raises CliError when it is not sound, after saying why."""
    found, problems = checked(read([file]))
    if found is None:
        print_problems(problems)
        raise CliError(f"{file} is no sound policy", "mend what stands above")
    return found


def _sizes(connection: Connection, sound: Policy) -> dict[str, Capacity]:
    """The groups as Auto Scaling has them; one that it does not know is said, and judged when it comes."""
    names = {group.auto_scaling_group: name for name, group in sound.groups.items()}
    pages = connection.client("autoscaling").get_paginator("describe_auto_scaling_groups")
    found = [group for page in pages.paginate() for group in page["AutoScalingGroups"]]
    sizes = {
        names[group["AutoScalingGroupName"]]: Capacity(
            desired=group["DesiredCapacity"], largest=group["MaxSize"]
        )
        for group in found
        if group["AutoScalingGroupName"] in names
    }
    for missing in sorted(set(names.values()) - set(sizes)):
        print(f"there is no Auto Scaling group for {missing} yet", file=sys.stderr)
    return sizes
