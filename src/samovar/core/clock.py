"""Time, as an argument. Nobody else reads the wall clock, so that tests can move it.

Owns: the platform's time, and everybody who waits for a moment of it.

1. `now` is the time that the platform lives by: retries, schedules, visibility, expiry, the times in logs and records.
   It never goes back; a test moves it forward (`advance`), and everybody whose moment has come wakes at once.
2. `machine` is the kernel's time, which nothing moves: what a function sees, what a client signs with.
3. `monotonic` measures how long something really took; deadlines of running work are kept by it. Nothing moves it.
4. Whoever waits for a moment of `now` waits by `at`, `sleep_until` or `wait`, never by the event loop's timers.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

LONGEST_S = 60.0
"""The event loop's timers don't see the wall clock jump (a suspended laptop, a corrected clock): look this often."""


class Timer:
    """One callback at one moment, once. Made by `Clock.at`."""

    __slots__ = ("_callback", "_clock", "_handle", "when")

    def __init__(self, clock: "SystemClock", when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self._clock = clock
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Also after it has run."""
        self._disarm()
        self._clock.timers.discard(self)

    def arm(self) -> None:
        """Wait for what is left until its moment."""
        self._disarm()
        delay_s = self._clock.delay(self.when)
        if delay_s is not None:
            self._handle = asyncio.get_running_loop().call_later(min(delay_s, LONGEST_S), self._look)

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self) -> None:
        if self.when > self._clock.now():
            self.arm()
        else:
            self.cancel()
            self._callback()


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch (UTC), of the platform."""
        ...

    def machine(self) -> float:
        """Seconds since the epoch (UTC), of the machine that functions and clients share with it."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    def at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call back when `now` has reached `when`; soon, if it has already."""
        ...

    async def sleep_until(self, when: float) -> None: ...

    async def wait(self, what: "asyncio.Future[Any]", until: float) -> bool:
        """Whether `what` was done before `now` reached `until`. It is neither cancelled nor asked for its result."""
        ...


class SystemClock:
    """The machine's clock, moved forward by as much as tests have asked for."""

    def __init__(self) -> None:
        self.advanced_s = 0.0
        self.timers: set[Timer] = set()
        """Those who wait."""

    def now(self) -> float:
        return self.machine() + self.advanced_s

    machine = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    def delay(self, when: float) -> float | None:
        """Real seconds until `when`; None for a clock that doesn't run."""
        return max(0.0, when - self.now())

    def advance(self, seconds: float) -> None:
        """Move `now` forward; whose moment that brings is called back on the event loop's next turn."""
        self.advanced_s += seconds
        for timer in sorted(self.timers, key=lambda timer: timer.when):
            timer.arm()

    def at(self, when: float, callback: Callable[[], object]) -> Timer:
        timer = Timer(self, when, callback)
        self.timers.add(timer)
        timer.arm()
        return timer

    async def sleep_until(self, when: float) -> None:
        await self.wait(asyncio.get_running_loop().create_future(), when)

    async def wait(self, what: "asyncio.Future[Any]", until: float) -> bool:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.at(until, lambda: over.set_result(None))
        try:
            await asyncio.wait([what, over], return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        return what.done()


class FakeClock(SystemClock):
    """A clock that stands still until a test moves it. Outside an event loop it only tells the time."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        super().__init__()
        self._start = now

    def now(self) -> float:
        return self._start + self.advanced_s

    def machine(self) -> float:
        return self.now()

    def monotonic(self) -> float:
        return self.advanced_s

    def delay(self, when: float) -> float | None:
        return 0.0 if when <= self.now() else None


def iso_millis(epoch_s: float) -> str:
    """`2026-01-12T15:31:24.123+0000`: how Lambda writes LastModified (facts/lambda-api.md §1)."""
    whole, fraction = divmod(round(epoch_s * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{fraction:03d}+0000"


def iso_z(epoch_s: float) -> str:
    """`2026-11-24T23:11:12.345Z`: how events and invocation records write a moment (facts/lambda-events.md §3)."""
    return iso_millis(epoch_s).replace("+0000", "Z")
