"""What can go wrong for a person at the prompt, each said with what to do next."""

from __future__ import annotations

import sys
from pathlib import Path

DEBUG = "NIGHTSHIFT_DEBUG"  # set to anything, it shows tracebacks to whoever mends the command


class CliError(Exception):
    """An expected failure: ``message`` says what happened, ``next_step`` what to do about it."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


def explain(error: BaseException) -> CliError:
    """What ``error`` means to a person; of a mistake in this command itself, where it is."""
    if isinstance(error, CliError):
        return error
    return (
        _of_nightshift(error)
        or _of_botocore(error)
        or _of_pydantic(error)
        or _of_system(error)
        or _ours(error)
    )


def _of_nightshift(error: BaseException) -> CliError | None:
    # Looked up, not imported: when nobody has imported the module, the error is not one of its.
    module = sys.modules.get("nightshift.errors")
    if module is None or not isinstance(error, module.NightshiftError):
        return None
    context = ", ".join(f"{name}={value}" for name, value in error.context.items())
    again = "try again in a moment" if error.recoverable else "correct what it names, then try again"
    return CliError(str(error), again + (f" ({context})" if context else ""))


def _of_botocore(error: BaseException) -> CliError | None:
    module = sys.modules.get("botocore.exceptions")
    if module is None or not isinstance(error, module.BotoCoreError | module.ClientError):
        return None
    next_step = "check the profile and region that you named: aws configure list"
    if isinstance(error, module.NoCredentialsError | module.PartialCredentialsError | module.NoRegionError):
        return CliError(
            f"no local stack is running, and no AWS account is named ({error})",
            "start the local stack: make up, or name an account: --profile NAME --region REGION",
        )
    if isinstance(error, module.EndpointConnectionError | module.ConnectTimeoutError):
        next_step = "see whether the stack is up: nightshift status; start it: make up"
    elif isinstance(error, module.ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        next_step = _NEXT_BY_CODE.get(code, "check the account, region and stack: nightshift status")
    return CliError(str(error), next_step)


def _of_pydantic(error: BaseException) -> CliError | None:
    """What a table holds has another shape than this command knows."""
    module = sys.modules.get("pydantic_core")
    if module is None or not isinstance(error, module.ValidationError):
        return None
    places = ", ".join(".".join(map(str, one["loc"])) for one in error.errors()[:3])
    return CliError(
        f"what the stack holds is not what this command knows: {error.title}: {places}",
        "use the command and the template of one version: make deploy (or make down up)",
    )


def _of_system(error: BaseException) -> CliError | None:
    """A file, a program or an address that cannot be used."""
    module = sys.modules.get("subprocess")
    if module is not None and isinstance(error, module.SubprocessError):
        return CliError(str(error), "run that program by hand and see what it says")
    if not isinstance(error, OSError):
        return None
    named = f"{error.filename}: " if error.filename else ""
    return CliError(f"{named}{error.strerror or error}", "check that it is there, and that you may use it")


def _ours(error: BaseException) -> CliError:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return CliError(
        f"nightshift itself has a mistake: {type(error).__name__}: {error}{place}",
        f"report it with what {DEBUG}=1 nightshift ... prints; nothing else is known to be wrong",
    )


_NEXT_BY_CODE = {
    "AccessDenied": "ask for a role that may read this stack, or name another one: --profile NAME",
    "AccessDeniedException": "ask for a role that may read this stack, or name another one: --profile NAME",
    "ExpiredToken": "log in again: aws sso login",
    "ExpiredTokenException": "log in again: aws sso login",
    "ValidationError": "check --stack and --region; deploy it first: make deploy",
}
