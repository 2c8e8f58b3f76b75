"""Run a person's command on its nodes, over SSM and SSH together, for as long as one invocation may last."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, fleet_command
from nightshift.aws import ssh_login
from nightshift.aws.remote_runs import BySsm
from nightshift.aws.stores import Stores
from nightshift.decisions import rate_control
from nightshift.entry import entry
from nightshift.errors import NightshiftError
from nightshift.fleet_command import OUTPUT_LIMIT, Row, Ssh, Status
from nightshift.settings import Settings
from nightshift_ssh import warm
from nightshift_ssh.command import Command, Result
from nightshift_ssh.crew import Crew, Ended
from nightshift_ssh.login import Address, Credentials
from nightshift_ssh.pool import Limits, Pool

logger = Logger()
LOOK_SECONDS = 0.5  # between looks at who has ended, while nothing else wakes it
MARGIN_SECONDS = 45  # of the function's own time that no command may still need: connecting, answers, writing
MOST_AT_ONCE = 256  # threads and connections of one function
CONNECT_SECONDS = 30  # all tries of reaching a node by SSH
#: Errors of SSH after which the command may have begun; by every other one its node was not reached.
LATE = "ssh.command_timeout"
BROKEN = frozenset({"ssh.connection_lost", "ssh.output_flood", "ssh.unexpected"})


class Environment(Settings):
    """The command's table, the document, and the key to nodes without an agent."""

    commands_table: str
    journal_table: str
    run_document: str
    ssh_secret: str
    artifacts_bucket: str


class Request(BaseModel):
    """Which command goes on."""

    command_id: str


@entry(logger)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the machine's next state: run on in a fresh invocation, or close."""
    request = envelopes.read(Request, event)
    slice_ = Slice(request.command_id, lambda: context.get_remaining_time_in_millis() / 1000)
    answer = slice_.run()
    logger.info("slice", command_id=request.command_id, next=answer["next"], reason=answer["reason"])
    return {"command_id": request.command_id, **answer}


class Slice:
    """What one invocation does of a command: begins nodes as the pace allows, and keeps who has ended."""

    def __init__(self, command_id: str, seconds_left: Callable[[], float]) -> None:
        self._store = Stores.of(Environment).commands
        self._left = seconds_left
        self._command = self._store.get(command_id)
        self._rows = {row.node_id: row for row in self._store.rows(command_id)}
        self._ssm = BySsm(Environment.current().run_document, command_id, self._command)
        self._crew: Crew | None = None
        self._crewed = 0

    def run(self) -> dict[str, str]:
        """Until every node has ended, no other may begin, or this invocation has no time for another."""
        self._recover()
        while True:
            counts = self._counts()
            if counts == self._command.counts:  # nothing to say: only what was asked of it meanwhile is read
                self._command = self._store.get(self._command.command_id)
            else:
                self._command = self._store.count(self._command.command_id, counts)
            most = min(self._command.max_concurrency, MOST_AT_ONCE)
            pace = rate_control.pace(counts, most, self._command.max_errors, self._command.stop_requested)
            if pace.over or self._command.is_over:
                return {"next": "CloseCommand", "reason": pace.halted}
            if pace.begin and self._has_time():
                self._begin(pace.begin)
            elif not counts.get("InProgress"):
                return {"next": "RunCommand", "reason": ""}
            self._await_ends()

    def _counts(self) -> Mapping[Status, int]:
        return Counter(row.status for row in self._rows.values())

    def _has_time(self) -> bool:
        return self._left() > self._command.seconds + CONNECT_SECONDS + MARGIN_SECONDS

    def _begin(self, number: int) -> None:
        waiting = [row for row in self._rows.values() if row.status == "Pending"][:number]
        at = clock.iso(clock.now())
        begun = [row.model_copy(update={"status": "InProgress", "began_at": at}) for row in waiting]
        self._keep(begun)  # before the effect: whoever finds it in progress knows that it may have begun
        self._keep(self._ssm.begin([row for row in begun if row.ssh is None]))
        for row in begun:
            if row.ssh is not None:
                self._begin_ssh(row, row.ssh)

    def _begin_ssh(self, row: Row, ssh: Ssh) -> None:
        try:
            self._crew = self._crew or Crew(_pool())
        except NightshiftError as error:  # the login cannot be read: no such node is reached
            self._keep([_failed(row, error)])
            return
        order = Command(
            self._command.argv, self._command.sudo, seconds=self._command.seconds, limit=OUTPUT_LIMIT
        )
        self._crew.begin(
            row.node_id,
            Address.of(ssh.host, ssh.port, ssh.via),
            order,
            self._command.seconds + CONNECT_SECONDS,
        )
        self._crewed += 1

    def _await_ends(self) -> None:
        """Wait until somebody has ended or may have, then write down who."""
        due = self._ssm.next_look
        patience = min(LOOK_SECONDS, due) if due is not None else LOOK_SECONDS
        ended: list[Row] = []
        if self._crew and self._crewed:
            found = self._crew.ended(patience)
            self._crewed -= len(found)
            ended += [_row(self._rows[one.key], one) for one in found]
        else:
            time.sleep(patience)
        self._keep([*ended, *self._ssm.ended()])

    def _recover(self) -> None:
        """An invocation before this one may have died: nobody waits for what it had begun."""
        left = [row for row in self._rows.values() if row.status == "InProgress"]
        self._keep(
            [_unknown(row) for row in left if row.ssh is not None]
            + self._ssm.recover([row for row in left if row.ssh is None], self._command.created_at)
        )

    def _keep(self, rows: list[Row]) -> None:
        if rows:
            self._store.save(rows, clock.now())
            self._rows |= {row.node_id: row for row in rows}


def _pool() -> Pool:
    """The warm connections. Raises as ``ssh_login.read`` and ``warm.pool`` do."""
    here = Environment.current()
    credentials = Credentials(*ssh_login.read(here.ssh_secret, here.artifacts_bucket))
    return warm.pool(credentials, Limits(per_host=1, total=MOST_AT_ONCE))


def _row(row: Row, ended: Ended) -> Row:
    for error in ended.retried:
        logger.warning("tried again", node_id=row.node_id, code=error.code, reason=error.message)
    if ended.error is not None:
        return _failed(row, ended.error)
    result = ended.result or Result(None, "", "")
    status: Status = "Success" if result.ok else "Failed"
    reason = f"ended by {result.signal}" if result.signal else f"exit status {result.exit_status}"
    changes = {
        "status": status, "exit_status": result.exit_status, "ended_at": clock.iso(clock.now()),
        "stdout": fleet_command.cut(result.stdout), "stderr": fleet_command.cut(result.stderr),
        "reason": "" if result.ok else reason,
    }  # fmt: skip
    return row.model_copy(update=changes)


def _failed(row: Row, error: NightshiftError) -> Row:
    """As Run Command names it; what no repetition mends is one alert of the whole command."""
    status: Status = "Failed" if error.code in BROKEN else "Undeliverable"
    status = "ExecutionTimedOut" if error.code == LATE else status
    log = logger.warning if error.recoverable else logger.error
    log("a node failed", node_id=row.node_id, code=error.code, reason=error.message)
    changes = {
        "status": status,
        "reason": f"{error.code}: {error.message}",
        "alert": "" if error.recoverable else error.code,
        "ended_at": clock.iso(clock.now()),
    }
    return row.model_copy(update=changes)


def _unknown(row: Row) -> Row:
    reason = "the function that ran it ended before it; whether it took effect is unknown"
    return row.model_copy(update={"status": "Failed", "reason": reason, "ended_at": clock.iso(clock.now())})
