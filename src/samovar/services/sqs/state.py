"""Queues: their records, what is in their boxes, and who waits for it.

Owns: the table `sqs.queues`, the counts of messages, the bells. Refuses: the wording of requests (`ops`), the SQL
(`journal.py`), time (the Clock's).

The number of messages in each box is counted once, at the start, and kept in memory from then on; what is hidden or
delayed is counted when somebody asks, by a walk over just that.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from samovar.core import arn
from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.core.meter import Meter
from samovar.delivery.queue import Step
from samovar.services.sqs import attributes, journal, redrive
from samovar.services.sqs.errors import no_such_queue
from samovar.services.sqs.journal import DROPPED, MOVED, TAKEN, Receiving, Sending
from samovar.services.sqs.messages import Envelope, Received
from samovar.services.sqs.metering import Metering
from samovar.store.bell import Bell
from samovar.store.bodies import Bodies
from samovar.store.errors import BlobMissing
from samovar.store.sqlite import Procedure, Row, Store
from samovar.store.table import Table

Key = tuple[str, str, str]
"""Account, region, name."""

MOST_IN_FLIGHT = 120_000
_IDS_PER_RUN_BITS = 40
_SEQUENCE_BASE = 18_850_000_000_000_000_000
_envelope = msgspec.json.Decoder(Envelope).decode


class Queue(msgspec.Struct, frozen=True):
    account: str
    region: str
    name: str
    id: int
    """Never used twice: a queue made again under its name is another one."""
    box: int
    """Where its messages are."""
    created_s: int
    modified_s: int
    attributes: dict[str, str]
    """Those that were set."""
    tags: dict[str, str]
    scope: str = ""
    """DeduplicationScope at creation, which governs whatever the attribute says later (facts/sqs.md §6)."""
    purged_ms: int = 0

    @property
    def key(self) -> Key:
        return (self.account, self.region, self.name)

    @property
    def fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def arn(self) -> str:
        return arn.make("sqs", self.region, self.account, self.name)

    def number(self, attribute: str) -> int:
        return attributes.number(self.attributes, attribute)


class Counts(msgspec.Struct, frozen=True):
    visible: int
    in_flight: int
    delayed: int


class Sqs:
    def __init__(
        self, store: Store, clock: Clock, bodies: Bodies, queues: Table[Queue], run: int, meter: Meter
    ) -> None:
        self.store = store
        self.metering = Metering(meter)
        self.clock = clock
        self.bodies = bodies
        self.queues = queues
        self.deleted: dict[Key, float] = {}
        """When a queue of this name was deleted, for the minute in which it can't be made again."""
        self.attempts: dict[tuple[int, str], tuple[float, list[tuple[int, int]]]] = {}
        """(queue, ReceiveRequestAttemptId) -> (until when it is known, the receipts that it got)."""
        self._last_id = run << _IDS_PER_RUN_BITS
        self._totals: dict[int, int] = {}
        self._leases: dict[int, int] = {}
        """Box -> at most how many messages are in flight; counted exactly when that reaches the limit."""
        self._bells: dict[int, Bell] = {}

    @classmethod
    async def open(cls, store: Store, clock: Clock, bodies: Bodies, meter: Meter) -> "Sqs":
        await store.migrate("sqs", journal.MIGRATIONS)
        [[(run,)]] = await store.transact((journal.NEW_RUN, ()))
        blobs = await store.query("SELECT blob FROM sqs_messages WHERE blob <> ''")
        await bodies.sweep(row[0] for row in blobs)
        state = cls(store, clock, bodies, await Table.open(store, "sqs.queues", Queue), run, meter)
        for _, queue in state.queues.items():
            [(count,)] = await store.query("SELECT COUNT(*) FROM sqs_messages WHERE box = ?", (queue.box,))
            state._totals[queue.box] = count
        return state

    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)

    def new_id(self) -> int:
        """Greater than every id before: each run of the server has its own 2**40."""
        self._last_id += 1
        return self._last_id

    # Queues

    def find(self, ctx: Context, url: str) -> Queue:
        """The queue of a QueueUrl; any host will do, and the bare name as well."""
        queue = self.queues.get(key_of_url(ctx, url))
        if queue is None:
            raise no_such_queue()
        return queue

    def by_arn(self, text: str) -> Queue | None:
        parts = arn.parse(text)
        if parts is None or parts.service != "sqs":
            return None
        return self.queues.get((parts.account, parts.region, parts.resource))

    def sources(self, target: Queue) -> list[Queue]:
        """The queues that have `target` as their dead-letter queue, by name."""
        found = [queue for _, queue in self.queues.items((target.account, target.region))]
        return [queue for queue in found if dead_letter_arn(queue) == target.arn]

    async def change(self, queue: Queue, **changes: Any) -> None:
        """Commit changes of a queue's record, over what it is now."""
        current = self.queues.get(queue.key)
        if current is None or current.id != queue.id:
            raise no_such_queue()
        await self.queues.put(queue.key, msgspec.structs.replace(current, **changes))

    def forget(self, box: int) -> None:
        """Of a box that is no queue's any more."""
        self._totals.pop(box, None)
        self._leases.pop(box, None)

    async def counts(self, queue: Queue) -> Counts:
        sql = "SELECT leased, COUNT(*) FROM sqs_messages WHERE box = ? AND due > ? GROUP BY leased"
        hidden: dict[int, int] = dict(await self.store.query(sql, (queue.box, self.now_ms())))
        in_flight, delayed = hidden.get(1, 0), hidden.get(0, 0)
        self._leases[queue.box] = in_flight
        return Counts(max(0, self.total(queue) - in_flight - delayed), in_flight, delayed)

    def total(self, queue: Queue) -> int:
        """Messages in the queue, whether visible or not."""
        return self._totals.get(queue.box, 0)

    def count(self, box: int, difference: int) -> None:
        """Note that messages came or went; what goes from a box that is no queue's any more doesn't matter."""
        if difference > 0 or box in self._totals:
            self._totals[box] = self._totals.get(box, 0) + difference

    def bell(self, queue: Queue) -> Bell:
        bell = self._bells.get(queue.id)
        if bell is None:
            bell = self._bells[queue.id] = Bell(self.clock)
        return bell

    # Messages

    async def send(self, queue: Queue, messages: Sequence[Sending], *also: Step) -> list[tuple[str, int]]:
        """Commit messages, and `also`; (id, seq) of each, or those of the one that it repeats."""
        if queue.fifo:
            rows, *_ = await self.store.transact(Procedure(partial(journal.send_fifo, list(messages))), *also)
            sent = [(id, seq) for id, seq, _ in rows]
            new = [message for message, row in zip(messages, rows, strict=True) if row[2]]
            await self.bodies.drop(
                message.blob for message, row in zip(messages, rows, strict=True) if not row[2]
            )  # duplicates
        else:
            await self.store.transact(journal.sending(messages), *also)
            sent, new = [(message.envelope.id, message.seq) for message in messages], list(messages)
        self.count(queue.box, len(new))
        bell = self.bell(queue)
        for message in new:
            bell.ring(message.due / 1000)
        return sent

    async def receive(self, queue: Queue, limit: int, hidden_s: int, wait_s: float) -> list[Received]:
        """Take at most `limit` messages; when there are none, wait for the first of them."""
        until = self.clock.now() + wait_s
        bell = self.bell(queue)
        while True:
            seen = bell.rings
            messages = await self._receive(queue, limit, hidden_s)
            if messages:
                bell.pass_on()
                self.metering.received(queue.key, len(messages))
                return messages
            if self.clock.now() >= until or not await bell.wait(seen, await self._next_due(queue), until):
                self.metering.received(queue.key, 0)
                return []
            queue = self._current(queue)

    async def _receive(self, queue: Queue, limit: int, hidden_s: int) -> list[Received]:
        await self._check_in_flight(queue)
        if self._leases.get(queue.box, 0) >= MOST_IN_FLIGHT:
            return []
        now = self.now_ms()
        order = Receiving(
            queue.box,
            now,
            limit,
            now + hidden_s * 1000,
            now - queue.number("MessageRetentionPeriod") * 1000,
            queue.fifo,
        )
        dead = self._dead_letter_queue(queue)
        if dead is not None:
            target, most = dead
            order = msgspec.structs.replace(order, max_receives=most, dead_box=target.box, source_arn=queue.arn)
        [rows] = await self.store.transact(Procedure(partial(journal.receive, order)))
        moved = sum(row[0] == MOVED for row in rows)
        dropped = [row[2] for row in rows if row[0] == DROPPED]
        self.count(queue.box, -moved - len(dropped))
        if moved and dead is not None:
            self.count(dead[0].box, moved)
            for _ in range(moved):
                self.bell(dead[0]).ring()
        await self.bodies.drop(dropped)
        taken = [row[1:] for row in rows if row[0] == TAKEN]
        self._leases[queue.box] = self._leases.get(queue.box, 0) + len(taken)
        return await self.messages(queue.box, taken)

    async def messages(self, box: int, rows: Sequence[Row]) -> list[Received]:
        found = []
        for seq, receives, sent, first, source, envelope, blob, body in rows:
            try:
                text = await self.bodies.fetch(body, blob)
            except BlobMissing:
                continue  # deleted since
            found.append(Received(box, seq, receives, sent, first, source, _envelope(envelope), text))
        return found

    async def _check_in_flight(self, queue: Queue) -> None:
        """facts/sqs.md §4: a standard queue with too many says so; a FIFO one gives nothing."""
        if self._leases.get(queue.box, 0) < MOST_IN_FLIGHT:
            return
        counts = await self.counts(queue)
        if counts.in_flight >= MOST_IN_FLIGHT and not queue.fifo:
            raise AwsError("OverLimit", "The maximum number of in flight messages is reached.")

    async def _next_due(self, queue: Queue) -> float | None:
        table = "sqs_lanes" if queue.fifo else "sqs_messages"
        rows = await self.store.query(f"SELECT due FROM {table} WHERE box = ? ORDER BY due LIMIT 1", (queue.box,))
        return rows[0][0] / 1000 if rows else None

    async def oldest_s(self, queue: Queue) -> float:
        """The age of its oldest message; 0 when there is none."""
        sql = "SELECT sent FROM sqs_messages WHERE box = ? ORDER BY seq LIMIT 1"
        rows = await self.store.query(sql, (queue.box,))
        return max(0.0, self.clock.now() - rows[0][0] / 1000) if rows else 0.0

    def _current(self, queue: Queue) -> Queue:
        """The queue as it is now, after a wait."""
        current = self.queues.get(queue.key)
        if current is None or current.id != queue.id:
            raise no_such_queue()
        return current

    def _dead_letter_queue(self, queue: Queue) -> tuple[Queue, int] | None:
        text = queue.attributes.get("RedrivePolicy")
        if not text:
            return None
        policy = redrive.policy(text)
        target = self.by_arn(policy.target_arn)
        return (target, policy.max_receives) if target is not None else None

    async def clear(self) -> None:
        for bell_queue in [queue for _, queue in self.queues.items()]:
            self.forget(bell_queue.box)
        tables = ("sqs_messages", "sqs_lanes", "sqs_dedup", "sqs_garbage")
        blobs = await self.store.query("SELECT blob FROM sqs_messages WHERE blob <> ''")
        await self.store.transact(
            *(self.queues.deleting(key) for key, _ in self.queues.items()), *((f"DELETE FROM {t}", ()) for t in tables)
        )
        await self.bodies.drop(row[0] for row in blobs)
        self.deleted.clear()
        self.attempts.clear()


def dead_letter_arn(queue: Queue) -> str:
    """Of the queue's dead-letter queue; empty when it has none."""
    text = queue.attributes.get("RedrivePolicy")
    return redrive.policy(text).target_arn if text else ""


def sequence_number(seq: int) -> str:
    """20 digits that grow (facts/sqs.md §6)."""
    return str(_SEQUENCE_BASE + seq * 256)


def key_of_url(ctx: Context, url: str) -> Key:
    try:
        parts = [unquote(part) for part in urlsplit(url).path.split("/") if part] if "/" in url else [url]
    except ValueError:
        raise no_such_queue() from None
    if len(parts) >= 2 and len(parts[-2]) == 12 and parts[-2].isdigit():
        return (parts[-2], ctx.region, parts[-1])
    return (ctx.account, ctx.region, parts[-1] if parts else "")


def url_of(ctx: Context, queue: Queue) -> str:
    return f"{ctx.endpoint}/{queue.account}/{queue.name}"
