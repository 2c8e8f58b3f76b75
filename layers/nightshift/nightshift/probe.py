"""What the probe (``documents/probe.yaml``) prints, read with suspicion: a node may print anything."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightshift.errors import Refused

MOST_CHARACTERS = 2_500  # what Run Command hands back of a command's output
_SHOWN = 60

Percent = Annotated[Decimal, Field(ge=0, le=100, allow_inf_nan=False)]
Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Word = Annotated[str, Field(max_length=80)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Memory(_Read):
    """KiB; ``available_kib`` is the kernel's MemAvailable, which counts caches that can be given back."""

    total_kib: int = Field(gt=0)
    available_kib: int = Field(ge=0)


class Disk(_Read):
    """A file system: shares in percent, rates in bytes per second where the kernel counts them."""

    mount: Word
    size_kib: int = Field(ge=0)
    used: Percent
    inodes: Percent | None = None
    read: Amount | None = None
    written: Amount | None = None


class Net(_Read):
    """A network interface, in bytes per second."""

    name: Word
    received: Amount = Field(alias="in")
    sent: Amount = Field(alias="out")


class Process(_Read):
    """``cpu`` is in percent of one core."""

    name: Word
    pid: int
    cpu: Amount
    rss_kib: Amount


class Facts(_Read):
    """What should not change by itself; ``packages`` is a digest of every package with its version."""

    kernel: Word = ""
    arch: Word = ""
    os: Word = ""
    packages: Word = ""
    installed: int = 0

    def named(self) -> dict[str, str]:
        """Each fact that the node could tell, by name."""
        told = {"kernel": self.kernel, "arch": self.arch, "os": self.os, "packages": self.packages}
        return {name: value for name, value in told.items() if value}


class ProbeSample(_Read):
    """One look at a node. ``cpu`` is the busy share of all cores in percent, ``uptime`` in seconds."""

    v: Literal[1]
    at: str
    cpu: Percent
    cores: int = Field(ge=1)
    uptime: Amount
    load: tuple[Amount, Amount, Amount]
    memory: Memory
    facts: Facts = Facts()
    disks: tuple[Disk, ...] = Field((), max_length=32)
    failed: tuple[Word, ...] = Field((), max_length=64)
    nets: tuple[Net, ...] = Field((), max_length=32)
    top: tuple[Process, ...] = Field((), max_length=16)
    left_out: int = 0


def parse(text: str) -> ProbeSample:
    """Read one line of the probe; raises Refused ``probe.unreadable`` with what is wrong with it."""
    line = text.strip()
    if not line:
        raise Refused("probe.unreadable", "the probe printed nothing")
    if len(line) > MOST_CHARACTERS:
        raise Refused("probe.unreadable", f"the probe printed {len(line)} characters, not one line")
    try:
        return ProbeSample.model_validate_json(line)
    except ValidationError as error:
        raise Refused("probe.unreadable", _complaint(line, error)) from error


def _complaint(line: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        cut = "was cut off" if line.startswith("{") else "is no JSON"
        return f"the probe's line {cut}: {line[:_SHOWN]!r}"
    place = ".".join(str(part) for part in first["loc"])
    return f"the probe's line is not as agreed: {place}: {first['msg']}"
