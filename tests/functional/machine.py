"""Walks statemachines/heal.asl.json itself: real handlers, JSONata, retries and catches, and time that jumps.

Only what the machine uses is here; an unknown kind of state fails loudly.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from jsonata import Jsonata

from nightshift import clock
from tests.functional.gate import Killed
from tests.functional.world import World
from tests.stack import stack, state_machine

WAITS = ".waitForTaskToken"
STATES = 200  # an execution of more is a loop


class TaskFailed(Exception):
    """A task's error that nothing caught; ``error`` is its name as ErrorEquals knows it."""

    def __init__(self, error: str, cause: BaseException | None = None) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error


class Machine:
    """One execution of the heal machine in a world."""

    def __init__(self, world: World, incident_id: str) -> None:
        self.world = world
        self.definition = state_machine()
        self.context: dict[str, Any] = {
            "Execution": {"Input": {"incident_id": incident_id}, "Name": incident_id},
            "State": {"RetryCount": 0},
            "Task": {},
        }
        self.visited: list[str] = []
        substitutions = stack().of_type("AWS::Serverless::StateMachine")["HealStateMachine"][
            "DefinitionSubstitutions"
        ]
        self._functions = {
            f"${{{name}}}": arn.rpartition(":")[2].removeprefix("nightshift-")
            for name, arn in substitutions.items()
        }

    def run(self, until: str = "") -> dict[str, Any]:
        """Walk to the end, or to before the state ``until``; returns the data at that point."""
        name, data = self.definition["StartAt"], self.context["Execution"]["Input"]
        while name != until:
            self.visited.append(name)
            assert len(self.visited) < STATES, f"a loop: {self.visited[-12:]}"
            state = self.definition["States"][name]
            if state["Type"] == "Succeed":
                break
            name, data = self._step(state, data)
        result: dict[str, Any] = data
        return result

    def _step(self, state: dict[str, Any], data: Any) -> tuple[str, Any]:
        if state["Type"] == "Choice":
            taken = (one["Next"] for one in state["Choices"] if self._value(one["Condition"], data))
            return next(taken, state["Default"]), data
        if state["Type"] == "Wait":
            self._wait_until(clock.parse(self._value(state["Timestamp"], data)))
            return state["Next"], data
        assert state["Type"] == "Task", state
        return self._task(state, data)

    def _task(self, state: dict[str, Any], data: Any) -> tuple[str, Any]:
        try:
            result = self._tried(state, data)
        except TaskFailed as failed:
            for catch in state.get("Catch", []):
                if {failed.error, "States.ALL"} & set(catch["ErrorEquals"]):
                    output = catch.get("Output", {"Error": failed.error, "Cause": str(failed)})
                    return catch["Next"], self._value(output, data)
            raise
        return state["Next"], self._value(state.get("Output", "{% $states.result %}"), data, result)

    def _tried(self, state: dict[str, Any], data: Any) -> Any:
        retries = 0
        while True:
            try:
                self.context["State"] = {"RetryCount": retries}
                return self._attempt(state, data)
            except TaskFailed as failed:
                rule = next(
                    (
                        one
                        for one in state.get("Retry", [])
                        if {failed.error, "States.ALL"} & set(one["ErrorEquals"])
                    ),
                    {"MaxAttempts": 0},
                )
                if retries >= rule.get("MaxAttempts", 3):
                    raise
                retries += 1
                self.world.pass_time(min(2**retries, rule.get("MaxDelaySeconds", 30)))

    def _attempt(self, state: dict[str, Any], data: Any) -> Any:
        token = f"token-{len(self.world.tokens) + 1}"
        self.context["Task"] = {"Token": token}
        arguments = self._value(state["Arguments"], data)
        function = self._functions[arguments["FunctionName"]]
        waits = state["Resource"].endswith(WAITS)
        if waits:
            self.world.tokens[token] = None
        try:
            answer = self.world.invoke(function, arguments["Payload"])
        except AssertionError:
            raise
        except (Exception, Killed) as error:
            self.world.tokens.pop(token, None)
            name = "Lambda.Unknown" if isinstance(error, Killed) else type(error).__name__
            raise TaskFailed(name, error) from error
        return (
            self._token(token, self._value(state["TimeoutSeconds"], data)) if waits else {"Payload": answer}
        )

    def _token(self, token: str, timeout: int) -> Any:
        end = clock.now().timestamp() + timeout
        while self.world.tokens[token] is None:
            if clock.now().timestamp() >= end:
                del self.world.tokens[token]
                raise TaskFailed("States.Timeout")
            if not self._person() and not turn(self.world):
                self.world.pass_time(10)
        return self.world.tokens[token]

    def _person(self) -> bool:
        """The world's person hears a question, and does something about it, once."""
        incident = self.world.incident(self.context["Execution"]["Name"])
        person, asked = self.world.person, incident.approval
        if person is None or asked is None or asked.decision:
            return False
        self.world.person = None
        person(incident.incident_id)
        return True

    def _wait_until(self, moment: datetime) -> None:
        while clock.now() < moment:
            self.world.pass_time(1)

    def _value(self, value: Any, data: Any, result: Any = None) -> Any:
        if isinstance(value, dict):
            return {name: self._value(inner, data, result) for name, inner in value.items()}
        if isinstance(value, str) and value.startswith("{%"):
            expression = Jsonata(value[2:-2].strip())
            states = {"input": data, "result": result, "context": self.context}
            return json.loads(json.dumps(expression.evaluate(None, {"states": states})))
        return value


def turn(world: World) -> bool:
    """Let one thing happen outside: a command ends, or a successor comes up; False when nothing is due."""
    if world.ssm.running() and not world.stuck:
        command = world.ssm.running()[0]
        world.pass_time(2)
        world.hand("resume_step", world.finish(command, *world.effect(command)))
        return True
    return _successor(world)


def _successor(world: World) -> bool:
    now, known = set(world.instances()), set(world.readings)
    for gone in sorted(known - now):
        del world.readings[gone]
        world.hand("retire_node", world.terminated(gone))
    fresh = sorted(now - known)
    for node_id in fresh:
        world.pass_time(3)
        world.readings[node_id] = {"CPUUtilization": 5.0, "DiskUsedPercent": 10.0}
        world.hand("welcome_node", world.launched(node_id))
    return bool(fresh)


def heal(world: World, node_id: str, symptom: str = "service_down") -> tuple[str, Machine]:
    """From the alarm to the end of the machine; returns the incident's id and the machine."""
    world.speak(node_id, symptom)
    incident_id = world.subject(node_id).open_incident
    machine = Machine(world, incident_id)
    machine.run()
    return incident_id, machine
