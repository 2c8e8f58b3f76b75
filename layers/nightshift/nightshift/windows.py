"""Times that come again and again, as the operator writes them: when they begin, and how long they last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, field_validator

FIELDS = 5  # minute, hour, day of the month, month, day of the week
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
# Clocks go back by two hours at most: a start within that is found although its wall time lies ahead.
CLOCK_CHANGE = timedelta(hours=3)


class Recurring(BaseModel):
    """A time that comes again and again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: str = Field(max_length=200, description="When it begins: five fields, as cron reads them")
    duration_minutes: int = Field(ge=1, le=10_080, description="How long it lasts")
    zone: str = Field("UTC", max_length=64, description="The IANA time zone that `cron` is read in")

    def end(self, moment: datetime) -> datetime:
        """When the time ends that began last before ``moment`` or at it; long ago if there was none."""
        ahead = (moment + CLOCK_CHANGE).astimezone(ZoneInfo(self.zone))
        for start in CronSim(self.cron, ahead, reverse=True):
            began = start.astimezone(UTC)
            if began <= moment:
                return began + timedelta(minutes=self.duration_minutes)
        return datetime.min.replace(tzinfo=UTC)

    @field_validator("cron")
    @classmethod
    def _comes_some_day(cls, cron: str) -> str:
        if len(cron.split()) != FIELDS:
            raise ValueError(f"{cron!r} has {len(cron.split())} fields; cron needs {FIELDS}")
        try:
            next(CronSim(cron, SOME_DAY))
        except CronSimError as error:
            raise ValueError(f"{cron!r} is not cron: {error}") from error
        except StopIteration:
            raise ValueError(f"{cron!r} never comes") from None
        return cron

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (LookupError, ValueError, OSError) as error:  # a folder of zones is an OSError
            raise ValueError(f"there is no time zone {zone!r}; write it like Europe/Berlin") from error
        return zone


class Window(Recurring):
    """A time in which no node of the named groups is touched."""

    groups: tuple[Annotated[str, Field(max_length=63)], ...] = Field((), description="None means all")
    why: str = Field(min_length=1, max_length=200, description="Told with every wait")
