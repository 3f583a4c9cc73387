"""What an environment's extensions have subscribed to: its events, in batches, pushed to where they listen.

Owns: Telemetry (one per environment: subscriptions outlive its resets), batches, retries, what is dropped.
Refuses: the requests (`telemetry_api`), the records (`records`), the wire (`telemetry_courier`).

Rules (facts/lambda-runtime.md §5; AWS's guide, "Using the Lambda Telemetry API"):
- Who subscribes in an init gets all of it, from its start.
- A batch leaves when it is full, when its first event is as old as the subscriber allows, or at once when the
  environment shuts down. It is tried again until it is taken. One is under way at a time; what a full buffer has no
  room for meanwhile is dropped, and counted in a `platform.logsDropped`.
- A frozen environment is sent nothing, and no time runs against its listener.
- Without subscribers, and after init, none of this costs anything: `listening` is asked first.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from samovar.core.clock import Clock
from samovar.engine import records
from samovar.engine.records import Record
from samovar.engine.telemetry_courier import Courier, Undelivered
from samovar.engine.telemetry_schema import Schema
from samovar.sandbox.port import SandboxDied

log = logging.getLogger("samovar.engine")

PLATFORM: Final = "platform"
FUNCTION: Final = "function"
EXTENSION: Final = "extension"

DROPPED: Final = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
SUBSCRIBED: Final = "Subscribed"
AGAIN: Final = "Already subscribed"

_ANSWER_S = 5.0
_RETRY_S = 0.05
_LONGEST_RETRY_S = 0.5
_BACKLOG_EVENTS = 10_000
_BACKLOG_BYTES = 1 << 20


class Event(msgspec.Struct, frozen=True):
    """Something that happened, before it is known who hears of it."""

    now: float
    """Epoch seconds."""
    kind: str
    """`platform.start`, `function`, ..."""
    record: Record | str

    @property
    def stream(self) -> str:
        return self.kind.partition(".")[0]


class Buffering(msgspec.Struct, frozen=True):
    max_items: int = 10_000
    max_bytes: int = 262_144
    timeout_s: float = 1.0


class Subscription(msgspec.Struct, frozen=True):
    """What an extension has asked for."""

    schema: Schema
    types: Sequence[str]
    buffering: Buffering
    courier: Courier


class Telemetry:
    def __init__(self, objects: bool, clock: Clock) -> None:
        """`objects`: the function logs JSON, so that its lines are sent as what they are."""
        self.listening = False
        """Whether anybody hears, or may still come to hear, of what happens."""
        self._objects = objects
        self._clock = clock
        self._subscribers: dict[str, _Subscriber] = {}
        self._backlog: list[Event] | None = None
        """Of an init that has not ended."""
        self._backlog_bytes = 0
        self._held = False
        self._hurried = False

    # --- what happens -----------------------------------------------------------------------------------------------

    def platform(self, now: float, events: Sequence[records.Pair]) -> None:
        for kind, record in events:
            self._take(Event(now, kind, record))

    def lines(self, now: float, stream: str, lines: Sequence[str]) -> None:
        """What the function, or an extension, has printed."""
        for text in lines:
            self._take(Event(now, stream, text))

    def _take(self, event: Event) -> None:
        if self._backlog is not None:
            size = len(event.record) if isinstance(event.record, str) else 0
            if len(self._backlog) < _BACKLOG_EVENTS and self._backlog_bytes + size <= _BACKLOG_BYTES:
                self._backlog.append(event)
                self._backlog_bytes += size
        for subscriber in self._subscribers.values():
            subscriber.take(event)

    # --- who hears of it --------------------------------------------------------------------------------------------

    def api_of(self, name: str) -> str:
        """Which API the extension has subscribed with; empty for none."""
        known = self._subscribers.get(name)
        return known.subscription.schema.api if known is not None else ""

    def subscribe(self, name: str, subscription: Subscription) -> str:
        """The new state, in AWS's words."""
        known = self._subscribers.get(name)
        if known is not None:  # the same again, or after a reset, when it may listen elsewhere
            known.change(subscription)
            return AGAIN
        subscriber = _Subscriber(name, subscription, self._objects, self._clock)
        if self._held:
            subscriber.hold()
        for event in self._backlog or ():
            subscriber.take(event)
        self._subscribers[name] = subscriber
        return SUBSCRIBED

    # --- the environment's life -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """An init begins."""
        self._backlog, self._backlog_bytes = [], 0
        self._hurried = False
        self.listening = True
        self.release()

    def settle(self) -> None:
        """It has ended: nobody can subscribe any more."""
        self._backlog = None
        self.listening = bool(self._subscribers)

    def hold(self) -> None:
        """Nothing can be sent now: the environment is frozen, or nothing runs in it."""
        self._held = True
        for subscriber in self._subscribers.values():
            subscriber.hold()

    def release(self) -> None:
        self._held = False
        for subscriber in self._subscribers.values():
            subscriber.release(self._hurried)

    def hurry(self) -> None:
        """The environment shuts down: from now on everything is sent at once."""
        self._hurried = True
        self.release()

    def part(self) -> None:
        """Nothing runs in the environment any more; what is unsent waits for the next run."""
        self.settle()
        self.hold()
        for subscriber in self._subscribers.values():
            subscriber.subscription.courier.hang_up()

    def close(self) -> None:
        self.listening = False
        self._backlog = None
        for subscriber in self._subscribers.values():
            subscriber.close()
        self._subscribers.clear()


