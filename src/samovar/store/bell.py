"""Waking who waits for work: one bell per queue.

Owns: the order of those who wait, and one timer for the earliest moment at which something becomes available. Refuses:
knowing what there is; whoever wakes looks, and waits again.

1. One ring wakes one, the one that has waited longest; who found work calls `pass_on`, for there may be more.
2. Nothing is lost: a ring between a look and a wait ends the wait at once (`seen`), a wake-up whose sleeper was
   cancelled goes to the next.
3. Time is the Clock's, so that a moved clock wakes everybody whose moment has come.
"""

import asyncio
from collections import deque

from samovar.core.clock import Clock, Timer


class Bell:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleepers: deque[asyncio.Future[None]] = deque()
        self._timer: Timer | None = None
        self.rings = 0
        """How often it was rung so far."""

    @property
    def waiting(self) -> bool:
        return bool(self._sleepers)

    def ring(self, due: float = 0.0) -> None:
        """Something is, or becomes, available at the moment `due`."""
        self.rings += 1
        if not self._sleepers:
            return
        if due <= self._clock.now():
            self._wake()
        else:
            self._alarm(due)

    def pass_on(self) -> None:
        """Whoever woke found work: let the next one look, too."""
        self._wake()

    async def wait(self, seen: int, due: float | None, until: float) -> bool:
        """Sleep until a ring, until `due`, when something becomes available, or until `until`; whether to look again.

        `seen`: `rings` as it was before the caller looked and found nothing.
        """
        if self.rings != seen:
            return True
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append(sleeper)
        if due is not None:
            self._alarm(due)
        try:
            return await self._clock.wait(sleeper, until)
        finally:
            if sleeper.done():
                if self._abandoned():
                    self._wake()
            else:
                self._sleepers.remove(sleeper)
                self._rest()

    def _alarm(self, due: float) -> None:
        if self._timer is None or due < self._timer.when:
            self._rest(force=True)
            self._timer = self._clock.at(due, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._wake()

    def _wake(self) -> None:
        while self._sleepers:
            sleeper = self._sleepers.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
                return
        self._rest()

    def _rest(self, force: bool = False) -> None:
        """No timer without a sleeper."""
        if self._timer is not None and (force or not self._sleepers):
            self._timer.cancel()
            self._timer = None

    @staticmethod
    def _abandoned() -> bool:
        """Whether the sleeper that was just woken is being cancelled, so that its wake-up would be lost."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
