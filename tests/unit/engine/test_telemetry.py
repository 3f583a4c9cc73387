"""`engine/telemetry.py` without an environment: buffers, batches, retries and what is dropped."""

import asyncio
import json

import pytest

from samovar.core.clock import FakeClock
from samovar.engine.telemetry import AGAIN, DROPPED, FUNCTION, SUBSCRIBED, Buffering, Subscription, Telemetry
from samovar.engine.telemetry_courier import Undelivered
from samovar.engine.telemetry_schema import Schema

NOW = 1_665_532_815.064


class Door:
    """A courier whose listener opens when the test says so."""

    def __init__(self, opened=True):
        self.batches = []
        self.attempts = 0
        self.refusals = 0
        self.opened = asyncio.Event()
        if opened:
            self.opened.set()

    async def deliver(self, batch):
        self.attempts += 1
        await self.opened.wait()
        if self.refusals:
            self.refusals -= 1
            raise Undelivered("not now")
        self.batches.append([json.loads(event) for event in batch])

    def hang_up(self):
        pass

    @property
    def records(self):
        return [event["record"] for batch in self.batches for event in batch]

    async def has(self, satisfied):
        async with asyncio.timeout(10):
            while not satisfied(self):  # noqa: ASYNC110 - it is about many things
                await asyncio.sleep(0.001)


def subscription(door, types=("platform", "function"), **buffering):
    return Subscription(Schema("Telemetry", "2022-12-13"), types, Buffering(**buffering), door)


@pytest.fixture
def play():
    """Runs a story inside an event loop, with a Telemetry whose init has begun."""

    def play(story):
        async def run():
            telemetry = Telemetry(False, FakeClock(NOW))
            telemetry.begin()
            try:
                await story(telemetry)
            finally:
                telemetry.close()

        asyncio.run(run())

    return play


def say(telemetry, *lines):
    telemetry.lines(NOW, FUNCTION, lines)


def test_whoever_subscribes_in_init_hears_what_came_before(play):
    async def story(telemetry):
        door = Door()
        telemetry.platform(NOW, [("platform.initStart", {"phase": "init"})])
        say(telemetry, "early")
        assert telemetry.subscribe("a", subscription(door, timeout_s=0.0)) == SUBSCRIBED
        telemetry.settle()
        say(telemetry, "late")
        await door.has(lambda door: len(door.records) == 3)
        assert door.records == [{"phase": "init"}, "early", "late"]
        assert door.batches[0][0] == {
            "time": "2022-10-12T00:00:15.064Z", "type": "platform.initStart", "record": {"phase": "init"},
        }  # fmt: skip

    play(story)


def test_without_subscribers_nobody_listens_once_init_is_over(play):
    async def story(telemetry):
        assert telemetry.listening
        telemetry.settle()
        assert not telemetry.listening

    play(story)


def test_only_the_types_that_were_asked_for(play):
    async def story(telemetry):
        door = Door()
        telemetry.subscribe("a", subscription(door, types=["function"], timeout_s=0.0))
        telemetry.platform(NOW, [("platform.start", {})])
        telemetry.lines(NOW, "extension", ["not this"])
        say(telemetry, "this")
        await door.has(lambda door: door.records)
        assert door.records == ["this"]

    play(story)


@pytest.mark.parametrize(("limit", "sizes"), [({"max_items": 3}, [3, 3, 1]), ({"max_bytes": 120}, [2, 2, 2, 1])])
def test_a_full_batch_leaves_at_once_and_the_rest_when_its_time_is_up(play, limit, sizes):
    """Each line is 66 bytes as an event."""

    async def story(telemetry):
        door = Door()
        telemetry.subscribe("a", subscription(door, timeout_s=0.05, **limit))
        for number in range(7):
            say(telemetry, str(number))
            await door.has(lambda door: len(door.batches) == door.attempts)
            await asyncio.sleep(0)
        await door.has(lambda door: len(door.records) == 7)
        assert [len(batch) for batch in door.batches] == sizes

    play(story)


def test_nothing_leaves_before_its_time_but_a_hurry_takes_it_along(play):
    async def story(telemetry):
        door = Door()
        telemetry.subscribe("a", subscription(door, timeout_s=30.0))
        say(telemetry, "one", "two")
        await asyncio.sleep(0.01)
        assert door.attempts == 0
        telemetry.hurry()
        await door.has(lambda door: door.records)
        say(telemetry, "three")
        await door.has(lambda door: len(door.records) == 3)
        assert door.batches[0] != door.batches[1]

    play(story)


def test_a_batch_that_was_refused_comes_again_and_before_all_others(play):
    async def story(telemetry):
        door = Door()
        door.refusals = 3
        telemetry.subscribe("a", subscription(door, timeout_s=0.0))
        say(telemetry, "one")
        await door.has(lambda door: door.attempts)
        say(telemetry, "two")
        await door.has(lambda door: len(door.records) == 2)
        assert (door.records, door.attempts) == (["one", "two"], 5)

    play(story)


def test_a_slow_listener_loses_what_its_buffer_has_no_room_for_and_is_told(play):
    async def story(telemetry):
        door = Door(opened=False)
        telemetry.subscribe("a", subscription(door, max_items=2, timeout_s=0.0))
        say(telemetry, "1", "2")  # on its way
        await door.has(lambda door: door.attempts == 1)
        say(telemetry, "3", "4", "5", "6")
        door.opened.set()
        await door.has(lambda door: len(door.records) == 5)
        assert door.records[:4] == ["1", "2", "3", "4"]
        told = door.records[4]
        assert (told["droppedRecords"], told["reason"]) == (2, DROPPED)
        assert told["droppedBytes"] > 100

    play(story)


def test_a_frozen_environment_is_left_alone_and_its_unfinished_batch_waits(play):
    async def story(telemetry):
        door = Door(opened=False)
        telemetry.subscribe("a", subscription(door, timeout_s=0.0))
        say(telemetry, "one")
        await door.has(lambda door: door.attempts)
        telemetry.hold()
        door.opened.set()
        door.refusals = 1
        say(telemetry, "two")
        await asyncio.sleep(0.2)
        assert (door.attempts, door.records) == (1, [])
        telemetry.release()
        await door.has(lambda door: len(door.records) == 2)

    play(story)


def test_a_subscription_outlives_a_reset_and_the_same_again_is_no_second_one(play):
    async def story(telemetry):
        old, new = Door(), Door()
        telemetry.subscribe("a", subscription(old, timeout_s=0.0))
        say(telemetry, "one")
        await old.has(lambda door: door.records)
        telemetry.part()
        say(telemetry, "between")
        telemetry.begin()
        assert telemetry.subscribe("a", subscription(new, timeout_s=0.0)) == AGAIN
        say(telemetry, "two")
        await new.has(lambda door: "two" in door.records)
        assert old.records + new.records == ["one", "between", "two"]

    play(story)


def test_the_backlog_of_an_init_is_bounded(play):
    async def story(telemetry):
        for _ in range(30):
            say(telemetry, "x" * 100_000)
        door = Door()
        telemetry.subscribe("a", subscription(door, max_bytes=1 << 30, timeout_s=0.0))
        await door.has(lambda door: door.records)
        assert len(door.records) == 10

    play(story)
