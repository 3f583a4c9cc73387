"""store/bell.py: who is woken, and when."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from samovar.core.clock import FakeClock
from samovar.store.bell import Bell


def run(body: Callable[[Bell, FakeClock], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        clock = FakeClock()
        await asyncio.wait_for(body(Bell(clock), clock), 30)

    asyncio.run(main())


async def asleep(bell: Bell, clock: FakeClock, count: int, due: float | None = None) -> list[asyncio.Task[bool]]:
    """So many sleepers, who give up after a hundred seconds."""
    tasks = [asyncio.create_task(bell.wait(bell.rings, due, clock.now() + 100)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_one_ring_wakes_one_the_one_that_has_waited_longest() -> None:
    async def body(bell: Bell, clock: FakeClock) -> None:
        first, second = await asleep(bell, clock, 2)
        bell.ring()
        assert await first
        assert not second.done()
        bell.pass_on()
        assert await second
        assert not bell.waiting

    run(body)


def test_a_ring_before_the_wait_ends_it_at_once() -> None:
    async def body(bell: Bell, clock: FakeClock) -> None:
        seen = bell.rings
        bell.ring()
        assert await bell.wait(seen, None, clock.now() + 100)

    run(body)


def test_a_moment_that_comes_wakes_one_and_the_earliest_of_several_counts() -> None:
    async def body(bell: Bell, clock: FakeClock) -> None:
        first, second = await asleep(bell, clock, 2, due=clock.now() + 50)
        bell.ring(clock.now() + 10)
        clock.advance(10)
        assert await first
        assert not second.done()

    run(body)


def test_a_deadline_ends_the_wait_without_a_ring() -> None:
    async def body(bell: Bell, clock: FakeClock) -> None:
        [waiting] = await asleep(bell, clock, 1)
        clock.advance(100)
        assert await waiting is False
        assert not bell.waiting

    run(body)


def test_a_cancelled_sleeper_leaves_no_timer_behind() -> None:
    async def body(bell: Bell, clock: FakeClock) -> None:
        [waiting] = await asleep(bell, clock, 1, due=clock.now() + 50)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert not clock.timers

    run(body)
