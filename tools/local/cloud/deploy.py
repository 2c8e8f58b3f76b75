"""Deploying a SAM template to the embedded cloud, as `sam deploy` would to AWS."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.local.cloud.client import client
from tools.local.cloud.package import Packager

BUCKET = "nightshift-local-packages"
_TIMEOUT_SECONDS = 180.0
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_FRESH = {"DELETE_COMPLETE", "ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"}
_GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


class DeployFailed(Exception):
    """The stack could not be brought up; the message names the resources that failed and why."""


def deploy(
    endpoint: str,
    template: Path,
    home: Path,
    parameters: dict[str, str],
    stack: str = "nightshift",
    progress: Callable[[str], None] | None = None,
) -> dict[str, str]:
    """Package and deploy `template`, creating or updating `stack`; returns the stack's outputs.

    `parameters` are the template's parameter values, `home` the stack's state directory (its build
    cache is used). Raises DeployFailed, and PackageFailed before anything is changed.
    """
    tell = progress or (lambda _message: None)
    url = _upload(endpoint, template, home, parameters, tell)
    cloudformation = client("cloudformation", endpoint)
    request = {
        "StackName": stack,
        "TemplateURL": url,
        "Capabilities": _CAPABILITIES,
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    }
    since = time.time()
    status = _status(cloudformation, stack)
    if status in _FRESH and status != "DELETE_COMPLETE":
        cloudformation.delete_stack(StackName=stack)
        _settled(cloudformation, stack)
    if status is None or status in _FRESH:
        tell(f"creating stack {stack}")
        _ask(cloudformation.create_stack, request)
    else:
        tell(f"updating stack {stack}")
        _ask(cloudformation.update_stack, request)
    described = _settled(cloudformation, stack)
    if described.get("StackStatus") not in _GOOD:
        raise DeployFailed(_why(cloudformation, stack, described, since))
    tell(f"stack {stack} is up")
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def warm(endpoint: str) -> int:
    """Start a worker for each function that has none, so that no first event waits; returns how many."""
    request = urllib.request.Request(f"{endpoint}/_nightshift/warm", method="POST", data=b"")
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
        return int(json.loads(answer.read())["warmed"])


def _upload(
    endpoint: str, template: Path, home: Path, parameters: dict[str, str], tell: Callable[[str], None]
) -> str:
    from samtranslator.yaml_helper import yaml_parse

    parsed = yaml_parse(template.read_text(encoding="utf-8"))
    unknown = sorted(parameters.keys() - (parsed.get("Parameters") or {}).keys())
    if unknown:
        raise DeployFailed(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=BUCKET)

    def put(key: str, content: bytes) -> None:
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    packager = Packager(template.resolve().parent, home.resolve() / "build", BUCKET, put, tell)
    packaged = packager.package(parsed)
    key = f"{template.stem}.packaged.json"
    put(key, json.dumps(packaged, default=str).encode())
    return f"{endpoint}/{BUCKET}/{key}"


def _ask(operation: Any, request: dict[str, Any]) -> None:
    from botocore.exceptions import ClientError

    try:
        operation(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise DeployFailed(str(error)) from error


def _status(cloudformation: Any, stack: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _settled(cloudformation: Any, stack: str) -> dict[str, Any]:
    """The stack's description once nothing is in progress; empty when it is gone."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if _status(cloudformation, stack) is None:
            return {}
        described = dict(cloudformation.describe_stacks(StackName=stack)["Stacks"][0])
        if not described["StackStatus"].endswith("_IN_PROGRESS"):
            return described
        time.sleep(0.1)
    raise DeployFailed(f"stack {stack} did not settle within {_TIMEOUT_SECONDS:.0f} s")


def _why(cloudformation: Any, stack: str, described: dict[str, Any], since: float) -> str:
    events = cloudformation.describe_stack_events(StackName=described.get("StackId", stack))["StackEvents"]
    reasons = [
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED") and event["Timestamp"].timestamp() >= since - 1
    ]
    told = dict.fromkeys(reasons) or {f"  {described.get('StackStatusReason', 'no reason given')}": None}
    return "\n".join([f"stack {stack} ended as {described.get('StackStatus', 'deleted')}:", *told])
