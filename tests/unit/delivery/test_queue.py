"""Work is done in order, at least once, and tried again when its time has come."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from samovar.delivery.queue import WINDOW, Again, Done, Hold, Job, Queue, Verdict
from samovar.store.errors import StoreError


class Desk:
    """Work whose verdicts the test gives: by hand, or `answer` at once."""

    def __init__(self, house, answer: Callable[[str], Verdict] | None = None, widest: int = 100) -> None:
        self.begun: list[str] = []
        self.open: dict[str, asyncio.Future[Verdict]] = {}
        self._answer = answer
        self.queue = Queue(house.queues, "work", house.clock, self.work, widest)
        house.closing.append(self.queue.close)

    async def work(self, job: Job) -> Verdict:
        body = job.body
        self.begun.append(body)
        if self._answer is not None:
            return self._answer(body)
        self.open[body] = asyncio.get_running_loop().create_future()
        return await self.open[body]

    def give(self, body: str, verdict: Verdict | None = None) -> None:
        self.open.pop(body).set_result(verdict or Done())


async def counts(house, line: str = "a") -> int:
    found = await house.queues.queue(f"work/{line}").counts()
    return found.claimable + found.later


def test_what_is_put_is_done_and_gone(run):
    async def test(house):
        desk = Desk(house, lambda body: Done())
        await desk.queue.start()
        for n in range(100):
            await desk.queue.put("a", str(n))
        await house.until(lambda: len(desk.begun) == 100)
        assert desk.begun == [str(n) for n in range(100)]
        await house.settle()
        assert await counts(house) == 0

    run(test)


def test_lines_dont_wait_for_each_other(run):
    async def test(house):
        desk = Desk(house)
        await desk.queue.start()
        for line in "ab":
            for n in range(WINDOW + 1):
                await desk.queue.put(line, f"{line}{n}")
        await house.until(lambda: len(desk.begun) >= 2 * WINDOW)
        assert {body[0] for body in desk.begun} == {"a", "b"}

    run(test)


def test_a_line_that_doesnt_get_shorter_is_worked_on_by_more_at_once(run):
    async def test(house):
        desk = Desk(house, widest=20)
        await desk.queue.start()
        for n in range(40):
            await desk.queue.put("a", str(n))
        await house.until(lambda: len(desk.begun) == 20)
        await asyncio.sleep(0.3)  # it could widen again in that time, but for its limit
        assert desk.begun == [str(n) for n in range(20)]

    run(test)


def test_what_is_put_back_comes_again_when_its_time_has_come_and_not_before(run):
    async def test(house):
        due = house.clock.now() + 60
        desk = Desk(house, lambda body: Again(due, "changed") if body == "first" else Done())
        await desk.queue.start()
        await desk.queue.put("a", "first")
        await house.until(lambda: desk.begun == ["first"])
        await house.settle()
        house.clock.advance(59)
        await house.settle()
        assert desk.begun == ["first"]
        house.clock.advance(2)
        await house.until(lambda: desk.begun == ["first", "changed"])

    run(test)


def test_what_isnt_due_yet_waits_and_holds_up_nobody(run):
    async def test(house):
        desk = Desk(house, lambda body: Done())
        await desk.queue.start()
        await house.store.transact(await desk.queue.putting("a", "later", house.clock.now() + 10))
        await desk.queue.put("a", "now")
        await house.until(lambda: desk.begun == ["now"])
        house.clock.advance(11)
        await house.until(lambda: desk.begun == ["now", "later"])

    run(test)


def test_a_line_that_is_held_stays_in_order_and_rests_longer_each_time(run):
    async def test(house):
        held = {"on": True}
        desk = Desk(house, lambda body: Hold() if held["on"] else Done())
        await desk.queue.start()
        for n in range(5):
            await desk.queue.put("a", str(n))
        await house.until(lambda: len(desk.begun) >= 1)
        for pause_s in (1, 2, 4, 8):
            await house.settle()
            before = len(desk.begun)
            house.clock.advance(pause_s * 0.9)
            await house.settle()
            assert len(desk.begun) == before
            house.clock.advance(pause_s * 0.2)
            await house.until(lambda before=before: len(desk.begun) > before)
        await house.settle()
        held["on"] = False
        desk.begun.clear()
        house.clock.advance(20)
        await house.until(lambda: len(desk.begun) == 5)
        assert desk.begun == ["0", "1", "2", "3", "4"]

    run(test)


def test_a_held_line_goes_on_as_soon_as_something_of_it_has_finished(run):
    """As a function with a reserved concurrency of one."""

    async def test(house):
        desk = Desk(house)
        await desk.queue.start()
        for n in range(3):
            await desk.queue.put("a", str(n))
        await house.until(lambda: len(desk.begun) == 3)
        desk.give("1", Hold())
        desk.give("2", Hold())
        await house.settle()
        desk.give("0")
        await house.until(lambda: len(desk.begun) == 4)
        await house.settle()
        assert desk.begun[3:] == ["1"]
        desk.give("1")
        await house.until(lambda: len(desk.begun) == 5)
        assert desk.begun[4] == "2"

    run(test)


def test_what_was_worked_on_when_the_server_ended_is_done_by_the_next(run):
    async def first(house):
        desk = Desk(house)
        await desk.queue.start()
        for n in range(30):
            await desk.queue.put("a", str(n))
        await house.until(lambda: len(desk.begun) >= WINDOW)

    async def second(house):
        desk = Desk(house, lambda body: Done())
        await desk.queue.start()
        await house.until(lambda: len(desk.begun) == 30)
        assert sorted(desk.begun, key=int) == [str(n) for n in range(30)]

    run(first)
    run(second)


def test_what_somebody_took_over_has_come_to_its_end_whatever_the_work_says_then(run):
    async def test(house):
        store, verdicts = house.queues.store, {"held": Hold(), "again": Again(house.clock.now(), "again"), "bug": None}

        async def work(job):
            desk.begun.append(job.body)
            await store.transact(job.ack)
            if verdicts[job.body] is None:
                raise ValueError(job.body)
            return verdicts[job.body]

        desk = Desk(house)
        queue = desk.queue = Queue(house.queues, "work", house.clock, work, 1)
        house.closing.append(queue.close)
        for body in verdicts:
            await queue.put("a", body)
        await queue.start()
        await house.until(lambda: len(desk.begun) == 3)
        await house.settle()
        assert desk.begun == list(verdicts)
        assert await counts(house) == 0

    run(test)


def test_what_somebody_couldnt_take_over_is_done_again(run):
    async def test(house):
        async def work(job):
            desk.begun.append(job.body)
            if len(desk.begun) == 1:
                await house.queues.store.transact(("INSERT INTO nothing VALUES (1)", ()), job.ack)
            return Done()

        desk = Desk(house)
        queue = desk.queue = Queue(house.queues, "work", house.clock, work, 1)
        house.closing.append(queue.close)
        await queue.put("a", "1")
        await queue.start()
        await house.until(lambda: desk.begun == ["1"])
        await house.settle()
        house.clock.advance(10)
        await house.until(lambda: desk.begun == ["1", "1"])
        await house.settle()
        assert await counts(house) == 0

    run(test)


def test_a_bug_in_the_work_is_logged_and_given_up_after_ten_attempts(run, caplog):
    def fail(body: str) -> Verdict:
        raise RuntimeError("a bug in the work")

    async def test(house):
        desk = Desk(house, fail)
        await desk.queue.start()
        await desk.queue.put("a", "poison")
        for attempt in range(1, 11):
            await house.until(lambda attempt=attempt: len(desk.begun) == attempt)
            await house.settle()
            house.clock.advance(2000)
        await house.settle()
        assert len(desk.begun) == 10
        assert await counts(house) == 0

    with caplog.at_level(logging.ERROR):
        run(test)
    assert sum("a bug in the work" in record.exc_text for record in caplog.records if record.exc_text) == 10


def test_what_is_done_is_forgotten_even_when_the_store_cant_write_for_a_while(run, monkeypatch):
    monkeypatch.setattr("samovar.delivery.queue._STORE_RETRY_S", 0.001)

    async def test(house):
        desk = Desk(house)
        await desk.queue.start()
        await desk.queue.put("a", "once")
        await house.until(lambda: desk.begun == ["once"])
        real, failures = house.store.transact, [1, 2, 3]

        async def transact(*steps):
            if failures:
                failures.pop()
                raise StoreError("the disk is full")
            return await real(*steps)

        house.store.transact = transact
        desk.give("once")
        await house.until(lambda: not failures)
        await house.settle()
        assert await counts(house) == 0
        assert desk.begun == ["once"]

    run(test)


def test_a_reset_forgets_what_waits_and_what_is_put_later_is_done(run):
    async def test(house):
        desk = Desk(house)
        await desk.queue.start()
        for n in range(WINDOW + 3):
            await desk.queue.put("a", f"old{n}")
        await house.until(lambda: len(desk.begun) >= WINDOW)
        await desk.queue.reset()
        for body in list(desk.open):
            desk.give(body)
        await desk.queue.put("a", "new")
        await house.until(lambda: "new" in desk.begun)
        assert await counts(house) == 1
        assert len(desk.begun) <= 2 * WINDOW + 1

    run(test)


@pytest.mark.parametrize("kind", ["done", "again"])
def test_what_follows_from_an_attempt_is_one_transaction_with_its_end(run, kind):
    async def test(house):
        await house.store.transact(("CREATE TABLE t (x TEXT)", ()))
        steps = (("INSERT INTO t VALUES ('told')", ()),)
        answers = {"x": Done(steps) if kind == "done" else Again(house.clock.now() + 5, "y", steps)}
        desk = Desk(house, lambda body: answers.get(body, Done()))
        await desk.queue.start()
        before = house.store.commits
        await desk.queue.put("a", "x")
        await house.until(lambda: desk.begun == ["x"])
        await house.settle()
        assert await house.store.query("SELECT x FROM t") == [("told",)]
        assert await counts(house) == (0 if kind == "done" else 1)
        assert house.store.commits > before

    run(test)


def test_what_runs_when_the_server_stops_may_finish_and_isnt_done_again(run, monkeypatch):
    monkeypatch.setattr("samovar.delivery.queue._LEAVE_WITHIN_S", 30)

    async def first(house):
        desk = Desk(house)
        await desk.queue.start()
        await desk.queue.put("a", "x")
        await house.until(lambda: desk.begun == ["x"])
        closing = asyncio.ensure_future(desk.queue.close())
        await asyncio.sleep(0)
        await desk.queue.put("a", "y")
        desk.give("x")
        await closing
        assert desk.begun == ["x"]

    async def second(house):
        desk = Desk(house, lambda body: Done())
        await desk.queue.start()
        await house.until(lambda: desk.begun == ["y"])

    run(first)
    run(second)
