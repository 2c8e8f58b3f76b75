"""How a release is brought to a group: in which batches, how carefully, and what undoes it.

The words for what may undo a deployment are CodeDeploy's, so that a reader of either knows both.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nightshift.amounts import Amount, Seconds
from nightshift.front import Front
from nightshift.policy_terms import limit

Kind = Literal["all_at_once", "rolling", "canary", "blue_green"]
Traffic = Literal["target_group", "proxy", "none"]
Trigger = Literal["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
ALL: tuple[Amount, ...] = ("100%",)
BatchSize = Annotated[int, Field(ge=1, le=100_000)] | Annotated[str, Field(pattern=r"^([1-9]|[1-9]\d|100)%$")]


class Strategy(BaseModel):
    """How to roll out.

    ``batches`` are the sizes of the first, second, … batch, each a number of nodes or a share of the group;
    the last size repeats until no node is left. ``canary`` goes before them, with the strategy of that name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Kind = Field("rolling", description="In which order nodes get the release")
    batches: tuple[BatchSize, ...] = Field((1,), min_length=1, description="Sizes; the last one repeats")
    canary: BatchSize = Field(1, description="Nodes that go first with `kind: canary`")
    min_healthy: Amount = Field(
        "50%",
        description="Nodes that must stay healthy; of the desired capacity, rounded up",
        json_schema_extra=limit("smaller", "{} of a group's nodes must stay healthy in a deployment"),
    )
    max_failures: Amount = Field(
        0,
        description="Nodes that may fail; one more and it is rolled back",
        json_schema_extra=limit("greater", "{} nodes may fail before a deployment is rolled back"),
    )
    bake_seconds: int = Field(
        60,
        ge=0,
        le=86_400,
        description="How long each batch is watched",
        json_schema_extra=limit("smaller", "each batch is watched for {}"),
    )
    suspect_seconds: int = Field(
        900,
        ge=0,
        le=86_400,
        description="How long after its end an alarm that a release can cause undoes it",
        json_schema_extra=limit("smaller", "a release is suspected for {} after its deployment"),
    )
    deadline_seconds: Seconds = Field(7_200, description="A deployment not over by then is rolled back")
    poll_seconds: int = Field(5, ge=1, le=60, description="How often a running deployment is looked at")
    rollback_on: frozenset[Trigger] = Field(
        frozenset({"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}),
        description="What undoes a deployment",
        json_schema_extra=limit("fewer", "a deployment is undone on {}"),
    )
    front: Front | None = Field(
        None, description="What sends requests to one of two groups, with `kind: blue_green`"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Strategy:
        if self.kind == "all_at_once" and self.min_healthy not in (0, "0%"):
            raise ValueError(
                f"all_at_once touches every node: min_healthy must be 0 then, not {self.min_healthy}"
            )
        if self.bake_seconds >= self.deadline_seconds:
            raise ValueError(
                f"bake_seconds {self.bake_seconds} must be shorter than deadline_seconds"
                f" {self.deadline_seconds}: not even one batch would be over in time"
            )
        self._crossable()
        return self

    def _crossable(self) -> None:
        """Blue-green needs a front, every node, and every way back."""
        if self.kind != "blue_green":
            if self.front:
                raise ValueError(f"a front is switched by blue_green only, not by {self.kind}")
            return
        if self.front is None:
            raise ValueError("blue_green needs a front: nothing else switches requests between its groups")
        if self.max_failures not in (0, "0%"):
            raise ValueError(
                f"blue_green brings whole groups: max_failures must be 0, not {self.max_failures}"
            )
        if len(self.rollback_on) != len(get_args(Trigger)):
            raise ValueError("blue_green always switches back: rollback_on must name every trigger")

    @property
    def sizes(self) -> tuple[Amount, ...]:
        """The sizes of the batches in their order; the last one repeats."""
        if self.kind in {"all_at_once", "blue_green"}:
            return ALL
        return (self.canary, *self.batches) if self.kind == "canary" else self.batches
