"""A pass that does not end: a command's event was lost, or a function died in between.

Found: passes without a report whose deadline is over. Done: every batch that was not read is handed to
``collect_metrics``, which reads its one page, and writes a row with the reason for each node that has not
answered. A pass whose batches were all read, or that cannot be read five minutes later either, is
reported with what there is: ``InspectionCollected`` is published as the last batch would have.
"""

from __future__ import annotations

from datetime import datetime

from nightshift import clock, passes
from nightshift.aws import functions
from nightshift.aws.stores import Stores
from nightshift.sweeps import Here

PERMISSIONS = ("dynamodb:GetItem", "events:PutEvents", "lambda:InvokeFunction")
ENOUGH_SECONDS = 300  # after the deadline: what cannot be read by then is missing in the report


def run(stores: Stores, here: Here, now: datetime) -> list[str]:
    """Have overdue batches read; a sentence for each pass."""
    said = []
    for pass_id, deadline in stores.inspections.running().items():
        if deadline >= clock.iso(now):
            continue
        found = stores.inspections.get(pass_id)
        missing = [number for number in range(found.batches) if number not in found.collected]
        if not missing or clock.parse(deadline) + clock.seconds(ENOUGH_SECONDS) < now:
            stores.bus.publish(passes.collected(pass_id, now))
            said.append(f"{pass_id} has no report, and lacks {len(missing)} batches; it is reported as it is")
            continue
        for number in missing:
            functions.hand(here.collect_metrics_function, {"pass_id": pass_id, "batch": number})
        said.append(f"{pass_id} lacks {len(missing)} of {found.batches} batches; they are read now")
    return said
