"""moto's server for Auto Scaling and EC2, with its edges mended; runs as a process of its own.

Mended: an instance id that no group has is answered with AWS's ValidationError instead of a
500 page.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from .settings import ACCOUNT


def refuse_unknown_instances(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a backend's method raise AWS's error for an instance id that it does not find."""
    from moto.autoscaling.exceptions import ValidationError
    from moto.ec2.exceptions import InvalidInstanceIdError

    @functools.wraps(method)
    def checked(self: Any, instance_id: str, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, instance_id, *arguments, **named)
        except (StopIteration, InvalidInstanceIdError) as error:
            message = f"Instance Id not found - No managed instance found for instance ID {instance_id}"
            raise ValidationError(message) from error

    return checked


def mend() -> None:
    """Apply the mends to moto in this process."""
    from moto.autoscaling.models import AutoScalingBackend

    for name in ("terminate_instance", "set_instance_health"):
        setattr(AutoScalingBackend, name, refuse_unknown_instances(getattr(AutoScalingBackend, name)))


def main(port: int) -> None:
    """Serve on 127.0.0.1 until terminated."""
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    import logging

    from moto.server import main as serve

    mend()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    serve(["-H", "127.0.0.1", "-p", str(port)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
