"""What is kept of metrics, for how long and how finely; and what becomes of it when the server is restarted."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from samovar.core.clock import FakeClock
from samovar.core.context import Acting, Context
from samovar.core.meter import Distribution, Meter, Metric, Point
from samovar.services.cloudwatch import jobs
from samovar.services.cloudwatch.state import CloudWatch
from samovar.store.sqlite import open_store

DAY_S = 86_400
NOW = 1_800_000_000 // DAY_S * DAY_S
METRIC = Metric("111111111111", "us-east-1", "app", "m")


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[CloudWatch, Context], Awaitable[None]]], None]:
    """Runs a test on a state of its own; a second run finds what the first has left."""
    clock = FakeClock(NOW)

    def run(test: Callable[[CloudWatch, Context], Awaitable[None]]) -> None:
        async def body() -> None:
            store = await open_store(tmp_path)
            state = await CloudWatch.open(store, clock, Meter(clock))
            try:
                await test(state, Acting()(METRIC.account, METRIC.region, "root"))
            finally:
                await store.close()

        asyncio.run(body())

    return run


def _point(at: int, span: int, *values: float) -> Point:
    distribution = Distribution(values={})
    for value in values:
        distribution.add(value)
    return Point(METRIC, at, span, distribution)


async def _kept(state: CloudWatch, ctx: Context) -> list[tuple[int, int, float]]:
    """(age of the beginning, span, sum) of what there is."""
    found = await state.read(ctx, "app", "m", (), None, 0, NOW + DAY_S)
    return [(NOW - at, span, each.total) for at, span, each in found.get("None", [])]


def test_old_points_become_coarser_and_go(run):
    async def test(state: CloudWatch, ctx: Context) -> None:
        hours = 3600
        await state.write(
            [
                _point(NOW - 10, 1, 1.0),
                *(_point(NOW - 4 * hours + second, 1, 1.0) for second in range(90)),
                *(_point(NOW - 16 * DAY_S + 60 * minute, 60, 2.0, 3.0) for minute in range(7)),
                *(_point(NOW - 64 * DAY_S + 300 * part, 300, 1.0) for part in range(24)),
                _point(NOW - 456 * DAY_S, 3600, 1.0),
            ]
        )
        await jobs.sweep(state)
        assert await _kept(state, ctx) == [
            (64 * DAY_S, 3600, 12.0),
            (64 * DAY_S - 3600, 3600, 12.0),
            (16 * DAY_S, 300, 25.0),
            (16 * DAY_S - 300, 300, 10.0),
            (4 * hours, 60, 60.0),
            (4 * hours - 60, 60, 30.0),
            (10, 1, 1.0),
        ]
        before = await _kept(state, ctx)
        await jobs.sweep(state)
        assert await _kept(state, ctx) == before

    run(test)


def test_what_was_written_is_there_after_a_restart_and_merged_with_what_comes(run):
    async def first(state: CloudWatch, ctx: Context) -> None:
        await state.write([_point(NOW, 60, 1.0)])

    async def second(state: CloudWatch, ctx: Context) -> None:
        await state.write([_point(NOW, 60, 2.0), _point(NOW, 60, 4.0)])
        assert await _kept(state, ctx) == [(0, 60, 7.0)]
        assert len(await state.list(ctx, "app", None, 0, ("", "", ""), 10)) == 1

    run(first)
    run(second)


def test_what_is_reported_counts_in_its_minute_and_is_written_once(run):
    async def test(state: CloudWatch, ctx: Context) -> None:
        state.meter.observe(METRIC, 1.0)
        state.meter.observe(METRIC, 2.0)
        state.clock.advance(61)
        state.meter.observe(METRIC, 4.0)
        for _ in range(2):
            await state.flush()
            assert await _kept(state, ctx) == [(0, 60, 3.0), (-60, 60, 4.0)]

    run(test)


def test_who_reads_while_a_minute_is_written_reads_all_of_it(run):
    async def test(state: CloudWatch, ctx: Context) -> None:
        for number in range(2500):  # several transactions; the one that is read is in the last
            state.meter.observe(Metric(METRIC.account, METRIC.region, "app", f"n{number:04}"))
        state.meter.observe(METRIC)
        writing = asyncio.ensure_future(state.flush())
        await asyncio.sleep(0)
        await state.flush()
        assert [total for _, _, total in await _kept(state, ctx)] == [1.0]
        await writing

    run(test)
