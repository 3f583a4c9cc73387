"""Who waits for a moment wakes when it has come, also when a test brings it nearer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from samovar.core.clock import FakeClock, SystemClock, iso_z

HOUR = 3600


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - `run` has the deadline
        await asyncio.sleep(0)


@pytest.fixture(params=[FakeClock, SystemClock])
def clock(request: pytest.FixtureRequest) -> SystemClock:
    made: Callable[[], SystemClock] = request.param
    return made()


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test

    asyncio.run(bounded())


def test_a_moment_that_is_brought_nearer_wakes_its_sleepers_and_no_others(clock: SystemClock) -> None:
    async def test() -> None:
        soon = asyncio.ensure_future(clock.sleep_until(clock.now() + HOUR))
        late = asyncio.ensure_future(clock.sleep_until(clock.now() + 3 * HOUR))
        await turns()
        clock.advance(2 * HOUR)
        await soon
        assert not late.done()
        clock.advance(2 * HOUR)
        await late
        assert not clock.timers

    run(test())


def test_callbacks_run_once_and_in_the_order_of_their_moments(clock: SystemClock) -> None:
    async def test() -> None:
        called: list[int] = []
        now = clock.now()
        for hours in (3, 1, 2):
            clock.at(now + hours * HOUR, lambda hours=hours: called.append(hours))
        clock.at(now + HOUR, lambda: called.append(99)).cancel()
        clock.advance(4 * HOUR)
        await until(lambda: len(called) == 3)
        clock.advance(4 * HOUR)
        await turns()
        assert called == [1, 2, 3]

    run(test())


def test_a_moment_that_has_passed_comes_at_once_but_not_during_the_call(clock: SystemClock) -> None:
    async def test() -> None:
        called: list[int] = []
        timer = clock.at(clock.now() - HOUR, lambda: called.append(1))
        assert not called
        await until(lambda: bool(called))
        timer.cancel()

    run(test())


def test_waiting_ends_with_what_is_waited_for_or_with_the_moment(clock: SystemClock) -> None:
    async def test() -> None:
        what: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(clock.wait(what, clock.now() + HOUR))
        await turns()
        clock.advance(2 * HOUR)
        assert await waiting is False
        assert not what.done()
        what.set_result(1)
        assert await clock.wait(what, clock.now() + HOUR) is True
        assert not clock.timers

    run(test())


def test_a_waiter_that_is_cancelled_leaves_no_timer(clock: SystemClock) -> None:
    async def test() -> None:
        sleeper = asyncio.ensure_future(clock.sleep_until(clock.now() + HOUR))
        await turns()
        assert clock.timers
        sleeper.cancel()
        await asyncio.wait([sleeper])
        assert not clock.timers

    run(test())


def test_moving_the_clock_moves_neither_the_machines_time_nor_durations() -> None:
    clock = SystemClock()
    clock.advance(HOUR)
    assert clock.now() - clock.machine() > HOUR - 60
    assert clock.monotonic() < clock.monotonic() + 60


def test_a_moment_is_written_in_milliseconds() -> None:
    assert iso_z(1_700_000_000.1239) == "2023-11-14T22:13:20.124Z"
