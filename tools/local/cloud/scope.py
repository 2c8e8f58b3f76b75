"""The account and region that code inside the server acts under, and the events it emits there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tools.local.cloud.config import ACCOUNT, REGION


def enter_scope() -> None:
    """Bind this context to the stack's account and region.

    ministack keeps its state per account and region in context variables; a task or thread of our
    own starts without them.
    """
    from ministack.core.responses import set_request_account_id, set_request_region

    set_request_account_id(ACCOUNT)
    set_request_region(REGION)


def put_aws_events(entries: Sequence[dict[str, Any]]) -> int:
    """Put `aws.*` events on the default bus and return how many were refused.

    PutEvents refuses these sources for callers, as AWS does; services themselves may emit them.
    Each entry has Source, DetailType, Detail (an object) and optionally Resources.
    """
    from ministack.services import eventbridge

    enter_scope()
    failed = 0
    for first in range(0, len(entries), 10):
        batch = [
            {
                "Source": entry["Source"],
                "DetailType": entry["DetailType"],
                "Detail": json.dumps(entry["Detail"]),
                "Resources": list(entry.get("Resources", [])),
            }
            for entry in entries[first : first + 10]
        ]
        _status, _headers, body = eventbridge._put_events({"Entries": batch}, allow_aws_source=True)
        failed += int(json.loads(body)["FailedEntryCount"])
    return failed
