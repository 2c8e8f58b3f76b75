"""A queue of the template with its dead letters, and Lambda's reading of it, in moto's SQS."""

from __future__ import annotations

import json
from typing import Any

from nightshift.aws import session
from nightshift.errors import NightshiftError
from tests.functional.world import World
from tests.stack import stack


class Queue:
    """What the template says of a queue, a function and the event source between them."""

    def __init__(self, world: World, name: str, function: str) -> None:
        self.world, self.function = world, function
        (source,) = stack().functions[function].properties["Events"].values()
        self.source = source["Properties"]
        assert self.source["Queue"] == stack().arn(name)
        said = stack().of_type("AWS::SQS::Queue")[name]
        self.hidden = int(said["VisibilityTimeout"])
        self.tries = int(said["RedrivePolicy"]["maxReceiveCount"])
        self.letters_arn = str(said["RedrivePolicy"]["deadLetterTargetArn"])
        self._sqs = session.client("sqs")
        letters = self.letters_arn.rpartition(":")[2]
        self.letters = self._sqs.create_queue(QueueName=letters)["QueueUrl"]
        attributes = {
            "VisibilityTimeout": str(self.hidden),
            "RedrivePolicy": json.dumps(said["RedrivePolicy"]),
        }
        self.url = self._sqs.create_queue(QueueName=stack().ref(name), Attributes=attributes)["QueueUrl"]

    def put(self, *bodies: str) -> None:
        """These messages arrive, ten at most."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        self._sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def deliver(self) -> int:
        """One batch, as Lambda hands it over: what the function does not name as failed is deleted.

        Without ``ReportBatchItemFailures`` in the template its answer counts for nothing. Returns how many.
        """
        most = min(10, self.source["BatchSize"])
        got = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=most).get("Messages", [])
        if not got:
            return 0
        records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in got]
        try:
            answer = self.world.hand(self.function, {"Records": records})
        except NightshiftError:
            return len(got)
        partial = "ReportBatchItemFailures" in self.source.get("FunctionResponseTypes", [])
        failed = {one["itemIdentifier"] for one in answer.get("batchItemFailures", ())} if partial else set()
        for one in got:
            if one["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=one["ReceiptHandle"])
        return len(got)

    def exhaust(self) -> None:
        """Deliver again and again, until nothing is left that may be tried."""
        for _ in range(self.tries + 1):
            while self.deliver():
                pass
            self.world.time.shift(self.hidden + 1)

    def dead(self) -> list[str]:
        """The bodies of the dead letters, which stay where they are."""
        got: dict[str, Any] = self._sqs.receive_message(
            QueueUrl=self.letters, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [one["Body"] for one in got.get("Messages", [])]

    def watched(self) -> bool:
        """Whether a dead letter raises an alarm that pages a person."""
        name = self.letters_arn.rpartition(":")[2]
        return any(
            {"Name": "QueueName", "Value": name} in alarm["Dimensions"]
            and (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
            and alarm["AlarmActions"] == [stack().ref("PagesTopic")]
            for alarm in stack().of_type("AWS::CloudWatch::Alarm").values()
        )
