"""Mends to pinned ministack: one small module each, with a test that tells when it is needless."""

from __future__ import annotations

from importlib import import_module

from tools.local.cloud.config import CloudConfig

# In this order: a later mend wraps what an earlier one put in place.
NAMES = (
    "lambda_workers",
    "embedded_metrics",
    "async_invocation",
    "sqs_batches",
    "rule_delivery",
    "alarm_events",
    "alarm_evaluation",
    "service_metrics",
    "fleet_actions",
    "moto_services",
    "sam_parameters",
    "cfn_tables",
    "cfn_functions",
    "cfn_http_api",
    "cfn_documents",
    "cfn_composite_alarms",
    "sfn_stopping",
    "sfn_callbacks",
    "sfn_fields",
)


def apply_all(config: CloudConfig) -> None:
    """Apply every mend; call it once, after the environment is prepared."""
    for name in NAMES:
        import_module(f"{__name__}.{name}").apply(config)
