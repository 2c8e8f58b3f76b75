"""A real fleet for tests: its processes, its clients, and what tests ask of it."""

import contextlib
import itertools
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3
import psutil

from tests.contract.fleet.stub_cloud import StubCloud
from tests.contract.pushing import MASTER
from tools.local.apps.release import build
from tools.local.fleet.ports import pick_ports
from tools.local.fleet.processes import processes_of
from tools.local.fleet.settings import PUSH_MASTER

REPOSITORY = Path(__file__).resolve().parents[3]
STEPS = itertools.count(1)
TERMINAL = {"Success", "Failed", "TimedOut", "Cancelled"}


def wait_for(condition, seconds=20.0):
    """Wait until the condition answers something true, and answer that."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, StopIteration):
            if answer := condition():
                return answer
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def get(url, timeout=5):
    """GET, as JSON."""
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return json.load(answer)


class FleetUnderTest:
    """One fleet process on free ports, beside a stub of the cloud."""

    def __init__(self, home: Path, cloud: StubCloud) -> None:
        self.home = home
        self.cloud = cloud
        self.port, self.moto_port, self.proxy_base = pick_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.ssm = self.client("ssm", self.port)
        self.scaling = self.client("autoscaling", self.moto_port)
        self.ec2 = self.client("ec2", self.moto_port)
        self.process = None

    def client(self, service, port):
        """A boto3 client for a port of this fleet."""
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def command(self):
        """The command line that starts this fleet."""
        ports = ("--port", self.port, "--moto-port", self.moto_port, "--proxy-port-base", self.proxy_base)
        rest = ("--cloud", self.cloud.url, "--home", self.home)
        return [sys.executable, "-m", "tools.local.fleet", *map(str, (*ports, *rest))]

    def start(self):
        """Start and wait until it is ready."""
        (self.home / "run").mkdir(parents=True, exist_ok=True)
        (self.home / "run" / PUSH_MASTER).write_text(MASTER)
        with (self.home / "fleet.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=REPOSITORY, stderr=log)
        wait_for(lambda: get(f"{self.url}/fleet/ready"))
        for path in (REPOSITORY / "documents").glob("*.yaml"):
            self.create_document(path.stem, path.read_text())
        self.ec2.create_launch_template(
            LaunchTemplateName="node", LaunchTemplateData={"ImageId": "ami-12c6146b"}
        )

    def stop(self):
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def create_document(self, name, content):
        """Store a document of this name, given as YAML."""
        self.ssm.create_document(
            Name=f"Nightshift-{name}", Content=content, DocumentFormat="YAML", DocumentType="Command"
        )

    def create_group(self, app, nodes):
        """Make an Auto Scaling group and wait until its nodes are in service."""
        tags = {"nightshift:app": app, "nightshift:group": f"{app}-test"}
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=f"nightshift-{app}-test",
            MinSize=0,
            MaxSize=6,
            DesiredCapacity=nodes,
            LaunchTemplate={"LaunchTemplateName": "node"},
            AvailabilityZones=["us-east-1a"],
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags.items()],
        )
        wait_for(lambda: len(self.nodes(app, "in_service")) == nodes)

    def nodes(self, app=None, state=None):
        """The described nodes of an app in a state."""
        return [
            node
            for node in get(f"{self.url}/fleet/nodes")
            if app in (None, node["app"]) and state in (None, node["state"])
        ]

    def node(self, node_id):
        """One described node as it is now."""
        return next(node for node in self.nodes() if node["id"] == node_id)

    def is_up(self, node_id):
        """What the newest sample says of the service: True, False or None before a release."""
        return self.node(node_id)["sample"].get("metrics", {}).get("ServiceUp")

    def send(self, document, *node_ids, **parameters):
        """SendCommand without waiting; the command's id."""
        parameters = {key: [value] for key, value in parameters.items()}
        return self.ssm.send_command(
            InstanceIds=list(node_ids), DocumentName=f"Nightshift-{document}", Parameters=parameters
        )["Command"]["CommandId"]

    def finish(self, command_id, seconds=60.0):
        """Wait until a command is over, and answer its invocations with details."""
        wait_for(
            lambda: self.ssm.list_commands(CommandId=command_id)["Commands"][0]["Status"] in TERMINAL, seconds
        )
        return self.ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]

    def run(self, document, node_id, **parameters):
        """Run a document that takes step, fence and service on one node; its invocation."""
        app = self.node(node_id)["app"]
        step = {"StepId": f"step-{next(STEPS)}", "Fence": "1", "Service": app}
        return self.finish(self.send(document, node_id, **step, **parameters))[0]

    def restart(self, node_id):
        """Run restart_service."""
        return self.run("restart_service", node_id)

    def wait_for_sample(self, node_id, fits):
        """Wait for a sample taken from now on that fits, and answer it."""
        since = time.time()

        def newest():
            sample = self.node(node_id)["sample"]
            return sample if sample.get("at", 0) > since and fits(sample) else None

        return wait_for(newest)

    def install(self, node_id, mode="install", version="1.0.0", *, broken=False):
        """Build a release of the node's app and install it by install_release."""
        release = build(self.node(node_id)["app"], version, self.home / "releases", broken=broken)
        return self.run(
            "install_release",
            node_id,
            Version=version,
            Url=release.path.as_uri(),
            Sha256=release.sha256,
            Mode=mode,
        )

    def machines(self):
        """Folders of all machines."""
        return list((self.home / "machines").iterdir())

    def living(self, machines):
        """Living processes of these machines."""
        return [one for one in processes_of(machines) if one.status() != psutil.STATUS_ZOMBIE]
