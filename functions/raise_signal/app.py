"""An alarm spoke, or an inspection found something: say which subject has which symptom, since when."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import envelopes
from nightshift.aws.stores import Stores
from nightshift.decisions import finding, signals
from nightshift.decisions.finding import Known
from nightshift.entry import entry
from nightshift.envelopes import AlarmStateChange
from nightshift.events import (
    Finding,
    FindingCleared,
    FindingRaised,
    SignalCleared,
    SignalRaised,
)
from nightshift.settings import Settings

logger = Logger()
TOGETHER = 10  # events that EventBridge takes at once
KINDS: dict[str, type[FindingRaised | FindingCleared]] = {
    "FindingRaised": FindingRaised,
    "FindingCleared": FindingCleared,
}


class Environment(Settings):
    """The bus to speak on, where the policy is, and how the node alarms are called."""

    bus_name: str
    policies_table: str
    incidents_table: str
    journal_table: str
    alarm_prefix: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Turn one alarm event into ``SignalRaised`` or ``SignalCleared``, or a batch's findings into several.

    What cannot be understood raises Refused, so that Lambda keeps the event in the function's DLQ.
    """
    if event.get("detail-type") in KINDS:
        return hear(envelopes.detail(KINDS[event["detail-type"]], event))
    alarm = envelopes.read(AlarmStateChange, event)
    _, policy = Stores.of(Environment).policies.current()
    signal = signals.from_alarm(alarm, policy, Environment.current().alarm_prefix)
    if signal is None:
        logger.info("the alarm says nothing", alarm=alarm.detail.alarm_name, state=alarm.detail.state.value)
        return {"published": None}
    Stores.of(Environment).bus.publish(signal)
    logger.info("signal", signal=signal.name, subject=signal.subject, symptom=signal.symptom)
    return {"published": signal.name, "subject": signal.subject, "symptom": signal.symptom}


def hear(said: FindingRaised | FindingCleared) -> dict[str, Any]:
    """Publish the signals that a batch's findings are; most findings stand, and were said before."""
    stores = Stores.of(Environment)
    _, policy = stores.policies.current()
    said_now: list[SignalRaised | SignalCleared] = []
    for one in said.findings:
        signal = (
            finding.cleared(one)
            if isinstance(said, FindingCleared)
            else finding.raised(one, policy, _past(one))
        )
        if signal:
            said_now.append(signal)
    for start in range(0, len(said_now), TOGETHER):
        stores.bus.publish(*said_now[start : start + TOGETHER])
    logger.info("findings heard", pass_id=said.pass_id, found=len(said.findings), signals=len(said_now))
    return {"published": [signal.name for signal in said_now]}


def _past(one: Finding) -> Known:
    """What its subject's incidents have heard of the finding's symptom."""
    incidents = Stores.of(Environment).incidents
    subject = incidents.subject(one.subject)
    current = incidents.find(subject.open_incident) if subject.open_incident else None
    last = incidents.find(subject.last_incident) if subject.last_incident else None
    heard = current.symptoms.get(one.symptom) if current else None
    return Known(
        joined=heard is not None and not heard.cleared_at,
        last_closed=(last.closed_at or "") if last else "",
    )
