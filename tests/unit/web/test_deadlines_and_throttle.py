"""Waits that end, and requests held to a rate."""

import asyncio

from samovar.core.clock import SystemClock
from samovar.web.deadlines import Deadlines
from samovar.web.throttle import Bucket


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


def test_a_bucket_gives_its_burst_and_then_its_rate():
    bucket = Bucket(rate=2, burst=3)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(10.4)
    assert bucket.take(10.6)


def test_a_bucket_without_a_burst_lets_nothing_through():
    assert not Bucket(rate=100, burst=0).take(0.0)
