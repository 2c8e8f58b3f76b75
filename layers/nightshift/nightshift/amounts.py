"""Kinds of values that a policy is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
# A number of nodes, or a share of the group's desired capacity.
Amount = Annotated[int, Field(ge=0, le=100_000)] | Annotated[str, Field(pattern=r"^(\d|[1-9]\d|100)%$")]
