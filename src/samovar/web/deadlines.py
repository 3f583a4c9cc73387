"""The ends of waits: integrations that must answer within their timeout.

Owns: one timer for all who wait. Rule: to begin and to end a wait costs a dictionary's entry, no timer of its own; who
waits for too long is told within a quarter of a second.
"""

import asyncio
from typing import Protocol

from samovar.core.clock import Clock

_SWEEP_S = 0.25


class Waiting(Protocol):
    def expire(self) -> None:
        """It has waited for too long."""
        ...


class Deadlines:
    def __init__(self, clock: Clock) -> None:
        self.monotonic = clock.monotonic
        self._lines: dict[float, Line] = {}
        self._busy: set[Line] = set()
        """Where somebody has waited since the last look."""
        self._timer: asyncio.TimerHandle | None = None

    def line(self, seconds: float) -> "Line":
        """Of all who wait so long and no longer."""
        found = self._lines.get(seconds)
        if found is None:
            found = self._lines[seconds] = Line(self, seconds)
        return found

    def watch(self, line: "Line") -> None:
        """Somebody waits in it."""
        self._busy.add(line)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._busy.clear()
        self._lines.clear()

    def _sweep(self) -> None:
        busy, self._busy, self._timer = self._busy, set(), None
        for line in busy:
            line.sweep(self.monotonic())


class Line:
    """Those who wait equally long, so that they are in the order of their ends."""

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._deadlines = deadlines
        self._monotonic = deadlines.monotonic
        self._seconds = seconds
        self._ends: dict[Waiting, float] = {}
        self._watched = False

    def begin(self, waiting: Waiting) -> None:
        self._ends[waiting] = self._monotonic() + self._seconds
        if not self._watched:
            self._watched = True
            self._deadlines.watch(self)

    def end(self, waiting: Waiting) -> None:
        """What it waited for has come, or nobody cares any more."""
        self._ends.pop(waiting, None)

    def sweep(self, now: float) -> None:
        """Tell those whose time is over; watched on as long as others wait."""
        over = []
        for waiting, end in self._ends.items():
            if end > now:
                break
            over.append(waiting)
        for waiting in over:
            if self._ends.pop(waiting, None) is not None:  # else another one's end has ended its wait
                waiting.expire()
        self._watched = bool(self._ends)
        if self._watched:
            self._deadlines.watch(self)
