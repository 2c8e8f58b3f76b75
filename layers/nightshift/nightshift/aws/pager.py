"""Sends a page to every channel that has not had it, each by itself, and remembers which have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from nightshift import channels, pages, routing
from nightshift.aws import secrets
from nightshift.aws.line import Outside
from nightshift.aws.outbox import Entry, Outbox
from nightshift.aws.policies import Policies
from nightshift.aws.tables import Write
from nightshift.channels import Channel, Target
from nightshift.errors import NightshiftError, Permanent, Retryable
from nightshift.pages import Page
from nightshift.policy_notify import TOPIC, Notify

logger = Logger(child=True)
#: Seconds beyond a channel's own deadline, for the secret and the name to be read.
GRACE = 5.0
Record = Callable[[str, Write], object]
Tell = Callable[[str, Channel, Target], str]


@dataclass
class Sent:
    """What became of a page: channels that had it before, that took it now, and why others did not."""

    before: list[str] = field(default_factory=list)
    now: list[str] = field(default_factory=list)
    failures: list[NightshiftError] = field(default_factory=list)

    @property
    def failure(self) -> NightshiftError | None:
        """What to raise: a failure that a retry may mend before any other."""
        return next(iter(sorted(self.failures, key=lambda error: not error.recoverable)), None)


@dataclass(frozen=True)
class Pager:
    """The channels of the policy in force, and the outbox that loses no page to a dead one."""

    outbox: Outbox
    policies: Policies
    outside: Outside
    secrets_prefix: str

    def send(self, page: Page, about: str, now: datetime, record: Record, until: str | None = None) -> Sent:
        """Store ``page``, then try every channel that misses it; failures are returned, not raised.

        ``record`` is told of each delivery at once, with the write that remembers it: a function that
        dies at a later channel has not forgotten this one.
        """
        _, policy = self.policies.current()
        walk = routing.legs(policy, page, now)
        entry = self.outbox.keep(page, walk, about, until, now, routing.again(0, now))
        # What is sent is the page of now: it may know more, and its answering link is stored nowhere.
        return self._walk(entry.model_copy(update={"page": page}), policy.notify, now, record)

    def resend(self, entry: Entry, now: datetime, record: Record) -> Sent:
        """Try the channels that miss a stored page again."""
        _, policy = self.policies.current()
        return self._walk(entry, policy.notify, now, record)

    def over(self, key: str, reason: str, now: datetime, record: Record) -> list[str]:
        """Tell the channels that have a page that it is over; nobody else is told. Who was told now.

        Raises the first channel's error after all were tried.
        """
        entry = self.outbox.find(key)
        if entry is None:
            return []
        self.outbox.settle(key, entry.failures)
        _, policy = self.policies.current()
        names = sorted({name for leg in entry.legs for name in (leg.channel, *leg.otherwise)})
        receipts = self.outbox.delivered(key, names)
        known = self.outbox.delivered(f"{key}#over", sorted(receipts))
        page, sent = pages.over(entry.page, reason), Sent()

        def tell(name: str, module: Channel, target: Target) -> str:
            return "told" if module.resolve(page, receipts[name], target, self.outside) else ""

        told = []
        for name, outcome in self._each(sorted(set(receipts) - set(known)), policy.notify, tell):
            if isinstance(outcome, NightshiftError):
                sent.failures.append(outcome)
                continue
            record(name if outcome else "", self.outbox.remember(f"{key}#over", name, "", now))
            told += [name] if outcome else []
        if sent.failure:
            raise sent.failure
        return told

    def _walk(self, entry: Entry, notify: Notify, now: datetime, record: Record) -> Sent:
        key, most = entry.page.key, notify.second_after
        every = dict.fromkeys(name for leg in entry.legs for name in (leg.channel, *leg.otherwise))
        delivered = set(self.outbox.delivered(key, list(every)))
        sent, tried, failures = Sent(before=sorted(delivered)), set[str](), dict(entry.failures)

        def tell(_: str, module: Channel, target: Target) -> str:
            return module.send(entry.page, target, self.outside)

        while names := routing.following(entry.legs, delivered, failures, tried, most):
            tried |= set(names)
            for name, outcome in self._each(names, notify, tell):
                if isinstance(outcome, NightshiftError):
                    sent.failures.append(outcome)
                    # What will be the same again is no reason to wait before another channel is tried.
                    failed = failures.get(name, 0) + 1
                    failures[name] = failed if outcome.recoverable else max(failed, most)
                    continue
                record(name, self.outbox.remember(key, name, outcome, now))
                delivered.add(name)
                sent.now = sorted([*sent.now, name])
        self._note(
            entry,
            failures,
            sent,
            now,
            whole=all(leg.is_walked(delivered, failures.get(leg.channel, 0), most) for leg in entry.legs),
        )
        return sent

    def _note(
        self, entry: Entry, failures: Mapping[str, int], sent: Sent, now: datetime, *, whole: bool
    ) -> None:
        """Whether somebody misses the page still, and when it is tried again."""
        if whole:
            self.outbox.settle(entry.page.key, failures)
            sent.failures.clear()  # a channel stands in for each that failed
            return
        asked = max((int(error.context.get("retry_after", 0)) for error in sent.failures), default=0)
        due = routing.again(entry.rounds, now, timedelta(seconds=asked))
        self.outbox.missed(entry.page.key, failures, entry.rounds + 1, due)

    def _each(
        self, names: Sequence[str], notify: Notify, tell: Tell
    ) -> Iterator[tuple[str, str | NightshiftError]]:
        """Tell each channel in a thread of its own, and say how that ended, the quickest first."""
        pool = ThreadPoolExecutor(max(1, len(names)), thread_name_prefix="channel")
        asked: dict[Future[str], str] = {pool.submit(self._tell, name, notify, tell): name for name in names}
        late = dict(asked)
        try:
            for done in as_completed(asked, timeout=self.outside.deadline + GRACE):
                name = late.pop(done)
                error = done.exception()
                yield name, done.result() if error is None else _failure(name, error)
        except TimeoutError:
            for name in late.values():
                yield name, _failure(name, Retryable("channel.timeout", f"{name} did not end in time"))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _tell(self, name: str, notify: Notify, tell: Tell) -> str:
        kind, target = self._target(name, notify)
        return tell(name, channels.load(kind), target)

    def _target(self, name: str, notify: Notify) -> tuple[str, Target]:
        """The kind of a channel and where it leads; raises Permanent ``channel.unconfigured``."""
        if name == TOPIC:
            return TOPIC, Target()
        if name in notify.channels:
            channel = notify.channels[name]
            url = str(channel.url).rstrip("/") if channel.url else ""
            return channel.kind, Target(secrets.named(self.secrets_prefix, channel.secret), url, channel.room)
        _, _, number = name.partition("-")
        if name.startswith("webhook-") and number.isdecimal() and 0 < int(number) <= len(notify.webhooks):
            return "webhook", Target(url=str(notify.webhooks[int(number) - 1]))
        raise Permanent("channel.unconfigured", f"the policy in force has no channel {name}")


def _failure(name: str, error: BaseException) -> NightshiftError:
    """What a channel's failure is told as; the boundary at which a mistake in one stops no other."""
    if not isinstance(error, Exception):
        raise error
    if not isinstance(error, NightshiftError):
        logger.error("a channel is broken", channel=name, exc_info=error)
        error = Permanent("channel.broken", f"{name}: {type(error).__name__}")
    logger.warning("a channel did not take the page", channel=name, code=error.code, reason=error.message)
    return error
