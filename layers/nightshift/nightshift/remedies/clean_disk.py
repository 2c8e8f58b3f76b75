"""Delete what may be deleted: rotated and compressed logs, core files, old temporary files of the app.

Helps when a disk filled up; a restart cannot empty a disk. Takes seconds and does not touch the
running service, its current log, its data or its releases. It cannot help when data filled the disk.
By hand: ``find /srv/SERVICE/log -name '*.gz' -mmin +60 -delete``.
"""

from typing import Literal

from nightshift.remedies import Target

STATE: Literal["ApplyRemedy"] = "ApplyRemedy"
RISK: Literal["low"] = "low"
EXPECTED_SECONDS = 20
INTERRUPTS = False
PERMISSIONS = ("ssm:SendCommand",)
DOCUMENT = "Nightshift-CleanDisk"


def parameters(target: Target) -> dict[str, str]:
    """The app whose folders are cleaned; rotated files of any age go, since nobody writes to them."""
    return {"Service": target.service, "MinAgeMinutes": "0"}
