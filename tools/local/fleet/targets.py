"""Which nodes a command goes to, and how many at a time."""

import re
from collections.abc import Mapping
from typing import Any

from .errors import SsmError
from .registry import Node, Registry

MAX_INSTANCE_IDS = 50
LIMIT = re.compile(r"([1-9][0-9]*|[1-9][0-9]?%|100%|0)")


def choose_targets(request: Mapping[str, Any], registry: Registry) -> list[Node]:
    """The nodes that InstanceIds or Targets name.

    Raises:
        SsmError: InvalidInstanceId for an unknown id, ValidationException for a bad request.
    """
    ids = list(request.get("InstanceIds") or [])
    targets = list(request.get("Targets") or [])
    if bool(ids) == bool(targets):
        raise SsmError("ValidationException", "give either InstanceIds or Targets")
    if len(ids) > MAX_INSTANCE_IDS:
        raise SsmError("ValidationException", f"more than {MAX_INSTANCE_IDS} InstanceIds")
    known = registry.manageable()
    for target in targets:
        if target.get("Key") == "InstanceIds":
            ids += target.get("Values", [])
    unknown = sorted(set(ids) - set(known))
    if unknown:
        raise SsmError("InvalidInstanceId", f"Instances {unknown} not in a valid state for this account")
    tags = [one for one in targets if one.get("Key") != "InstanceIds"]
    for tag in tags:
        if not str(tag.get("Key", "")).startswith(("tag:", "tag-key")):
            raise SsmError("InvalidTarget", f"target key {tag.get('Key')!r} is unknown here")
    chosen = dict.fromkeys(ids) if ids else dict.fromkeys(known)
    return [known[one] for one in chosen if all(has_tag(known[one], tag) for tag in tags)]


def has_tag(node: Node, target: Mapping[str, Any]) -> bool:
    """Whether a node has the tag (`tag:NAME`), or a tag of that name (`tag-key`), that a target asks for."""
    key, values = str(target["Key"]), target.get("Values", [])
    if key == "tag-key":
        return any(value in node.tags for value in values)
    return node.tags.get(key.removeprefix("tag:")) in values


def absolute(limit: Any, targets: int, default: str) -> int:
    """MaxConcurrency or MaxErrors as a number; a percent is of the targets, rounded up.

    Raises:
        SsmError: ValidationException.
    """
    text = str(limit or default)
    if not LIMIT.fullmatch(text):
        raise SsmError("ValidationException", f"neither a number nor a percent: {text!r}")
    if not text.endswith("%"):
        return int(text)
    return -(-int(text[:-1]) * targets // 100)
