"""Mends to pinned ministack: one small module each, with a test that tells when it is needless."""

from __future__ import annotations

from tools.local.cloud.config import CloudConfig


def apply_all(config: CloudConfig) -> None:
    """Apply every mend; call it once, after the environment is prepared."""
    from tools.local.cloud.mends import (
        alarm_evaluation,
        alarm_events,
        async_invocation,
        cfn_functions,
        cfn_http_api,
        cfn_ssm_document,
        cfn_tables,
        fleet_actions,
        lambda_workers,
        moto_services,
        rule_delivery,
        sam_parameters,
        sfn_callbacks,
        sfn_fields,
        sfn_stopping,
    )

    for mend in (
        lambda_workers,
        async_invocation,
        rule_delivery,
        alarm_events,
        alarm_evaluation,
        fleet_actions,
        moto_services,
        sam_parameters,
        cfn_tables,
        cfn_functions,
        cfn_http_api,
        cfn_ssm_document,
        sfn_stopping,
        sfn_callbacks,
        sfn_fields,
    ):
        mend.apply(config)
