"""A real Alertmanager fires and resolves an alert about a node that nothing else watches."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stack, free_base, wait

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BINARY is None, reason="no Alertmanager on this machine (prometheus-alertmanager)"),
]
CONFIGURATION = """
route: {{ receiver: nightshift, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}
receivers:
  - name: nightshift
    webhook_configs:
      - url: {url}/alertmanager
        http_config: {{ authorization: {{ credentials_file: {secret} }} }}
"""


class Alertmanager:
    """One process on loopback, without a cluster."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        outputs = stack.facts()["outputs"]
        found = stack.client("secretsmanager").get_secret_value(SecretId=outputs["WebhookSecretArn"])
        secret, configuration = folder / "secret", folder / "alertmanager.yml"
        secret.write_text(found["SecretString"])
        configuration.write_text(CONFIGURATION.format(url=outputs["WebhooksUrl"], secret=secret))
        self._address = f"127.0.0.1:{free_base()}"
        self.process = subprocess.Popen(
            [
                str(BINARY),
                f"--config.file={configuration}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={self._address}",
                "--cluster.listen-address=",
            ],
            stderr=(folder / "log").open("w"),
        )
        wait(self._is_ready, 20, f"Alertmanager is ready; {folder / 'log'} says why not")

    def alert(self, labels: dict[str, str], **more: str) -> None:
        """Post what Prometheus would."""
        body = json.dumps([{"labels": labels, "annotations": {"summary": "answers nothing"}, **more}])
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(
            f"http://{self._address}/api/v2/alerts", body.encode(), headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200

    def counted(self, name: str) -> float:
        """A figure of its own about webhooks."""
        with urllib.request.urlopen(f"http://{self._address}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        mine = [line for line in lines if line.startswith(f'{name}{{integration="webhook"')]
        return sum(float(line.rpartition(" ")[2]) for line in mine)

    def _is_ready(self) -> bool:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=1) as answer,
        ):
            return bool(answer.status == 200)
        return False


@pytest.fixture
def alertmanager(stack: Stack, tmp_path: Path) -> Iterator[Alertmanager]:
    """It runs, and speaks to the stack's webhook."""
    made = Alertmanager(tmp_path, stack)
    yield made
    made.process.terminate()
    made.process.wait(10)


@pytest.fixture
def unwatched(stack: Stack) -> Iterator[dict[str, Any]]:
    """A node without its own alarms, which get back afterwards what they were."""
    node, cloudwatch = stack.node("api-local-3"), stack.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    mine = [
        alarm
        for page in pages
        for alarm in page["MetricAlarms"]
        if {"Name": "InstanceId", "Value": node["id"]} in alarm["Dimensions"]
    ]
    assert mine
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in mine])
    yield node
    known = set(cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members)
    for alarm in mine:
        cloudwatch.put_metric_alarm(**{key: value for key, value in alarm.items() if key in known})


def is_down(stack: Stack, node_id: str) -> bool:
    """Whether the node's newest sample says so; Prometheus, too, fires when it has seen it for a while."""
    now = datetime.now(UTC)
    found = stack.client("cloudwatch").get_metric_statistics(
        Namespace="Nightshift",
        MetricName="ServiceUp",
        Dimensions=[{"Name": "InstanceId", "Value": node_id}],
        StartTime=now - timedelta(seconds=10),
        EndTime=now,
        Period=1,
        Statistics=["Minimum"],
    )["Datapoints"]
    newest = max(found, key=lambda one: one["Timestamp"], default={"Minimum": 1.0})
    return bool(newest["Minimum"] == 0)


def test_an_alert_of_prometheus_heals_the_node(
    stack: Stack, alertmanager: Alertmanager, unwatched: dict[str, Any]
) -> None:
    """No alarm of CloudWatch speaks: the incident is the alert's, and its end is taken as well."""
    known, began = stack.known(), datetime.now(UTC).isoformat()
    os.kill(unwatched["pid"], signal.SIGKILL)
    wait(lambda: is_down(stack, unwatched["id"]), 20, "samples show that the service is down")
    labels = {"alertname": "ServiceDown", "node_id": unwatched["id"], "symptom": "service_down"}
    alertmanager.alert(labels, startsAt=began)
    incident = stack.ended(unwatched["id"], known)
    why = stack.run("why", incident["id"]).stdout
    assert incident["state"] == "healed", why
    assert "alertmanager:ServiceDown" in why
    alertmanager.alert(labels, startsAt=began, endsAt=datetime.now(UTC).isoformat())
    wait(lambda: alertmanager.counted("alertmanager_notifications_total") >= 2, 20, "the alert is resolved")
    assert alertmanager.counted("alertmanager_notifications_failed_total") == 0
    assert stack.node("api-local-3")["pid"] != unwatched["pid"]
