"""Which stack a command speaks to: an AWS account as boto3 finds it, or the local stack."""

from __future__ import annotations

import json
import os
import socket
import urllib.parse
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tools.cli.errors import CliError
from tools.cli.target import Target
from tools.local.paths import home
from tools.local.record import recorded, running

LOCAL_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",  # the embedded cloud knows no other
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Connection:
    """A stack that answers: its outputs, and the layer's adapters pointed at it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._local = None if target.aws else _running_stack(target.endpoint)
        if self._local is None and not target.aws and not target.endpoint and recorded(home()):
            raise CliError(
                "the local stack is broken: a part of it ended", "clear it: make down, then: make up"
            )
        if target.endpoint:
            _require_listening(target.endpoint)
        self._point_boto3()

    def _point_boto3(self) -> None:
        # The adapters make their own clients, configured by the environment as in Lambda.
        endpoint = self._target.endpoint or (self._local or {}).get("endpoint", "")
        if endpoint and not self._target.profile and _is_here(endpoint):
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                del os.environ[name]
            os.environ.update(LOCAL_ENVIRONMENT)
        if endpoint:
            os.environ["AWS_ENDPOINT_URL"] = endpoint
        if self._target.profile:
            os.environ["AWS_PROFILE"] = self._target.profile
        if self._target.region:
            os.environ.update(AWS_REGION=self._target.region, AWS_DEFAULT_REGION=self._target.region)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name."""
        if self._local:
            return dict(self._local["outputs"])
        found = self.client("cloudformation").describe_stacks(StackName=self._target.stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found[0].get("Outputs", [])}

    def output(self, name: str) -> str:
        """One output; raises CliError when the deployed stack is older or newer than this command."""
        try:
            return self.outputs[name]
        except KeyError:
            raise CliError(
                f"the stack '{self._target.stack}' has no output {name}",
                "deploy this version of the template: make deploy (or make down up)",
            ) from None

    @property
    def place(self) -> dict[str, Any]:
        """Where this stack is: the local one's endpoint, processes and start, or the account's names."""
        if self._local:
            return {name: self._local[name] for name in ("endpoint", "pid", "started_at")}
        target = self._target
        return {
            "endpoint": target.endpoint,
            "profile": target.profile,
            "region": target.region,
            "stack": target.stack,
        }

    def client(self, service: str) -> Any:
        """A boto3 client, configured as the layer's adapters are."""
        from nightshift.aws.session import client

        return client(service)

    def ask(
        self,
        function: str,
        order: Mapping[str, object],
        otherwise: str,
        by_code: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The answer to ``order`` of the function that the stack's output ``function`` names.

        Raises CliError with its refusal; what to do then is said ``by_code``, or else ``otherwise``.
        """
        answer = self.client("lambda").invoke(
            FunctionName=self.output(function), Payload=json.dumps(order).encode()
        )
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            reason = str(said.get("errorMessage", said))
            raise CliError(reason, (by_code or {}).get(reason.partition(":")[0], otherwise))
        return said

    def fleet_nodes(self) -> dict[str, dict[str, Any]]:
        """What the local fleet knows of its nodes, by id; empty for AWS."""
        if not self._local:
            return {}
        import urllib.request

        try:
            with urllib.request.urlopen(f"{self._local['fleet']}/fleet/nodes", timeout=5) as answer:
                nodes: list[dict[str, Any]] = json.load(answer)
        except OSError as error:
            raise CliError(
                f"the local fleet does not answer: {error}", "see what is wrong: nightshift status"
            ) from error
        return {node["id"]: node for node in nodes}


def _require_listening(endpoint: str) -> None:
    """Say at once that nobody listens at ``endpoint``, where boto3 would try for ten seconds."""
    address = urllib.parse.urlsplit(endpoint)
    try:
        port = address.port or {"http": 80, "https": 443}[address.scheme]
        socket.create_connection((address.hostname or "", port), timeout=3).close()
    except (KeyError, ValueError) as error:
        raise CliError(f"{endpoint} is no endpoint", "write it like http://127.0.0.1:4566") from error
    except OSError as error:
        raise CliError(
            f"nobody answers at {endpoint} ({error.strerror or error})",
            "see whether the stack is up: nightshift status",
        ) from error


def _is_here(endpoint: str) -> bool:
    """Whether an endpoint is this machine, where no account's credentials belong."""
    return urllib.parse.urlsplit(endpoint).hostname in {"127.0.0.1", "localhost", "::1"}


def _running_stack(endpoint: str) -> dict[str, Any] | None:
    """The local stack's record, when it runs (and is the one at ``endpoint``, if that is given)."""
    stack = running()
    if stack is None or (endpoint and stack["endpoint"].rstrip("/") != endpoint.rstrip("/")):
        return None
    return stack
