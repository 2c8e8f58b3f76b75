"""The SAM transform sees the parameter values of the stack operation.

Upstream runs the transform with no values, so inside it every parameter has its default: a schedule
or a name that SAM itself resolves would differ from the rest of the template.
"""

from __future__ import annotations

import contextvars
from typing import Any

from tools.local.cloud.config import CloudConfig

_values: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("sam_parameter_values")


def apply(_config: CloudConfig) -> None:
    """Hand the values of the operation to samtranslator."""
    from ministack.services.cloudformation import changesets, engine, handlers
    from samtranslator.translator import transform as sam

    apply_transforms = engine._apply_transforms
    translate = sam.transform

    def with_values(template: Any, provided: Any = None, previous: Any = None) -> Any:
        token = _values.set(engine._transform_parameters(template, provided, previous))
        try:
            return apply_transforms(template, provided, previous)
        finally:
            _values.reset(token)

    def translate_with_values(fragment: Any, values: Any, loader: Any, *args: Any) -> Any:
        return translate(fragment, {**_values.get({}), **values}, loader, *args)

    sam.transform = translate_with_values
    for module in (engine, changesets, handlers):
        module._apply_transforms = with_values
