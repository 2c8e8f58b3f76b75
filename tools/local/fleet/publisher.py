"""Publishes what the nodes' probes saw: one batched PutMetricData a second."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

from .auto_scaling import UNREACHABLE, local_client
from .registry import Registry

LOG = logging.getLogger(__name__)
NAMESPACE = "Nightshift"
INTERVAL_SECONDS = 1.0
LARGEST_BATCH = 1000
# A cloud that is away gets the newest samples of all nodes when it is back, not an hour of them.
KEPT = 3000
UNITS = {"ServiceUp": "None", "CPUUtilization": "Percent", "DiskUsedPercent": "Percent"}


class Publisher:
    """Collects samples from the registry and puts them as high-resolution metrics."""

    def __init__(self, registry: Registry, cloud: str) -> None:
        self._registry = registry
        self._cloudwatch = local_client("cloudwatch", cloud)
        self._waiting: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Publish for ever; what could not be put is put with the next batch."""
        away = False
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            self._collect()
            try:
                while self._waiting:
                    batch = self._waiting[:LARGEST_BATCH]
                    await asyncio.to_thread(self._put, batch)
                    del self._waiting[: len(batch)]
                away = False
            except UNREACHABLE as error:
                if not away:
                    LOG.warning("metrics wait for the cloud: %s", error)
                away = True

    def _collect(self) -> None:
        for node in self._registry.nodes.values():
            samples, node.samples = node.samples, []
            for sample in samples:
                self._waiting.extend(_data(node.id, sample))
        del self._waiting[:-KEPT]

    def _put(self, batch: list[dict[str, Any]]) -> None:
        self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=batch)


def _data(node_id: str, sample: dict[str, Any]) -> list[dict[str, Any]]:
    """The metric data of one sample; what the probe could not measure is left out."""
    at = datetime.fromtimestamp(float(sample["at"]), UTC)
    return [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "InstanceId", "Value": node_id}],
            "Timestamp": at,
            "Value": float(sample["metrics"][name]),
            "Unit": unit,
            "StorageResolution": 1,
        }
        for name, unit in UNITS.items()
        if sample["metrics"].get(name) is not None
    ]
