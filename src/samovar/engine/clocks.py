"""The deadlines of environments: one coarse clock for all, as a timer per call would cost each a microsecond.

Owns: which event an environment gets, and when. Refuses: what follows from it, which is the environment's.
Rule: while a debugger holds an environment, its deadline is put off.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from samovar.core.clock import Clock
from samovar.engine.lifecycle import Event

_TICK_S = 0.01
_HELD_S = 0.5


class Bound(Protocol):
    """An environment, as its deadline sees it."""

    def event(self, event: Event) -> None: ...


E = TypeVar("E", bound=Bound)


class Clocks(Generic[E]):
    def __init__(self, clock: Clock, holds: Callable[[E], bool]) -> None:
        """`holds`: whether a debugger has an environment."""
        self._clock = clock
        self._holds = holds
        self._loop = asyncio.get_running_loop()
        self._deadlines: dict[E, tuple[float, Event]] = {}
        self._ticking = False

    def start(self, environment: E, when: float, event: Event) -> None:
        """Give it `event` then (monotonic seconds); what it was to get before is forgotten."""
        self._deadlines[environment] = (when, event)
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(_TICK_S, self._tick)

    def stop(self, environment: E) -> None:
        self._deadlines.pop(environment, None)

    def extend(self, environment: E, seconds: float) -> None:
        """Whatever time it is given begins again, and is so long."""
        if environment in self._deadlines:
            self.start(environment, self._clock.monotonic() + seconds, self._deadlines[environment][1])

    def _tick(self) -> None:
        now = self._clock.monotonic()
        over = [(environment, event) for environment, (deadline, event) in self._deadlines.items() if deadline <= now]
        for environment, event in over:
            if self._holds(environment):
                self._deadlines[environment] = (now + _HELD_S, event)
            elif self._deadlines.pop(environment, None) is not None:
                environment.event(event)
        if self._deadlines:
            self._loop.call_later(_TICK_S, self._tick)
        else:
            self._ticking = False
