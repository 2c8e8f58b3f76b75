"""Restart the app's service.

Helps when the process died, hangs, leaks or spins, and its release on disk is good. Takes seconds;
requests in flight on this node are lost. It cannot help when the release is damaged or the node is.
By hand: ``systemctl restart SERVICE``.
"""

from typing import Literal

from nightshift.remedies import Target

STATE: Literal["ApplyRemedy"] = "ApplyRemedy"
RISK: Literal["low"] = "low"
EXPECTED_SECONDS = 10
INTERRUPTS = True
PERMISSIONS = ("ssm:SendCommand",)
DOCUMENT = "Nightshift-RestartService"


def parameters(target: Target) -> dict[str, str]:
    """The unit to restart."""
    return {"Service": target.service}
