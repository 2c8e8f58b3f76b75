"""Recreate the app's service from its release: fetch the artifact again, unpack it anew, start it.

Helps when files of the release were deleted, damaged or made unreadable, which no restart mends.
Takes 2 to 3 minutes; in a container engine where the node has one. The artifact's SHA-256 is
checked before anything on the node is touched. It cannot help when the node itself is damaged.
By hand: unpack the artifact into ``releases/VERSION``, point ``releases/current`` at it, restart.
"""

from typing import Literal

from nightshift.remedies import Target

STATE: Literal["ApplyRemedy"] = "ApplyRemedy"
RISK: Literal["medium"] = "medium"
EXPECTED_SECONDS = 150
INTERRUPTS = True
PERMISSIONS = ("ssm:SendCommand", "s3:GetObject")
DOCUMENT = "Nightshift-InstallRelease"


def parameters(target: Target) -> dict[str, str]:
    """The group's desired release, and that it is to be made anew."""
    return {
        "Service": target.service,
        "Version": target.version,
        "Url": target.url,
        "Sha256": target.sha256,
        "Mode": "rebuild",
        **target.install,
    }
