"""The platform's own way in: what functions print becomes log events.

Owns: the backlog between the hot path and the store. Refuses: AWS's limits on PutLogEvents; its caller is the platform.

1. `append` only appends to a deque; a background task writes what has gathered every 250 ms, or as soon as that is
   much, creating groups and streams at their first event. A write takes turns with the event loop, statement by
   statement; few large ones took a fifth less of its thread than many small ones, with 16 clients of an HTTP API.
2. The backlog is bounded: whoever appends reads `backlog_bytes` and slows its source down at `limit_bytes`. Past the
   limit events are refused, counted, and the count is logged: a log may lose lines, the server may not lose its memory.
3. When the store refuses, events stay in the backlog and are tried again.
4. Readers call `flush` first, so that a log is complete as soon as the invocation has answered.
5. Who holds lines back, to write them with others, is reminded before each write.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from samovar.services.logs.journal import Batch, Sized, sized, total, writing
from samovar.services.logs.state import LogsState
from samovar.store.sqlite import Change, Many, Statement, StoreError
from samovar.store.table import Key

LogEvent = tuple[int, str]
"""Timestamp in ms, message."""

_log = logging.getLogger("samovar.logs")
_INTERVAL_S = 0.25
_MUCH = 1 / 16
"""Of the limit: so much in the backlog is written at once."""
_RETRY_S = 1.0
_EVENTS_PER_TRANSACTION = 10_000


class _Chunk(msgspec.Struct, eq=False):
    """One call of `append`."""

    key: Key
    stream: str
    size: int
    events: Sequence[Sized]


class LogSink:
    """Lives on the event loop; none of its methods may be called from another thread."""

    def __init__(self, state: LogsState, limit_bytes: int = 64 * 1024 * 1024) -> None:
        self._state = state
        self.limit_bytes = limit_bytes
        self.backlog_bytes = 0
        """Size of what waits."""
        self.dropped_events = 0
        """Events refused because the backlog was full."""
        self._backlog: deque[_Chunk] = deque()
        self._reminders: set[Callable[[], None]] = set()
        self._waiting = asyncio.Event()
        self._roused = False
        """Whether it is set; asking costs a call per invocation."""
        self._much_bytes = int(limit_bytes * _MUCH)
        self._pressed = asyncio.Event()
        self._writing = asyncio.Lock()
        self._refused = False
        self._task = asyncio.create_task(self._run(), name="logs-sink")

    def append(self, account: str, region: str, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Take events for a stream; they are durable some 250 ms later, or after `flush`."""
        if self.backlog_bytes >= self.limit_bytes:
            self.dropped_events += len(events)
            return
        if not events:
            return
        measured = sized(events)
        size = total(measured)
        self._backlog.append(_Chunk((account, region, group), stream, size, measured))
        self.backlog_bytes += size
        self._rouse()
        if self.backlog_bytes >= self._much_bytes:
            self._pressed.set()

    def remind(self, holds: Callable[[], None]) -> None:
        """Call it, once, before the next write: it appends what somebody holds back."""
        self._reminders.add(holds)
        self._rouse()

    def _rouse(self) -> None:
        if not self._roused:
            self._roused = True
            self._waiting.set()

    async def flush(self) -> None:
        """Write everything appended before this call, unless the store refuses."""
        self._remind()
        if self._backlog or self._writing.locked():
            # Shielded: a reader that hangs up must not tear a write from its bookkeeping.
            await asyncio.shield(asyncio.create_task(self._write()))

    def _remind(self) -> None:
        reminders, self._reminders = self._reminders, set()
        for hand_over in reminders:
            hand_over()

    async def discard(self) -> None:
        """Forget what waits."""
        async with self._writing:
            self._remind()  # or they would hold it until the next time
            self._backlog.clear()
            self.backlog_bytes = 0

    async def close(self) -> None:
        """Write what waits and end the background task."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self.flush()
        if self._backlog:
            _log.error("%d bytes of function logs could not be written and are lost", self.backlog_bytes)

    async def _run(self) -> None:
        reported = 0
        while True:
            await self._waiting.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_INTERVAL_S):
                    await self._pressed.wait()
            self._waiting.clear()
            self._pressed.clear()
            self._roused = False
            await self.flush()
            if self._backlog:
                self._waiting.set()
            if self._refused:
                await asyncio.sleep(_RETRY_S)
            if self.dropped_events > reported:
                lost, reported = self.dropped_events - reported, self.dropped_events
                _log.warning("%d log events were dropped: functions log faster than the disk takes", lost)

    async def _write(self) -> None:
        async with self._writing:
            chunks = len(self._backlog)
            try:
                while chunks > 0:
                    chunks -= await self._write_some()
                self._refused = False
            except StoreError as error:
                self._refused = True
                _log.warning("function logs wait for the store: %s", error)

    async def _write_some(self) -> int:
        """Write the oldest chunks as one transaction; how many. They leave the backlog when they are committed."""
        taken, events = 0, 0
        by_stream: dict[tuple[Key, str], list[Sized]] = {}
        for chunk in self._backlog:
            by_stream.setdefault((chunk.key, chunk.stream), []).extend(chunk.events)
            taken += 1
            events += len(chunk.events)
            if events >= _EVENTS_PER_TRANSACTION:
                break
        await self._state.store.transact(*self._steps(by_stream))
        for (key, _), written in by_stream.items():
            self._state.kept(key, written)
        for _ in range(taken):
            self.backlog_bytes -= self._backlog.popleft().size
        return taken

    def _steps(self, by_stream: dict[tuple[Key, str], list[Sized]]) -> list[Statement | Many | Change]:
        groups: dict[Key, int] = {}
        steps: list[Statement | Many | Change] = []
        for (key, stream), events in by_stream.items():
            if key not in groups:
                groups[key], creation = self._state.ensure_group(key)
                steps.extend(creation)
            steps.append(self._state.creating_stream(groups[key], stream))
            steps.extend(writing(self._state, Batch(groups[key], stream, events)))
        return steps
