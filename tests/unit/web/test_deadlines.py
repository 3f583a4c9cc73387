"""Waits that end."""

import asyncio

from samovar.core.clock import SystemClock
from samovar.web.deadlines import Deadlines


class Waiter:
    def __init__(self) -> None:
        self.expired = asyncio.Event()

    def expire(self) -> None:
        self.expired.set()


async def _waits() -> None:
    deadlines = Deadlines(SystemClock())
    early, late, done = Waiter(), Waiter(), Waiter()
    deadlines.begin(late, 3600)
    deadlines.begin(early, 0.01)
    deadlines.begin(done, 0.01)
    deadlines.end(done, 0.01)
    await asyncio.wait_for(early.expired.wait(), 30)
    assert not late.expired.is_set()
    assert not done.expired.is_set()
    deadlines.close()


def test_who_waits_for_too_long_is_told_and_nobody_else():
    asyncio.run(_waits())
