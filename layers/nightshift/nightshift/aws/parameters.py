"""Systems Manager's Parameter Store."""

from __future__ import annotations

from nightshift.aws.session import client
from nightshift.errors import Refused


def text(name: str) -> str | None:
    """The parameter's value; None when there is none.

    Raises Refused ``policy.encrypted`` for a SecureString: a policy holds no secret, and is not decrypted.
    """
    ssm = client("ssm")
    try:
        found = ssm.get_parameter(Name=name)["Parameter"]
    except ssm.exceptions.ParameterNotFound:
        return None
    if found["Type"] == "SecureString":
        raise Refused(
            "policy.encrypted", f"{name} is a SecureString; a policy holds no secret: make it a String"
        )
    return str(found["Value"])
