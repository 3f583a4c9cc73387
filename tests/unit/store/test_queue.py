"""store/queue.py and bell.py: one contract, for a directory and for memory."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from samovar.core.clock import FakeClock
from samovar.store.blobs import Blobs
from samovar.store.bodies import LONGEST_INLINE, Bodies
from samovar.store.queue import Item, Queue, Queues
from samovar.store.sqlite import open_store

DEADLINE_S = 30


class House:
    def __init__(self, queues: Queues, clock: FakeClock, blobs: Path) -> None:
        self.queues = queues
        self.clock = clock
        self.blobs = blobs
        self.queue = queues.queue("q")

    @property
    def blob_count(self) -> int:
        return len(list(self.blobs.glob("??/*")))


Body = Callable[[House], Coroutine[Any, Any, None]]
Run = Callable[[Body], None]


@pytest.fixture(params=["directory", "memory"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    clock = FakeClock()

    def run(body: Body) -> None:
        async def main() -> None:
            store = await open_store(tmp_path / "data" if request.param == "directory" else None)
            try:
                bodies = Bodies(await Blobs.open(tmp_path / "blobs"))
                house = House(await Queues.open(store, clock, bodies), clock, tmp_path / "blobs")
                await asyncio.wait_for(body(house), DEADLINE_S)
            finally:
                await store.close()

        asyncio.run(main())

    return run


async def bodies(queue: Queue, limit: int = 10, lease_s: float = 60) -> list[str]:
    return [item.body for item in await queue.claim(limit, lease_s)]


async def one(queue: Queue, lease_s: float = 60) -> Item:
    [item] = await queue.claim(1, lease_s)
    return item


def test_items_are_claimed_in_the_order_of_their_puts_each_by_one_claim(run: Run) -> None:
    async def body(house: House) -> None:
        for text in "abcde":
            await house.queue.put(text)
        assert await bodies(house.queue, 2) == ["a", "b"]
        assert await bodies(house.queue, 2) == ["c", "d"]
        assert await bodies(house.queue, 2) == ["e"]
        assert await bodies(house.queue, 2) == []

    run(body)


def test_queues_are_kept_apart_and_named_while_they_hold_anything(run: Run) -> None:
    async def body(house: House) -> None:
        for name in ("async/b", "async/a", "other"):
            await house.queues.queue(name).put(name)
        assert await house.queues.names("async/") == ["async/a", "async/b"]
        assert await house.queues.names() == ["async/a", "async/b", "other"]
        item = await one(house.queues.queue("async/a"))
        await house.queues.queue("async/a").ack(item)
        assert await house.queues.names("async/") == ["async/b"]
        assert house.queues.queue("other") is house.queues.queue("other")

    run(body)


def test_what_is_acked_is_gone(run: Run) -> None:
    async def body(house: House) -> None:
        await house.queue.put("a")
        item = await one(house.queue)
        assert await house.queue.ack(item)
        assert not await house.queue.ack(item)
        house.clock.advance(1000)
        assert await bodies(house.queue) == []

    run(body)


def test_a_lease_that_ran_out_gives_the_item_to_the_next_and_takes_it_from_the_last(run: Run) -> None:
    async def body(house: House) -> None:
        await house.queue.put("a")
        late = await one(house.queue, lease_s=10)
        house.clock.advance(9.9)
        assert await bodies(house.queue) == []
        house.clock.advance(0.1)
        holder = await one(house.queue, lease_s=10)
        assert (late.attempts, holder.attempts) == (1, 2)
        assert holder.token > late.token
        for refused in (
            house.queue.ack(late), house.queue.release(late), house.queue.extend(late, 99), house.queue.dead(late, "")
        ):  # fmt: skip
            assert await refused is False
        assert await house.queue.ack(holder)

    run(body)


def test_an_extended_lease_holds_longer(run: Run) -> None:
    async def body(house: House) -> None:
        await house.queue.put("a")
        item = await one(house.queue, lease_s=10)
        house.clock.advance(8)
        assert await house.queue.extend(item, 10)
        house.clock.advance(8)
        assert await bodies(house.queue) == []
        house.clock.advance(2)
        assert await bodies(house.queue) == ["a"]

    run(body)


def test_what_is_released_can_be_claimed_again_at_once_or_after_a_delay(run: Run) -> None:
    async def body(house: House) -> None:
        await house.queue.put("a")
        assert await house.queue.release(await one(house.queue))
        assert await house.queue.release(await one(house.queue), delay_s=60)
        assert await bodies(house.queue) == []
        house.clock.advance(60)
        assert (await one(house.queue)).attempts == 3

    run(body)


def test_a_delayed_item_comes_when_its_time_has_come(run: Run) -> None:
    async def body(house: House) -> None:
        await house.queue.put("late", delay_s=5)
        await house.queue.put("now")
        assert await house.queue.next_due() == pytest.approx(house.clock.now())
        assert await bodies(house.queue) == ["now"]
        house.clock.advance(5)
        assert await bodies(house.queue) == ["late"]

    run(body)


def test_a_dead_item_is_shown_never_claimed_and_can_be_revived(run: Run) -> None:
    async def body(house: House) -> None:
        id = await house.queue.put("a")
        assert await house.queue.dead(await one(house.queue), "it is poison")
        house.clock.advance(10**6)
        assert await bodies(house.queue) == []
        [corpse] = await house.queue.dead_items(10)
        assert (corpse.id, corpse.body, corpse.reason, corpse.attempts) == (id, "a", "it is poison", 1)
        assert await house.queue.revive(id)
        assert not await house.queue.revive(id)
        assert await bodies(house.queue) == ["a"]

    run(body)


def test_counts_tell_what_can_be_claimed_what_comes_later_and_what_is_dead(run: Run) -> None:
    async def body(house: House) -> None:
        for text in "abc":
            await house.queue.put(text)
        await house.queue.put("d", delay_s=9)
        await house.queue.dead(await one(house.queue), "x")
        await one(house.queue)
        counts = await house.queue.counts()
        assert (counts.claimable, counts.later, counts.dead) == (1, 2, 1)
        assert await house.queue.clear() == 4
        assert (await house.queue.counts()).later == 0

    run(body)


def test_a_put_joins_a_transaction_with_other_things(run: Run) -> None:
    async def body(house: House) -> None:
        await house.queue.put("first")
        first = await one(house.queue)
        statement, _ = await house.queue.putting("second")
        await house.queues.store.transact(house.queue.acking(first), statement)
        assert await bodies(house.queue) == ["second"]

    run(body)


def test_a_large_body_is_a_blob_as_long_as_its_item_is_there(run: Run) -> None:
    async def body(house: House) -> None:
        large = "ä" * (LONGEST_INLINE // 2 + 1)
        for text in (large, large, "x" * LONGEST_INLINE):
            await house.queue.put(text)
        assert house.blob_count == 2
        items = await house.queue.claim(3, 60)
        assert [item.body for item in items] == [large, large, "x" * LONGEST_INLINE]
        await house.queue.ack(items[0])
        assert house.blob_count == 1
        await house.queue.clear()
        assert house.blob_count == 0

    run(body)


def test_a_waiter_sleeps_until_something_is_put(run: Run) -> None:
    async def body(house: House) -> None:
        waiting = [asyncio.create_task(house.queue.wait(1, 60, house.clock.now() + 20)) for _ in range(3)]
        await house.queue.put("a")
        await house.queue.put("b")
        await house.queue.put("c")
        found = await asyncio.gather(*waiting)
        assert sorted(item.body for [item] in found) == ["a", "b", "c"]

    run(body)


def test_a_waiter_gives_up_at_its_deadline_and_looks_no_more_often_than_it_must(run: Run) -> None:
    async def body(house: House) -> None:
        waiting = asyncio.create_task(house.queue.wait(1, 60, house.clock.now() + 20))
        await asyncio.sleep(0.05)
        before = house.queues.store.commits
        await asyncio.sleep(0.05)
        assert house.queues.store.commits == before
        house.clock.advance(20)
        assert await waiting == []

    run(body)


def test_a_moved_clock_wakes_whoever_waits_for_a_delay_or_a_lease(run: Run) -> None:
    async def body(house: House) -> None:
        await house.queue.put("delayed", delay_s=30)
        await house.queue.put("leased")
        await one(house.queue, lease_s=60)
        first, second = (asyncio.create_task(house.queue.wait(1, 9, house.clock.now() + 600)) for _ in range(2))
        await asyncio.sleep(0.05)
        house.clock.advance(30)
        [item] = (await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED))[0].pop().result()
        assert item.body == "delayed"
        assert await house.queue.ack(item)
        house.clock.advance(30)
        found = [*(await first), *(await second)]
        assert sorted(item.body for item in found) == ["delayed", "leased"]

    run(body)


def test_the_wake_up_of_a_cancelled_waiter_goes_to_the_next(run: Run) -> None:
    async def body(house: House) -> None:
        until = house.clock.now() + 600
        first = asyncio.create_task(house.queue.wait(1, 60, until))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(house.queue.wait(1, 60, until))
        await asyncio.sleep(0.05)
        statement, _ = await house.queue.putting("a")
        await house.queues.store.transact(statement)
        house.queue.ring()  # wakes the first, which is cancelled before it runs
        first.cancel()
        [item] = await second
        assert item.body == "a"

    run(body)


def test_what_was_put_survives_the_server_and_leases_can_be_freed_at_its_start(run: Run) -> None:
    async def first(house: House) -> None:
        await house.queue.put("claimed")
        await house.queue.put("waiting")
        await one(house.queue, lease_s=900)

    async def second(house: House) -> None:
        if house.queues._last_id >> 40 == 1:
            return  # memory forgets
        assert await bodies(house.queue) == ["waiting"]
        assert await house.queue.free() == 2
        assert await bodies(house.queue) == ["claimed", "waiting"]
        new = await house.queue.put("new")
        assert new > (await house.queue.claim(1, 60))[0].token - 2**40

    run(first)
    run(second)


def test_every_item_is_claimed_once_by_many_workers(run: Run) -> None:
    async def body(house: House) -> None:
        done: list[str] = []

        async def worker() -> None:
            while len(done) < 300:
                items = await house.queue.wait(7, 60, house.clock.now() + 1)
                done.extend(item.body for item in items)
                await house.queue.ack(*items)
            house.clock.advance(2)  # lets the others go

        workers = [asyncio.create_task(worker()) for _ in range(8)]
        await asyncio.gather(*(house.queue.put(str(number)) for number in range(300)))
        await asyncio.gather(*workers)
        assert sorted(done, key=int) == [str(number) for number in range(300)]

    run(body)


def test_a_claim_walks_the_index_however_much_waits(run: Run) -> None:
    async def body(house: House) -> None:
        plan = await house.queues.store.query(
            "EXPLAIN QUERY PLAN SELECT id FROM queue_items WHERE queue = ? AND due <= ? ORDER BY due, id LIMIT ?",
            ("q", 1, 10),
        )
        assert [row[3] for row in plan] == [
            "SEARCH queue_items USING COVERING INDEX queue_items_by_due (queue=? AND due<?)"
        ]

    run(body)
