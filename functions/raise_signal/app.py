"""An alarm spoke: say which subject has which symptom, since when."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import envelopes
from nightshift.aws.stores import Stores
from nightshift.decisions import signals
from nightshift.envelopes import AlarmStateChange
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """The bus to speak on, where the policy is, and how the node alarms are called."""

    bus_name: str
    policies_table: str
    alarm_prefix: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Turn one alarm event into ``SignalRaised`` or ``SignalCleared``.

    What cannot be understood raises Refused, so that Lambda keeps the event in the function's DLQ.
    """
    alarm = envelopes.read(AlarmStateChange, event)
    _, policy = Stores.of(Environment).policies.current()
    signal = signals.from_alarm(alarm, policy, Environment.current().alarm_prefix)
    if signal is None:
        logger.info("the alarm says nothing", alarm=alarm.detail.alarm_name, state=alarm.detail.state.value)
        return {"published": None}
    Stores.of(Environment).bus.publish(signal)
    logger.info("signal", signal=signal.name, subject=signal.subject, symptom=signal.symptom)
    return {"published": signal.name, "subject": signal.subject, "symptom": signal.symptom}
