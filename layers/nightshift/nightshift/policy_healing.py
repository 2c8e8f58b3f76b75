"""The policy's section ``healing``: how carefully to heal, with a safe default for every limit."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.amounts import Amount, Seconds
from nightshift.policy_terms import limit


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Storm(_Part):
    """When so many nodes of a group are ill that healing them one by one would make it worse."""

    max_unhealthy: Amount = Field(
        "50%",
        description="More ill nodes than this (and at least 2) are a storm",
        json_schema_extra=limit("greater", "more than {} ill nodes at once are a storm"),
    )
    gather_seconds: int = Field(
        10,
        ge=0,
        le=3_600,
        description="How long an incident waits for others before anything is done",
        json_schema_extra=limit("smaller", "an incident waits {} for others"),
    )
    cooldown_seconds: Seconds = Field(
        300,
        description="How long a storm must be over before healing goes on",
        json_schema_extra=limit("smaller", "healing goes on when a storm is over for {}"),
    )


class Flapping(_Part):
    """When a symptom comes back after it was healed: a person finds out why."""

    heals: int = Field(
        1,
        ge=1,
        le=100,
        description="Heals of one symptom on one node within the window",
        json_schema_extra=limit(
            "greater", "a symptom that comes back on a node is healed {} times within {window_seconds}"
        ),
    )
    window_seconds: Seconds = Field(
        1_800,
        description="The window in which heals of one symptom count",
        json_schema_extra=limit("smaller", "heals of one symptom count for {}"),
    )


class SkipHopeless(_Part):
    """When a rung of the ladder is left out, because it has not helped lately."""

    after: int = Field(
        0,
        ge=0,
        le=100,
        description="Tries in a row that did not help a symptom in a group, after which a remedy is left out"
        " for it; 0: never",
    )
    retry_minutes: int = Field(
        10_080, ge=1, le=525_600, description="How long after the last try it is tried once more"
    )


class Healing(_Part):
    """How carefully to heal; a group may tighten or loosen each of these for itself."""

    max_in_repair: Amount = Field(
        1,
        description="Nodes of a group that are healed at the same time",
        json_schema_extra=limit("greater", "{} nodes of a group may be healed at the same time"),
    )
    min_healthy: Amount = Field(
        "50%",
        description="Nodes that must be healthy besides the one that is healed",
        json_schema_extra=limit("smaller", "{} of a group's nodes must be healthy besides the healed one"),
    )
    storm: Storm = Storm()
    flapping: Flapping = Flapping()
    skip_hopeless: SkipHopeless = SkipHopeless()
    symptom_attempts: int = Field(
        10,
        ge=1,
        le=1_000,
        description="Remedies for one symptom in one group within the attempts' window",
        json_schema_extra=limit(
            "greater", "a group may be given {} remedies for one symptom within {attempts_window_seconds}"
        ),
    )
    min_affected: int = Field(
        2,
        ge=1,
        le=1_000,
        description="Ill nodes of a fresh release from which on the release is suspected",
        json_schema_extra=limit("greater", "a fresh release is suspected from {} ill nodes on"),
    )
    max_replacements: int = Field(
        3,
        ge=0,
        le=1_000,
        description="Nodes of a group that are replaced within the attempts' window",
        json_schema_extra=limit(
            "greater", "{} nodes of a group may be replaced within {attempts_window_seconds}"
        ),
    )

    cooldown_seconds: Seconds = Field(
        300,
        description="Rest for a node after a heal of the same symptom",
        json_schema_extra=limit("smaller", "a node rests for {} after a heal of the same symptom"),
    )
    attempts: int = Field(
        3,
        ge=1,
        le=100,
        description="Remedies on one node within the window; more is refused and paged",
        json_schema_extra=limit(
            "greater", "a node may be given {} remedies within {attempts_window_seconds}"
        ),
    )
    attempts_window_seconds: Seconds = Field(
        3_600,
        description="The window in which remedies and replacements count",
        json_schema_extra=limit("smaller", "remedies and replacements count for {}"),
    )
    lease_seconds: Seconds = Field(1_800, description="How long a node may be held without a renewal")
    settle_seconds: Seconds = Field(
        120,
        description="How long a symptom must stay gone before an incident counts as healed",
        json_schema_extra=limit("smaller", "a symptom counts as healed when it is gone for {}"),
    )
    verify_timeout_seconds: Seconds = Field(
        600,
        description="How long a remedy may take to show its effect",
        json_schema_extra=limit(
            "smaller", "a remedy has {} to show its effect, before the next one is tried"
        ),
    )
    stale_seconds: Seconds = Field(
        300,
        description="Samples older than this say nothing; without fresh ones nothing is done",
        json_schema_extra=limit("greater", "samples count until they are {} old"),
    )
    recheck_seconds: Seconds = Field(60, description="How often a waiting incident asks again")
    deadline_seconds: Seconds = Field(
        21_600,
        description="An incident that is not over by then is paged",
        json_schema_extra=limit("greater", "a person is paged about an incident that is not over after {}"),
    )
    share_percent: int = Field(
        80,
        ge=50,
        le=100,
        description="Share of ill samples for which a symptom counts as sustained",
        json_schema_extra=limit("smaller", "a symptom is sustained when {} of its samples are ill"),
    )
    approval_for: tuple[Literal["low", "medium", "high"], ...] = Field(
        (),
        description="Remedies of these risks wait until a person approves them",
        json_schema_extra=limit("fewer", "remedies of these risks wait for a person: {}"),
    )
    approval_seconds: Seconds = Field(3_600, description="How long a person may take; then somebody is paged")
