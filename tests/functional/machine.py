"""Walks a state machine's definition: real handlers, JSONata, retries and catches, and time that jumps.

Only what the machine uses is here; an unknown kind of state fails loudly.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from jsonata import Jsonata

from nightshift import clock
from tests.functional.gate import Killed
from tests.functional.world import World
from tests.stack import stack, state_machine

WAITS = ".waitForTaskToken"
STATES = 200  # an execution of more is a loop
NAMED = {"heal": "incident_id", "deploy": "deployment_id", "run": "command_id"}
TOKENS = count(1)  # each is a token of its own, whichever execution waits for it


class TaskFailed(Exception):
    """A task's error that nothing caught; ``error`` is its name as ErrorEquals knows it."""

    def __init__(self, error: str, cause: BaseException | None = None) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error


class Machine:
    """One execution of the heal machine (or the deploy machine) in a world.

    ``run`` walks alone through time; ``advance`` is one move at the present moment, so that several
    executions can take turns. A failed task is tried again when its pause is over.
    """

    def __init__(self, world: World, name: str, kind: str = "heal") -> None:
        self.world = world
        self.definition = state_machine(kind)
        given = {NAMED[kind]: name}
        self.context: dict[str, Any] = {
            "Execution": {"Input": given, "Name": name},
            "State": {"RetryCount": 0},
            "Task": {},
        }
        self.visited: list[str] = []
        substitutions = stack().of_type("AWS::Serverless::StateMachine")[f"{kind.title()}StateMachine"][
            "DefinitionSubstitutions"
        ]
        self._functions = {
            f"${{{name}}}": arn.rpartition(":")[2].removeprefix("nightshift-")
            for name, arn in substitutions.items()
        }
        self._begin()

    def _begin(self) -> None:
        self.name, self.data = str(self.definition["StartAt"]), self.context["Execution"]["Input"]
        self.token, self.over, self._entered = "", False, False
        self._retries, self._wake, self._end = 0, 0.0, 0.0

    def run(self, until: str = "") -> dict[str, Any]:
        """Walk from the start to the end, or to before the state ``until``; the data at that point."""
        self._begin()
        while not self.over and self.name != until:
            if not self.advance():
                self._pass_time()
        result: dict[str, Any] = self.data
        return result

    def advance(self) -> bool:
        """One move: a state, a try of it, or its answer; False when there is nothing to do but wait.

        Raises TaskFailed, and is over, when nothing catches a task's error.
        """
        now = clock.now().timestamp()
        if self.over or now < self._wake:
            return False
        if self.token and self.world.tokens[self.token] is None and now < self._end:
            return False
        state = self.definition["States"][self.name]
        if not self._entered:
            self.visited.append(self.name)
            assert len(self.visited) < STATES, f"a loop: {self.visited[-12:]}"
            self._entered = True
        if state["Type"] == "Succeed":
            self.over = True
        elif state["Type"] == "Choice":
            taken = (one["Next"] for one in state["Choices"] if self._value(one["Condition"], self.data))
            self._go(next(taken, state["Default"]), self.data)
        elif state["Type"] == "Wait":
            moment = clock.parse(self._value(state["Timestamp"], self.data)).timestamp()
            if now < moment:
                self._wake = moment
                return False
            self._go(state["Next"], self.data)
        else:
            assert state["Type"] == "Task", state
            self._task(state)
        return True

    def _go(self, name: str, data: Any) -> None:
        self.name, self.data, self.token, self._entered = name, data, "", False
        self._retries, self._wake = 0, 0.0

    def _task(self, state: dict[str, Any]) -> None:
        """Try it, or take the answer that it waited for."""
        try:
            result = self._answer() if self.token else self._attempt(state)
        except TaskFailed as failed:
            self.token = ""
            if not self._again(state, failed):
                self._caught(state, failed)
            return
        if result is not None:
            output = self._value(state.get("Output", "{% $states.result %}"), self.data, result)
            self._go(state["Next"], output)

    def _again(self, state: dict[str, Any], failed: TaskFailed) -> bool:
        matching = (
            one for one in state.get("Retry", []) if {failed.error, "States.ALL"} & set(one["ErrorEquals"])
        )
        rule = next(matching, {"MaxAttempts": 0})
        if self._retries >= rule.get("MaxAttempts", 3):
            return False
        self._retries += 1
        self._wake = clock.now().timestamp() + min(2**self._retries, rule.get("MaxDelaySeconds", 30))
        return True

    def _caught(self, state: dict[str, Any], failed: TaskFailed) -> None:
        for catch in state.get("Catch", []):
            if {failed.error, "States.ALL"} & set(catch["ErrorEquals"]):
                output = catch.get("Output", {"Error": failed.error, "Cause": str(failed)})
                self._go(catch["Next"], self._value(output, self.data))
                return
        self.over = True
        raise failed

    def _attempt(self, state: dict[str, Any]) -> Any:
        """Invoke the task's function; None when its token is to be answered later."""
        token = f"token-{next(TOKENS)}"
        self.context["Task"], self.context["State"] = {"Token": token}, {"RetryCount": self._retries}
        arguments = self._value(state["Arguments"], self.data)
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
        if not waits:
            return {"Payload": answer}
        timeout = self._value(state["TimeoutSeconds"], self.data)
        self.token, self._end = token, clock.now().timestamp() + timeout
        return None

    def _answer(self) -> Any:
        """What the token was answered with; nobody did until its end."""
        answer = self.world.tokens[self.token]
        if answer is None:
            del self.world.tokens[self.token]
            raise TaskFailed("States.Timeout")
        return answer

    def _pass_time(self) -> None:
        """The world goes on by the smallest step that may let this execution move."""
        if self.token:
            if not self._person() and not turn(self.world):
                self.world.pass_time(10)
        else:
            self.world.pass_time(1)

    def _person(self) -> bool:
        """The world's person hears a question, and does something about it, once."""
        incident = self.world.incident(self.context["Execution"]["Name"])
        person, asked = self.world.person, incident.approval
        if person is None or asked is None or asked.decision:
            return False
        self.world.person = None
        person(incident.incident_id)
        return True

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
