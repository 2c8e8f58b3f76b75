"""What a function is told by its environment: read once, typed, frozen. The only reader of ``os.environ``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from nightshift.errors import Permanent


class Settings(BaseModel):
    """Names of the stack's resources; a function's subclass lists those it needs.

    Each is an environment variable of the same name in capitals (``nodes_table`` is ``NODES_TABLE``).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings; raises Permanent ``settings.missing`` that names what is not there."""
        values = {name.lower(): value for name, value in (os.environ if environ is None else environ).items()}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            missing = ", ".join(str(part["loc"][0]).upper() for part in error.errors())
            raise Permanent(
                "settings.missing", f"the environment lacks or has a wrong value for {missing}"
            ) from error

    @classmethod
    @cache
    def current(cls) -> Self:
        """The settings of this execution environment, read once."""
        return cls.from_env()
