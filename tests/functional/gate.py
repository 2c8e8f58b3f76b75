"""The place where a request would leave botocore: IAM, what moto lacks, and what a test breaks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from botocore.response import StreamingBody

from nightshift.aws import session
from tests.functional import calls
from tests.functional.run_command import Rejected, RunCommand, documents
from tests.functional.state import State
from tests.functional.targets import Targets
from tests.stack import stack

Answer = dict[str, Any]


class Killed(BaseException):
    """The function's process died at a call; no handler can catch it, as none can catch the real thing."""


@dataclass
class Gate(State):
    """Hears every call. ``function`` is who is running; nobody is bound by a policy outside of handlers.

    ``broken`` maps a call (``sns.Publish``) to the error code it gets; ``meanwhile`` to what somebody
    else does, once, while it is on its way. ``tokens`` are open (None) or hold their answer. ``handed``
    are the asynchronous invocations, by function, ``queued`` the messages, by queue; ``forgotten`` by EC2;
    ``fates`` is how executions ended, by their name.
    ``configuration`` is what AppConfig has deployed; empty until somebody did.
    ``pulse`` is told of each call of a handler before it and after it, and may raise Killed; ``done``
    are the calls that took effect, by function and name. ``secrets`` are channels', by their own
    name, and ``ssh``; ``signs`` is what links and webhooks are signed with, ``reads`` Git's password.
    """

    ssm: RunCommand = field(default_factory=RunCommand)
    targets: Targets = field(default_factory=Targets)
    calls: list[calls.Call] = field(default_factory=list)
    tokens: dict[str, Answer | None] = field(default_factory=dict)
    refreshes: list[Answer] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    on_send: Callable[[], object] | None = None
    function: str = ""
    handed: list[tuple[str, Answer]] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    queued: list[tuple[str, Answer]] = field(default_factory=list)
    fates: dict[str, Answer] = field(default_factory=dict)
    configuration: bytes = b""
    pulse: Callable[[str, str], object] | None = None
    done: list[tuple[str, str]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    signs: str = "signs links in tests"
    reads: str = "reads"

    def on_parameters(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        """IAM: a handler's call needs a grant of its own policy."""
        service = model.service_model.service_id.hyphenize()
        context["world.request"] = params
        if self.function:
            self.calls += calls.check(stack().functions[self.function], service, model.name, params)

    def on_call(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
        """Answer in the service's stead where moto cannot, and break what is to be broken."""
        name = f"{model.service_model.service_id.hyphenize()}.{model.name}"
        request = context["world.request"]
        self._beat("before", name)
        if name in self.meanwhile:
            self._elsewhere(self.meanwhile.pop(name))
        try:
            answer = self._answered(name, request)
        except Rejected as error:
            said = {"Error": {"Code": error.code, "Message": str(error)}, "ResponseMetadata": {}}
            return SimpleNamespace(status_code=400), said
        return None if answer is None else (SimpleNamespace(status_code=200), answer)

    def on_done(self, http_response: Any, model: Any, **_: Any) -> None:
        """The call took effect; its caller has not heard of it yet."""
        name = f"{model.service_model.service_id.hyphenize()}.{model.name}"
        if self.function and http_response.status_code < 300:
            self.done.append((self.function, name))
        self._beat("after", name)

    def _beat(self, when: str, name: str) -> None:
        if self.pulse and self.function:
            self.pulse(when, f"{self.function} {name}")

    def _answered(self, name: str, request: dict[str, Any]) -> Answer | None:
        if self.function and name in self.broken:
            raise Rejected(self.broken[name], "broken for this test")
        fake = self._fakes().get(name)
        return fake(request) if fake else None

    def _elsewhere(self, act: Callable[[], object]) -> None:
        """Somebody else acts while a handler's call is on its way."""
        before, self.function = self.function, ""
        try:
            act()
        finally:
            self.function = before

    def _fakes(self) -> dict[str, Callable[[dict[str, Any]], Answer | None]]:
        return {
            "appconfigdata.StartConfigurationSession": _session,
            "appconfigdata.GetLatestConfiguration": self._deployed,
            "ssm.SendCommand": self._send,
            "elastic-load-balancing-v2.DeregisterTargets": self.targets.deregister,
            "elastic-load-balancing-v2.RegisterTargets": self.targets.register,
            "elastic-load-balancing-v2.DescribeTargetHealth": self.targets.health,
            "elastic-load-balancing-v2.DescribeRules": self.targets.rules,
            "elastic-load-balancing-v2.ModifyRule": self.targets.modify,
            "ec2.DescribeInstances": self._instances,
            "ssm.DescribeInstanceInformation": self.ssm.information,
            "ssm.ListCommandInvocations": self.ssm.invocations,
            "ssm.GetDocument": _document,
            "ssm.ListCommands": self.ssm.runs.commands,
            "ssm.GetCommandInvocation": self.ssm.runs.whole,
            "secrets-manager.GetSecretValue": self._secret,
            "sfn.SendTaskSuccess": self._answer,
            "auto-scaling.DescribeInstanceRefreshes": lambda _: {"InstanceRefreshes": self.refreshes},
            "eventbridge.PutEvents": self._publish,
            "lambda.Invoke": self._hand,
            "sqs.SendMessage": self._queue,
            "sfn.DescribeExecution": lambda request: self.fates.get(request["executionArn"].split(":")[-1]),
        }

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self.ssm.send(request)
        if self.on_send:
            self._elsewhere(self.on_send)
        return answer

    def _deployed(self, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "Configuration": StreamingBody(BytesIO(self.configuration), len(self.configuration)),
            "NextPollConfigurationToken": request["ConfigurationToken"],
            "NextPollIntervalInSeconds": 60,
        }

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        token = request["taskToken"]
        if token not in self.tokens:
            raise Rejected("TaskDoesNotExist", "nobody waits for this token")
        if self.tokens[token] is not None:
            raise Rejected("TaskTimedOut", "the token was answered")
        self.tokens[token] = json.loads(request["output"])
        return {}

    def _hand(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["InvocationType"] == "Event"
        self.handed.append((request["FunctionName"], json.loads(request["Payload"])))
        return {"StatusCode": 202}

    def _instances(self, request: dict[str, Any]) -> Answer | None:
        """As if EC2 had forgotten instances that ended long ago; everything else is moto's answer."""
        asked = {one for key in request.get("Filters", ()) for one in key["Values"]}
        return {"Reservations": []} if asked and asked <= self.forgotten else None

    def _queue(self, request: dict[str, Any]) -> dict[str, Any]:
        self.queued.append((request["QueueUrl"], json.loads(request["MessageBody"])))
        return {"MessageId": f"message-{len(self.queued)}", "MD5OfMessageBody": _md5(request["MessageBody"])}

    def _secret(self, request: dict[str, Any]) -> Answer:
        """Channels' below their own name, Git's credentials below theirs; one text for what is signed."""
        _, _, name = request["SecretId"].partition("nightshift/")
        folder, _, name = name.partition("/")
        if folder == "notify" and name in self.secrets:
            return {"SecretString": self.secrets[name]}
        if folder == "notify" or (folder, name) == ("gates", "nobody"):
            raise Rejected("ResourceNotFoundException", "there is no such secret")
        if folder == "git":
            return {"SecretString": json.dumps({"username": "nightshift", "password": self.reads})}
        if folder == "ssh":
            return {"SecretString": self.secrets.get("ssh", "not JSON")}
        if folder == "gates":
            return {"SecretString": f"signs for {name}"}
        return {"SecretString": self.signs}

    def _publish(self, request: dict[str, Any]) -> None:
        # Remembered here, and sent on to moto, which checks that the bus exists.
        self.published += [(entry["DetailType"], json.loads(entry["Detail"])) for entry in request["Entries"]]


def _session(request: dict[str, Any]) -> Answer:
    """AppConfig's token is opaque; here it says what it was given for, so that IAM can be asked about it."""
    (_, resource), *_ = calls.uses("appconfigdata", "StartConfigurationSession", request)
    return {"InitialConfigurationToken": resource}


def _document(request: dict[str, Any]) -> Answer:
    return {"Content": json.dumps(documents()[request["Name"]])}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


GATES: list[Gate] = []


@cache
def listen(to: Any) -> None:
    """Hear every call of a session's clients, once: they are slow to make, so they outlive their worlds."""
    session.client.cache_clear()
    to.events.register("provide-client-params", lambda **told: GATES and GATES[-1].on_parameters(**told))
    to.events.register("before-call", lambda **told: GATES[-1].on_call(**told) if GATES else None)
    to.events.register("after-call", lambda **told: GATES[-1].on_done(**told) if GATES else None)
