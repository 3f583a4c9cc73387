"""What becomes of an invocation whose environment dies under it: it begins anew exactly where it can't have begun."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest
from tests.unit.engine.test_ahead import VERSION, FakeBox, FakeHouse

from samovar.engine import frames
from samovar.engine.environment import Environment
from samovar.engine.house import Done
from samovar.engine.lifecycle import State
from samovar.engine.model import ON_DEMAND, Invocation, Result, Version
from samovar.engine.streaming import Sink
from samovar.sandbox.port import Exit

ASKED = Invocation("i" * 36, VERSION.function_arn, b"{}")
UNREAD_AND_GONE = Exit(signal=9, box_gone=True, unread=True)


class House(FakeHouse):
    def __init__(self) -> None:
        super().__init__(FakeBox())
        self.begun: list[Invocation] = []
        """Again."""

    def begin_again(self, version: Version, invocation: Invocation, done: Done, sink: Sink | None) -> None:
        assert self.discarded, "its place is not free yet"
        self.begun.append(invocation)

    async def template(self, version: Version) -> None: ...


class Idle:
    """An environment that has lived, and what its invokers got."""

    def __init__(self) -> None:
        self.house: Any = House()
        self.environment = Environment(self.house, msgspec.structs.replace(VERSION, initialization=ON_DEMAND))
        self.results: list[Result] = []

    async def begin(self) -> None:
        self.environment.start(Invocation("0" * 36, "arn", b"{}"), lambda result: None)
        await self.house.settle()
        self.environment.on_frame(frames.NEXT, memoryview(b""))
        self.answer("0" * 36)
        assert self.environment.state is State.IDLE
        self.house.log.clear()

    def answer(self, request_id: str = ASKED.request_id) -> None:
        self.environment.on_frame(frames.RESPONSE, memoryview(request_id.encode() + b'"done"'))

    def lease(self, invocation: Invocation = ASKED) -> None:
        self.environment.lease(invocation, self.results.append)

    @property
    def failures(self) -> list[str]:
        return [result.error_type for result in self.results]


def play(test: Callable[[Idle], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        idle = Idle()
        await idle.begin()
        await test(idle)

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_box_that_has_gone_unnoticed_is_noticed_at_the_lease_and_nothing_is_sent_to_it():
    async def story(idle: Idle) -> None:
        idle.house.box.sound = lambda: False
        sent = len(idle.house.box.sent)
        idle.lease()
        assert idle.house.begun == [msgspec.structs.replace(ASKED, moved=1)]
        assert idle.environment.state is State.DEAD
        assert len(idle.house.box.sent) == sent
        assert idle.results == []
        assert idle.house.lines == []

    play(story)


def test_an_event_that_was_not_read_in_a_box_that_has_gone_moves():
    async def story(idle: Idle) -> None:
        idle.lease()
        idle.environment.on_exit(UNREAD_AND_GONE)
        assert [invocation.moved for invocation in idle.house.begun] == [1]
        assert idle.results == []

    play(story)


def test_an_event_that_may_have_been_read_does_not_move():
    async def story(idle: Idle) -> None:
        idle.lease()
        idle.environment.on_exit(Exit(signal=9, box_gone=True))
        assert idle.house.begun == []
        assert idle.failures == ["Sandbox.Failure"]

    play(story)


def test_a_runtime_that_may_have_read_the_event_is_told_of():
    async def story(idle: Idle) -> None:
        idle.lease()
        idle.environment.on_exit(Exit(signal=9))
        assert idle.failures == ["Runtime.ExitError"]
        assert idle.house.begun == []

    play(story)


@pytest.mark.parametrize("extensions_live", [False, True])
def test_a_runtime_that_died_before_it_read_the_event_initialises_again_in_place(extensions_live):
    async def story(idle: Idle) -> None:
        idle.lease()
        if extensions_live:
            idle.environment.on_occupant_exit(Exit(signal=9, unread=True))
            assert idle.environment.state is State.RESTARTING
        idle.environment.on_exit(Exit(signal=9, unread=True))
        assert idle.environment.state is State.REINIT
        idle.house.tasks.clear()  # its start; the fake box has none
        idle.environment.on_frame(frames.NEXT, memoryview(b""))
        idle.answer()
        assert [result.payload for result in idle.results] == [b'"done"']
        assert sum(line.startswith("START ") for line in idle.house.lines) == 1
        assert sum(line.startswith("REPORT ") for line in idle.house.lines) == 1

    play(story)


def test_a_box_that_goes_during_an_init_moves_its_invocation():
    async def run() -> None:
        idle = Idle()
        idle.environment.start(ASKED, idle.results.append)
        await idle.house.settle()
        assert idle.environment.state is State.INIT
        idle.environment.on_exit(Exit(signal=9, box_gone=True))
        assert [invocation.moved for invocation in idle.house.begun] == [1]

    asyncio.run(asyncio.wait_for(run(), 10))


def test_an_event_is_on_its_way_before_the_cpu_that_init_had_is_taken_back():
    """Of a cold start only the writes that the handler waits for come first."""

    async def run() -> None:
        house: Any = House()
        environment = Environment(house, msgspec.structs.replace(VERSION, initialization=ON_DEMAND))
        house.box.throttle = lambda: house.box.sent.append(b"throttled")
        environment.start(ASKED, lambda result: None)
        await house.settle()
        initialised = len(house.box.sent)
        environment.on_frame(frames.NEXT, memoryview(b""))
        event, throttled = house.box.sent[initialised:]
        assert (event[4], throttled) == (frames.INVOCATION, b"throttled")

    asyncio.run(run())


def test_what_has_begun_anew_often_enough_is_told():
    """A function may itself be what kills its environments."""

    async def story(idle: Idle) -> None:
        idle.lease(msgspec.structs.replace(ASKED, moved=4))
        idle.environment.on_exit(UNREAD_AND_GONE)
        assert idle.house.begun == []
        assert idle.failures == ["Sandbox.Failure"]

    play(story)


def test_what_the_server_itself_ends_does_not_move():
    async def story(idle: Idle) -> None:
        idle.lease()
        idle.environment.destroy()
        assert idle.house.begun == []
        assert idle.failures == ["Sandbox.Failure"]

    play(story)
