"""EventBridge: publish on Nightshift's own bus."""

from __future__ import annotations

from nightshift.aws.session import client
from nightshift.errors import Retryable
from nightshift.events import SOURCE, Event


class Bus:
    """The bus that carries only Nightshift's events."""

    def __init__(self, name: str) -> None:
        self._name = name

    def publish(self, *events: Event) -> None:
        """Publish up to ten events; raises Retryable ``bus.rejected`` when one was not taken."""
        entries = [
            {
                "EventBusName": self._name,
                "Source": SOURCE,
                "DetailType": event.name,
                "Detail": event.model_dump_json(),
            }
            for event in events
        ]
        answer = client("events").put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            codes = {entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry}
            raise Retryable(
                "bus.rejected",
                f"{answer['FailedEntryCount']} events were not taken: {', '.join(sorted(codes))}",
            )
