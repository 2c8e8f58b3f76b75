"""Pinned ministack as upstream made it, and short ways to give it what a probe needs."""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from typing import Any

from tests.contract.cloud.harness import Cloud, wait_for


class Upstream(Cloud):
    """Ministack as it is, under the same environment."""

    ready_path = "/_ministack/ready"

    def command(self) -> list[str]:
        """Start it through its own entry point."""
        program = (
            "import pathlib, sys\n"
            "from tools.local.cloud import environment\n"
            "from tools.local.cloud.config import CloudConfig\n"
            "port, home = sys.argv[1:]\n"
            "environment.prepare(CloudConfig(int(port), '', '', pathlib.Path(home)))\n"
            "sys.argv = ['ministack']\n"
            "from ministack.app import main\n"
            "main()\n"
        )
        return [sys.executable, "-c", program, str(self.port), str(self.home)]

    def deploy(self, resources: dict[str, Any], **parameters: str) -> None:
        """Create or update a stack of CloudFormation resources, through SAM."""
        template = {
            "Transform": "AWS::Serverless-2016-10-31",
            "Parameters": {name: {"Type": "String", "Default": "default"} for name in parameters},
            "Resources": resources,
        }
        cloudformation = self.client("cloudformation")
        name = f"probe-{time.monotonic_ns()}"
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        )

        def settled() -> bool:
            status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            return not status.endswith("IN_PROGRESS")

        wait_for(settled, "the probe's stack")

    def function(self, name: str, source: str, **more: Any) -> None:
        """Create a function from source text."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("app.py", source)
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="app.handler",
            Code={"ZipFile": content.getvalue()},
            **more,
        )

    def machine(self, name: str, definition: dict[str, Any]) -> str:
        """Create a state machine and return its ARN."""
        made = self.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/any"
        )
        return str(made["stateMachineArn"])
