"""Schedules fire once for each of their times: while the server runs, after it was down, after it was killed."""

import pytest

from samovar.core.clock import FakeClock
from samovar.core.schedule import parse
from samovar.delivery.ticker import Ticker
from samovar.store.errors import StoreError

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Moved(FakeClock):
    """A clock that a test has moved: the machine's time stays."""

    def machine(self) -> float:
        return self._start


class Rig:
    """A ticker, and what it has fired for: as offsets from the clock's beginning."""

    def __init__(self, house, clock: FakeClock) -> None:
        self.house = house
        self.clock = clock
        self.begin = 1_700_000_000.0
        self.fired: list[tuple[str, float]] = []
        self.ticker: Ticker

    async def open(self) -> "Rig":
        await self.house.store.transact(("CREATE TABLE IF NOT EXISTS sent (name TEXT, at DOUBLE PRECISION)", ()))
        self.ticker = await Ticker.open(self.house.store, self.clock, "test", self._fire)
        self.ticker.start()
        self.house.closing.append(self.ticker.close)
        return self

    async def _fire(self, name: str, moment: float):
        self.fired.append((name, moment - self.begin))
        return [("INSERT INTO sent VALUES (?, ?)", (name, moment - self.begin))]

    def watch(self, expression: str, name: str = "s", **more) -> None:
        self.ticker.watch(name, parse(expression), self.begin, **more)

    async def sent(self) -> list[float]:
        await self.house.settle()
        return [at for (at,) in await self.house.store.query("SELECT at FROM sent ORDER BY at")]


    async def come_to(self, expected: list[float]) -> None:
        while await self.sent() != expected:
            assert len(await self.sent()) <= len(expected), await self.sent()


@pytest.fixture
def rig(run):
    """Runs a test with a rig whose clock is the house's, or one that counts as moved."""

    def run_with(test, moved: bool = False):
        async def body(house):
            clock = Moved() if moved else house.clock
            await test(await Rig(house, clock).open())

        run(body)

    return run_with


def test_each_time_fires_when_it_has_come(rig):
    async def test(rig):
        rig.watch("rate(5 minutes)")
        for n in range(1, 4):
            rig.clock.advance(299)
            assert len(await rig.sent()) == n - 1
            rig.clock.advance(1)
            await rig.come_to([300.0 * each for each in range(1, n + 1)])

    rig(test)


def test_a_clock_that_a_test_moves_over_several_times_fires_each(rig):
    async def test(rig):
        rig.watch("rate(1 minute)")
        rig.clock.advance(10 * MINUTE)
        await rig.come_to([60.0 * each for each in range(1, 11)])

    rig(test, moved=True)


def test_a_clock_that_is_moved_over_a_year_fires_a_minutely_schedule_for_its_latest_time(rig):
    async def test(rig):
        rig.watch("rate(1 minute)")
        rig.clock.advance(365 * DAY)
        await rig.come_to([365.0 * DAY])

    rig(test, moved=True)


def test_after_the_machine_has_slept_the_latest_time_is_made_up_for_once(rig):
    async def test(rig):
        rig.watch("rate(1 minute)")
        rig.clock.advance(10 * MINUTE + 30)
        await rig.come_to([600.0])
        rig.clock.advance(30)
        await rig.come_to([600.0, 660.0])

    rig(test)


@pytest.mark.parametrize(("expression", "down_s", "made_up"), [
    ("rate(1 minute)", 2 * HOUR + 30, 2 * HOUR),
    ("rate(1 day)", 40 * DAY + HOUR, 40 * DAY),
    ("cron(0 * * * ? *)", 5 * DAY, 5 * DAY - 800),
    ("at(2023-11-14T22:20:00)", 90 * DAY, 400),
])  # fmt: skip
def test_what_was_missed_while_the_server_was_down_is_made_up_for_once(run, expression, down_s, made_up):
    """The clock begins at 2023-11-14T22:13:20."""

    async def first(house):
        rig = await Rig(house, house.clock).open()
        rig.watch(expression)

    async def second(house):
        house.clock.advance(down_s)
        rig = await Rig(house, house.clock).open()
        rig.watch(expression)
        await rig.come_to([made_up])

    async def third(house):
        rig = await Rig(house, house.clock).open()
        rig.watch(expression)
        await rig.come_to([made_up])
        assert rig.fired == []

    run(first)
    run(second)
    run(third)


def test_a_tick_that_cant_be_committed_is_tried_until_it_is_and_counts_once(rig, monkeypatch):
    monkeypatch.setattr("samovar.delivery.ticker._STORE_RETRY_S", 0.001)

    async def test(rig):
        real, failures = rig.house.store.transact, [1, 2, 3]

        async def transact(*steps):
            if len(steps) > 1 and failures:
                failures.pop()
                raise StoreError("the disk is full")
            return await real(*steps)

        rig.house.store.transact = transact
        rig.watch("rate(1 minute)")
        rig.clock.advance(60)
        await rig.house.until(lambda: not failures)
        await rig.come_to([60.0])
        assert len(rig.fired) == 1

    rig(test)


def test_nothing_fires_after_its_end_or_when_it_isnt_watched_any_more(rig):
    async def test(rig):
        rig.watch("rate(1 minute)", "ends", until=rig.begin + 150)
        rig.watch("rate(1 minute)", "stopped")
        rig.clock.advance(61)
        await rig.sent()
        rig.ticker.unwatch("stopped")
        for _ in range(5):
            rig.clock.advance(60)
            await rig.sent()
        assert sorted(rig.fired) == [("ends", 60.0), ("ends", 120.0), ("stopped", 60.0)]

    rig(test)


def test_a_schedule_that_is_made_anew_forgets_what_it_has_fired_for(rig):
    async def test(rig):
        rig.watch("rate(1 hour)")
        rig.clock.advance(HOUR)
        await rig.come_to([3600.0])
        await rig.house.store.transact(rig.ticker.forgetting("s"))
        rig.ticker.watch("s", parse("rate(1 minute)"), rig.clock.now())
        rig.clock.advance(60)
        await rig.come_to([3600.0, 3660.0])

    rig(test)
