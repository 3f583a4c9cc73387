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
        self._clock = clock
        self._lines: dict[float, dict[Waiting, float]] = {}
        """By how long they wait, so that each line is in the order of its ends."""
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, waiting: Waiting, seconds: float) -> None:
        line = self._lines.get(seconds)
        if line is None:
            line = self._lines[seconds] = {}
        line[waiting] = self._clock.monotonic() + seconds
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def end(self, waiting: Waiting, seconds: float) -> None:
        """What it waited for has come, or nobody cares any more."""
        line = self._lines.get(seconds)
        if line is not None:
            line.pop(waiting, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._lines.clear()

    def _sweep(self) -> None:
        now, self._timer = self._clock.monotonic(), None
        for line in self._lines.values():
            over = []
            for waiting, end in line.items():
                if end > now:
                    break
                over.append(waiting)
            for waiting in over:
                del line[waiting]
                waiting.expire()
        self._lines = {seconds: line for seconds, line in self._lines.items() if line}
        if self._lines and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)
