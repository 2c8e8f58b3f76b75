"""The person with the pager: a webhook on 127.0.0.1, and a queue that is subscribed to the pages topic."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

QUEUE = "nightshift-demo-pages"
_INCIDENT = re.compile(r"nightshift (?:why|approve) (\S+)")


@dataclass(frozen=True)
class Page:
    """A page as one channel delivered it; ``incident_id`` is its key."""

    channel: str
    incident_id: str
    title: str
    text: str


class Pager:
    """Receives pages; use as a context, ``look`` collects what SNS delivered."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self._told = 0
        pager = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                said = json.loads(self.rfile.read(length))
                pager.pages.append(Page("webhook", said["dedup_key"], said["title"], said["text"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self._sqs: Any = None
        self._queue = ""

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the webhook listens."""
        return f"http://127.0.0.1:{self._server.server_port}/pages"

    def subscribe(self, sns: Any, sqs: Any, topic_arn: str) -> None:
        """Subscribe a queue to the topic, as a paging service would."""
        self._sqs, self._queue = sqs, sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)

    def look(self) -> None:
        """Collect what the topic delivered since the last look."""
        if not self._queue:
            return
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            said = json.loads(message["Body"])
            text = said["Message"]
            incident_id = next(iter(_INCIDENT.findall(text)), "")
            self.pages.append(Page("sns", incident_id, said.get("Subject", ""), text))
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def news(self) -> list[Page]:
        """The pages since the last call."""
        fresh = self.pages[self._told :]
        self._told += len(fresh)
        return fresh

    def about(self, incident_id: str) -> list[Page]:
        """Every page about an incident, over all channels."""
        return [page for page in self.pages if page.incident_id == incident_id]
