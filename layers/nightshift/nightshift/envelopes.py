"""The events that AWS sends to Nightshift, as they arrive; only the fields that are read.

Shapes: Amazon EventBridge's envelope; CloudWatch, Systems Manager, Auto Scaling and Step Functions
user guides for each ``detail``. Unknown fields are ignored, since AWS adds some without notice.
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nightshift.errors import Refused

E = TypeVar("E", bound=BaseModel)


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Envelope(_Shape):
    """What EventBridge puts around every event."""

    id: str
    source: str
    detail_type: str = Field(alias="detail-type")
    time: str
    resources: tuple[str, ...] = ()


class AlarmState(_Shape):
    """What the alarm says now; ``reasonData`` is JSON as text and may be absent."""

    value: Literal["ALARM", "OK", "INSUFFICIENT_DATA"]
    reason: str = ""
    reason_data: str | None = Field(None, alias="reasonData")
    timestamp: str


class MetricIdentity(_Shape):
    """A metric's name and dimensions."""

    namespace: str
    name: str
    dimensions: dict[str, str] = {}


class MetricStat(_Shape):
    """A metric with its statistic."""

    metric: MetricIdentity


class MetricQuery(_Shape):
    """One metric (or expression, without ``metricStat``) of an alarm."""

    id: str
    expression: str = ""
    return_data: bool = Field(default=True, alias="returnData")
    metric_stat: MetricStat | None = Field(None, alias="metricStat")


class AlarmConfiguration(_Shape):
    """What the alarm reads; a composite alarm has a rule instead of metrics."""

    metrics: tuple[MetricQuery, ...] = ()
    alarm_rule: str | None = Field(None, alias="alarmRule")


class AlarmContributor(_Shape):
    """The time series of a multi-series alarm that changed."""

    attributes: dict[str, str] = {}


class AlarmDetail(_Shape):
    """One alarm's change."""

    alarm_name: str = Field(alias="alarmName")
    state: AlarmState
    configuration: AlarmConfiguration = AlarmConfiguration()
    contributor: AlarmContributor | None = Field(None, alias="alarmContributor")


class AlarmStateChange(Envelope):
    """``CloudWatch Alarm State Change`` and ``CloudWatch Alarm Contributor State Change``.

    Plain, metric-math and composite alarms; one time series of a multi-series alarm.
    """

    source: Literal["aws.cloudwatch"]
    detail_type: Literal["CloudWatch Alarm State Change", "CloudWatch Alarm Contributor State Change"] = (
        Field(alias="detail-type")
    )
    detail: AlarmDetail


class CommandDetail(_Shape):
    """One command's change."""

    command_id: str = Field(alias="command-id")
    document_name: str = Field(alias="document-name")
    status: str


class CommandStatusChange(Envelope):
    """``EC2 Command Status-change Notification``: one whole command of Run Command."""

    source: Literal["aws.ssm"]
    detail: CommandDetail


class InstanceDetail(_Shape):
    """One instance of one group."""

    auto_scaling_group: str = Field(alias="AutoScalingGroupName")
    instance_id: str = Field(alias="EC2InstanceId", pattern=r"^i-[0-9a-f]{8,17}$")


class InstanceChange(Envelope):
    """``EC2 Instance Launch Successful`` and ``EC2 Instance Terminate Successful``."""

    source: Literal["aws.autoscaling"]
    detail: InstanceDetail


class ExecutionDetail(_Shape):
    """One execution's end."""

    name: str
    status: Literal["FAILED", "TIMED_OUT", "ABORTED"]
    error: str | None = None
    cause: str | None = None

    @property
    def reason(self) -> str:
        """Why it ended, in a line: a failed function's cause is JSON that holds a whole stack trace."""
        try:
            said = str(json.loads(self.cause or "").get("errorMessage", self.cause))
        except (ValueError, AttributeError):
            said = self.cause or ""
        return f"the machine ended {self.status}: {': '.join(filter(None, (self.error, said)))}"[:500]


class ExecutionEnded(Envelope):
    """``Step Functions Execution Status Change`` of an execution that did not succeed."""

    source: Literal["aws.states"]
    detail: ExecutionDetail


class HttpCaller(_Shape):
    """How and from where an HTTP API was called."""

    method: str
    source_ip: str = Field("", alias="sourceIp")


class HttpContext(_Shape):
    """What API Gateway knows of a request."""

    http: HttpCaller


class HttpRequest(_Shape):
    """A request of an HTTP API, payload version 2.0."""

    context: HttpContext = Field(alias="requestContext")
    # A route without parameters has none here, or null.
    path: Annotated[dict[str, str], BeforeValidator(lambda given: given or {})] = Field(
        {}, alias="pathParameters"
    )
    headers: dict[str, str] = {}
    body: str = ""
    encoded: bool = Field(default=False, alias="isBase64Encoded")

    def form(self) -> dict[str, str]:
        """The fields of a posted form, the last of each name; empty when it is none."""
        try:
            text = base64.b64decode(self.body).decode() if self.encoded else self.body
        except ValueError:
            return {}
        return dict(parse_qsl(text))


def read(model: type[E], event: Any) -> E:
    """Parse ``event`` into ``model``; raises Refused ``event.unknown_shape`` that names the wrong fields."""
    try:
        return model.model_validate(event)
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()[:5])
        raise Refused("event.unknown_shape", f"not a {model.__name__}: {fields}") from error


def detail(model: type[E], event: Any) -> E:
    """Parse the ``detail`` of one of Nightshift's own events; raises Refused ``event.unknown_shape``."""
    return read(model, event.get("detail") if isinstance(event, dict) else event)