class _Subscriber:
    """One extension's buffer, and the batch that is on its way."""

    def __init__(self, name: str, subscription: Subscription, objects: bool, clock: Clock) -> None:
        self.subscription = subscription
        self._name = name
        self._objects = objects
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._buffer: list[bytes] = []
        self._bytes = 0
        self._due = 0.0
        """When the buffer's first event has waited for long enough."""
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._free = asyncio.Event()
        self._free.set()
        self._hurried = False
        self._dropped = [0, 0]
        """Records and bytes."""

    def change(self, subscription: Subscription) -> None:
        self.subscription.courier.hang_up()
        self.subscription = subscription

    def take(self, event: Event) -> None:
        encoded = self._encode(event)
        if encoded is None:
            return
        if self._is_full():
            self._dropped[0] += 1
            self._dropped[1] += len(encoded)
            return
        self._append(encoded)
        self._plan()

    def _encode(self, event: Event) -> bytes | None:
        wanted = event.stream in self.subscription.types
        schema = self.subscription.schema
        return schema.encode(event.now, event.kind, event.record, self._objects) if wanted else None

    def _append(self, encoded: bytes) -> None:
        if not self._buffer:
            self._due = self._loop.time() + self.subscription.buffering.timeout_s
        self._buffer.append(encoded)
        self._bytes += len(encoded)

    def _is_full(self) -> bool:
        buffering = self.subscription.buffering
        return len(self._buffer) >= buffering.max_items or self._bytes >= buffering.max_bytes

    def _plan(self) -> None:
        """Send now, or later."""
        if self._sending is not None or not self._free.is_set() or not self._buffer:
            return
        if self._is_full():
            self._send_next()
        elif self._timer is None:
            # In a hurry, what comes in one go still leaves in one batch.
            self._timer = self._loop.call_at(0.0 if self._hurried else self._due, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        if self._sending is None and self._free.is_set() and self._buffer:
            self._send_next()

    def _send_next(self) -> None:
        self._stop_timer()
        batch, self._buffer, self._bytes = self._buffer, [], 0
        self._sending = self._loop.create_task(self._send(batch))

    async def _send(self, batch: list[bytes]) -> None:
        wait_s = _RETRY_S
        while not await self._try(batch):
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_RETRY_S)
            await self._free.wait()
        self._sending = None
        self._tell_dropped()
        self._plan()

    async def _try(self, batch: list[bytes]) -> bool:
        courier = self.subscription.courier
        try:
            async with asyncio.timeout(_ANSWER_S) as self._limit:
                await courier.deliver(batch)
            return True
        except (Undelivered, OSError, SandboxDied) as error:  # TimeoutError is an OSError
            log.debug("telemetry for extension %s was not taken: %s", self._name, error or "no answer")
            return False
        finally:
            self._limit = None

    def _tell_dropped(self) -> None:
        dropped, size = self._dropped
        if dropped:
            self._dropped = [0, 0]
            record = records.logs_dropped(DROPPED, dropped, size)
            encoded = self._encode(Event(self._clock.now(), records.LOGS_DROPPED, record))
            if encoded is not None:
                self._append(encoded)

    def hold(self) -> None:
        self._free.clear()
        self._stop_timer()
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(None)

    def release(self, hurried: bool) -> None:
        self._hurried = hurried
        self._free.set()
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(self._loop.time() + _ANSWER_S)
        if hurried:
            self._stop_timer()
        self._plan()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        self._free.clear()
        self._stop_timer()
        if self._sending is not None:
            self._sending.cancel()
        self.subscription.courier.hang_up()
