"""When schedules fire: each of their times once, also across a crash.

Owns: the table `ticks`, the last time that each schedule has fired for, and the one timer for the next of all. Refuses:
what a schedule does then (`Fire`, handed in), and what it says (`core/schedule`).

1. What a tick leads to and the note that it has fired are one transaction: a time never fires twice, none is lost.
2. After downtime (and after the machine has slept) the latest time that was missed is made up for, once; those before
   it are skipped. A one-time schedule that was missed fires.
3. When a test moves the clock over several times, each of them fires, `_MOST` at most: the latest.
"""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable

import msgspec

from samovar.core.clock import Clock, Timer
from samovar.core.schedule import Schedule
from samovar.delivery.queue import Step
from samovar.store.errors import StoreError
from samovar.store.sqlite import Statement, Store

log = logging.getLogger("samovar.delivery")

Fire = Callable[[str, float], Awaitable[list[Step] | None]]
"""Schedule and time -> the steps that are committed with the tick; None: there is no such schedule any more."""

_MIGRATIONS = [
    "CREATE TABLE ticks (kind TEXT NOT NULL, name TEXT NOT NULL, last DOUBLE PRECISION NOT NULL, "
    "PRIMARY KEY (kind, name))",
]
_MOST = 1440
_LATE_S = 90.0
_STORE_RETRY_S = 1.0
_SPANS_S = (3600.0, 86_400.0, 32 * 86_400.0, 366 * 86_400.0, 1e10)


class _Watched(msgspec.Struct):
    schedule: Schedule
    since: float
    """Rates count from here; nothing before it fires."""
    until: float
    last: float
    next: float | None = None


class Ticker:
    """Made by `Ticker.open`; fires from `start` on."""

    def __init__(self, store: Store, clock: Clock, kind: str, fire: Fire, last: dict[str, float]) -> None:
        self._store = store
        self._clock = clock
        self._kind = kind
        self._fire = fire
        self._last = last
        self._watched: dict[str, _Watched] = {}
        self._heap: list[tuple[float, str]] = []
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._moved = self._offset()

    @classmethod
    async def open(cls, store: Store, clock: Clock, kind: str, fire: Fire) -> "Ticker":
        await store.migrate("ticks", _MIGRATIONS)
        rows = await store.query("SELECT name, last FROM ticks WHERE kind = ?", (kind,))
        return cls(store, clock, kind, fire, dict(rows))

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"ticker-{self._kind}")
        self._arm()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def watch(self, name: str, schedule: Schedule, since: float, until: float = 1e12) -> None:
        """Fire it for its times after `since` and up to `until`, but for those that it has fired for already."""
        watched = _Watched(schedule, since, until, max(since, self._last.get(name, since)))
        self._watched[name] = watched
        watched.next = self._after(watched, watched.last)
        if watched.next is not None and watched.next < self._clock.now() - _LATE_S:
            watched.next = self._latest(watched)
        self._queue(name, watched)

    def unwatch(self, name: str) -> None:
        self._watched.pop(name, None)

    def forgetting(self, name: str) -> Statement:
        """The statement that forgets when it has fired, for the transaction that removes or changes the schedule."""
        self.unwatch(name)
        self._last.pop(name, None)
        return "DELETE FROM ticks WHERE kind = ? AND name = ?", (self._kind, name)

    # --- time -------------------------------------------------------------------------------------------------------

    def _after(self, watched: _Watched, moment: float) -> float | None:
        found = watched.schedule.next_after(moment, watched.since)
        return found if found is not None and found <= watched.until else None

    def _latest(self, watched: _Watched) -> float | None:
        """The last of its times up to now; the next one where none was missed."""
        now = self._clock.now()
        for span_s in _SPANS_S:
            latest, found = None, self._after(watched, max(watched.last, now - span_s))
            while found is not None and found <= now:
                latest, found = found, self._after(watched, found)
            if latest is not None:
                return latest
        return found

    def _queue(self, name: str, watched: _Watched) -> None:
        if watched.next is not None:
            heapq.heappush(self._heap, (watched.next, name))
            self._arm()

    def _arm(self) -> None:
        if self._task is None or not self._heap:
            return
        when = self._heap[0][0]
        if self._timer is None or when < self._timer.when:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._clock.at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._due.set()

    def _offset(self) -> float:
        """How far tests have moved the clock."""
        return self._clock.now() - self._clock.machine()

    async def _run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            slept = abs(self._offset() - self._moved) < 1
            self._moved = self._offset()
            while self._heap and self._heap[0][0] <= self._clock.now():
                due, name = heapq.heappop(self._heap)
                watched = self._watched.get(name)
                if watched is not None and watched.next == due:
                    await self._tick(name, watched, due, slept)
            self._arm()

    async def _tick(self, name: str, watched: _Watched, due: float, slept: bool) -> None:
        now = self._clock.now()
        if now - due > _LATE_S and (slept or self._too_many(watched, due, now)):
            due = self._latest(watched) or due
        steps = await self._fire(name, due)
        if steps is None:
            self.unwatch(name)
            return
        noted = (
            "INSERT INTO ticks (kind, name, last) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, name) DO UPDATE SET last = excluded.last",
            (self._kind, name, due),
        )
        while True:
            try:
                await self._store.transact(*steps, noted)
                break
            except StoreError as error:
                log.warning("the schedule %s can't fire yet: %s", name, error)
                await asyncio.sleep(_STORE_RETRY_S)
        watched.last = self._last[name] = due
        if self._watched.get(name) is watched:
            watched.next = self._after(watched, due)
            self._queue(name, watched)

    def _too_many(self, watched: _Watched, due: float, now: float) -> bool:
        found: float | None = due
        for _ in range(_MOST):
            found = self._after(watched, found) if found is not None else None
            if found is None or found > now:
                return False
        return True
