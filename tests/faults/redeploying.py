"""The stack is deployed again while executions run: new processes, a new schema, other definitions."""

from __future__ import annotations

import copy
import sys
from typing import Any
from unittest.mock import patch

from nightshift.aws import secrets
from nightshift.settings import Settings
from tests.functional.machine import Machine
from tests.functional.world import World
from tests.samples import sample
from tests.stack import state_machine

#: States and fields of payloads that the first heal machine did not have.
LATER_STATES = (
    "StartDeployment",
    "AskApproval",
    "DrainNode",
    "IsItDrained",
    "WaitForTraffic",
    "SaveDiagnostics",
)
LATER_FIELDS = ("tries",)


def redeployed(world: World) -> None:
    """No process lives on, and the first look of the new code adopts the same policy anew; tables stay."""
    for name in [one for one in sys.modules if one.startswith("functions.")]:
        del sys.modules[name]
    Settings.current.__func__.cache_clear()  # type: ignore[attr-defined]
    secrets._read.clear()
    with patch("nightshift.policy_schema.exported", return_value="another schema"):
        assert world.invoke("adopt_policy", sample("schedule/adopt_policy"))["adopted"] is True


def began_with(machine: Machine, definition: dict[str, Any]) -> Machine:
    """The execution as Step Functions runs it: by the definition that it began with, whatever comes later."""
    machine.definition = definition
    return machine


def earlier() -> dict[str, Any]:
    """The heal machine as it was first: fewer states, and fewer fields in what it sends."""
    definition = copy.deepcopy(state_machine())
    states = definition["States"]
    for name in LATER_STATES:
        del states[name]
    for state in states.values():
        if isinstance(payload := state.get("Arguments", {}).get("Payload"), dict):
            for name in LATER_FIELDS:
                payload.pop(name, None)
    admitted = states["IsItAdmitted"]
    admitted["Choices"] = [
        one | ({"Next": "ReplaceNode"} if one["Next"] == "SaveDiagnostics" else {})
        for one in admitted["Choices"]
        if one["Next"] not in LATER_STATES or one["Next"] == "SaveDiagnostics"
    ]
    return definition


def later() -> dict[str, Any]:
    """A heal machine of the future: every payload has a field that the functions do not know yet."""
    definition = copy.deepcopy(state_machine())
    for state in definition["States"].values():
        arguments = state.get("Arguments", {})
        if isinstance(payload := arguments.get("Payload"), dict):
            payload["unheard_of"] = {"by": "these functions"}
        elif payload:
            whole = payload.removeprefix("{%").removesuffix("%}")
            arguments["Payload"] = f"{{% $merge([{whole}, {{'unheard_of': true}}]) %}}"
    return definition
