"""JSONata fields that upstream ignores or cannot read: timeouts of tasks, `Output` of `Succeed`."""

from __future__ import annotations

from typing import Any

from tools.local.cloud.config import CloudConfig

_TIMEOUTS = ("TimeoutSeconds", "HeartbeatSeconds")


def apply(_config: CloudConfig) -> None:
    """Evaluate the fields before upstream looks at the state."""
    from ministack.services import stepfunctions as sfn

    execute_task = sfn._execute_task
    output_path = sfn._apply_output_path

    def task(state: dict[str, Any], raw_input: Any, execution: Any, ctx: Any) -> Any:
        expressions = [name for name in _TIMEOUTS if isinstance(state.get(name), str)]
        if expressions and sfn._state_query_language(state, ctx) == "JSONata":
            state = dict(state)
            for name in expressions:
                state[name] = sfn._jsonata_state_field(state, name, "number", raw_input, ctx)
        return execute_task(state, raw_input, execution, ctx)

    def output(state: dict[str, Any], data: Any, ctx: Any = None) -> Any:
        if state.get("Type") == "Succeed" and sfn._state_query_language(state, ctx) == "JSONata":
            return sfn._apply_jsonata_output(state, data, ctx, default=data)
        return output_path(state, data, ctx)

    sfn._execute_task = task
    sfn._apply_output_path = output
