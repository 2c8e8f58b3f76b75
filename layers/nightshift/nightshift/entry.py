"""The entry of every function: what stands in each line of its log, and how a failure leaves it.

A failure that another try may mend is a warning, every other one an error; both with their code. It is raised
again as it is: Step Functions, Lambda and the queues decide what comes of it, and their alarms speak. Only a
call that AWS does not allow is raised as Permanent: no try changes a role, so the machines make no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import redaction
from nightshift.errors import NightshiftError, Permanent

Handler = Callable[[dict[str, Any], LambdaContext], Any]
#: What an event may be about, by the first letters of its id.
SUBJECTS = {"inc-": "incident_id", "dep-": "deployment_id", "cmd-": "command_id"}
#: What the services answer to a caller whose role does not allow the call.
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
_ID = re.compile(r"(inc|dep|cmd)-[A-Za-z0-9-]{1,80}")


def entry(logger: Logger) -> Callable[[Handler], Handler]:
    """Decorate a handler: Lambda's own fields and the event's subject in each line, and no failure unsaid."""
    formatter = logger.registered_formatter
    if not getattr(formatter, "redacts", False):
        formatter.json_serializer = redaction.redacting(formatter.json_serializer)  # type: ignore[attr-defined]
        formatter.redacts = True  # type: ignore[attr-defined]

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def entered(event: dict[str, Any], context: LambdaContext) -> Any:
            logger.append_keys(**subject(event))
            try:
                return handler(event, context)
            except Exception as error:  # every failure is said, and raised again
                denied = _denied(error)
                _say(logger, denied or error)
                redaction.silenced(denied or error)
                if denied:
                    raise denied from None
                raise

        return logger.inject_lambda_context(clear_state=True)(entered)

    return decorate


def subject(event: object) -> dict[str, str]:
    """The incident, the deployment or the command that an event is about, where it names them."""
    found: dict[str, str] = {}
    for place in _places(event):
        for name in (*SUBJECTS.values(), "name"):
            said = place.get(name)
            if isinstance(said, str) and _ID.fullmatch(said):
                found.setdefault(SUBJECTS[said[:4]], said)
    return found


def _places(event: object) -> Iterator[Mapping[str, object]]:
    """The event itself, and its ``detail`` where EventBridge brought it."""
    if isinstance(event, Mapping):
        yield event
        if isinstance(detail := event.get("detail"), Mapping):
            yield detail


def _denied(error: Exception) -> Permanent | None:
    """The error of the AWS SDK, known by its shape, that says that this function's role may not."""
    answer = getattr(error, "response", None)
    said = answer.get("Error", {}) if isinstance(answer, Mapping) else {}
    return Permanent("call.denied", f"AWS does not allow it: {error}") if said.get("Code") in DENIED else None


def _say(logger: Logger, error: Exception) -> None:
    if not isinstance(error, NightshiftError):
        logger.error("failed", code="unexpected", recoverable=False, exc_info=error)
        return
    say = logger.warning if error.recoverable else logger.error
    say(
        "failed",
        code=error.code,
        recoverable=error.recoverable,
        reason=error.message,
        context=error.context,
    )
