"""An alarm's event was lost, or the symptom came back while the alarm never left ALARM.

Found: every node alarm that shows ALARM for more than a minute is compared with what its subject has
heard. Done: ``SignalRaised`` is published as ``raise_signal`` would have; for a symptom that came back,
as of one period and a minute after the last incident ended. The other way round, an incident whose
joined alarm is OK for more than a minute and was never cleared gets its ``SignalCleared``.

It cannot see a change that CloudWatch itself missed, nor clear an alarm that was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from nightshift.aws import alarms
from nightshift.aws.stores import Stores
from nightshift.decisions import signals, silence
from nightshift.decisions.silence import Past
from nightshift.envelopes import AlarmStateChange
from nightshift.errors import Refused
from nightshift.events import SignalCleared, SignalRaised
from nightshift.incident import Heard
from nightshift.policy import Policy
from nightshift.sweeps import Here

PERMISSIONS = ("cloudwatch:DescribeAlarms", "dynamodb:GetItem", "dynamodb:Query", "events:PutEvents")


def run(stores: Stores, here: Here, now: datetime) -> list[str]:
    """Publish what no alarm's event said; the sentences say which."""
    _, policy = stores.policies.current()
    said = []
    for alarm in alarms.in_alarm(here.alarm_prefix):
        try:
            signal = _unheard(stores, here, alarm, policy, now)
        except Refused as error:
            said.append(f"{alarm.detail.alarm_name} is not understood: {error}")
            continue
        if signal:
            said.append(_publish(stores, signal))
    return said + [_publish(stores, signal) for signal in _quiet(stores, here, policy, now)]


def _unheard(
    stores: Stores, here: Here, alarm: AlarmStateChange, policy: Policy, now: datetime
) -> SignalRaised | None:
    subject = signals.subject_of(alarm)
    node = stores.nodes.get(subject)
    if node and node.state == "terminated":
        return None  # its alarms are deleted in a moment
    past = _past(stores, subject, alarm.detail.alarm_name)
    return silence.unheard(alarm, policy, here.alarm_prefix, past, now)


def _past(stores: Stores, subject: str, alarm: str) -> Past:
    known = stores.incidents.subject(subject)
    last = stores.incidents.get(known.last_incident) if known.last_incident else None
    return Past(
        seen=known.seen.get(alarm, ""),
        open_incident=known.open_incident,
        last_incident=known.last_incident,
        last_closed=(last.closed_at or "") if last else "",
    )


def _quiet(stores: Stores, here: Here, policy: Policy, now: datetime) -> Iterator[SignalCleared]:
    """The signals of alarms that are OK by now, for the incidents that still wait for them."""
    waiting = {heard.alarm: (incident, heard) for incident, heard in _joined(stores)}
    for name, alarm in alarms.named(sorted(waiting)).items():
        incident, heard = waiting[name]
        try:
            signal = silence.quiet(alarm, policy, here.alarm_prefix, heard, now)
        except Refused:
            continue  # the policy has forgotten the symptom; its incident ends by its deadline
        if signal and stores.incidents.subject(signal.subject).open_incident == incident:
            yield signal


def _joined(stores: Stores) -> Iterator[tuple[str, Heard]]:
    """The alarms that were joined and not cleared, of every incident that is not over."""
    for state in ("open", "escalated"):
        for listed in list(stores.incidents.listing(state, limit=1_000)):
            incident = stores.incidents.get(listed.incident_id)  # the index may be behind
            if incident.state in {"open", "escalated"}:
                for heard in incident.symptoms.values():
                    if not heard.cleared_at:
                        yield incident.incident_id, heard


def _publish(stores: Stores, signal: SignalRaised | SignalCleared) -> str:
    stores.bus.publish(signal)
    return (
        f"{signal.name} for {signal.subject}: {signal.alarm} since {signal.occurred_at}, which nobody heard"
    )
