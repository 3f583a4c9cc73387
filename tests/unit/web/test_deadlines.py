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
    deadlines.line(3600).begin(late)
    line = deadlines.line(0.01)
    line.begin(early)
    line.begin(done)
    line.end(done)
    await asyncio.wait_for(early.expired.wait(), 30)
    assert not late.expired.is_set()
    assert not done.expired.is_set()
    deadlines.close()


def test_who_waits_for_too_long_is_told_and_nobody_else():
    asyncio.run(_waits())


async def _goes_on() -> None:
    deadlines = Deadlines(SystemClock())
    for _ in range(2):  # nobody waits in between
        waiter = Waiter()
        deadlines.line(0.01).begin(waiter)
        await asyncio.wait_for(waiter.expired.wait(), 30)
    deadlines.close()


def test_who_comes_when_nobody_waits_any_more_is_told_as_well():
    asyncio.run(_goes_on())


async def _one_after_the_other() -> None:
    deadlines = Deadlines(SystemClock())
    line, second = deadlines.line(0.01), Waiter()

    class First:
        def expire(self) -> None:
            line.begin(second)

    line.begin(First())
    await asyncio.wait_for(second.expired.wait(), 30)
    deadlines.close()


def test_who_begins_to_wait_when_another_one_is_told_is_told_as_well():
    asyncio.run(_one_after_the_other())
