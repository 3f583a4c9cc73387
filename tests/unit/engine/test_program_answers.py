"""A runtime that is a program over HTTP: its invoker is answered when the environment may be leased again."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from tests.unit.engine.test_ahead import VERSION, FakeBox, FakeHouse

from samovar.engine.environment import Environment
from samovar.engine.launch import Launch
from samovar.engine.lifecycle import State
from samovar.engine.model import ON_DEMAND, Invocation, Result, Version

REQUEST = "8a1b2c3d-0000-4000-8000-000000000001"
OTHER = "8a1b2c3d-0000-4000-8000-000000000002"
INVOCATION = Invocation(request_id=REQUEST, invoked_arn=VERSION.function_arn, payload=b"{}")


class ProgramBox(FakeBox):
    async def start(self, command: object) -> None: ...


class ProgramHouse(FakeHouse):
    def __init__(self) -> None:
        super().__init__(ProgramBox())
        self.released: list[State] = []

    def launch(self, version: Version) -> Launch:
        return Launch("java17", prepared=False, frames=False, environ={}, programs=(("/var/lang/bin/java",),))

    def extensions(self, version: Version) -> Sequence[str]:
        return []

    async def template(self, version: Version) -> None:
        return None

    def release(self, environment: Environment) -> None:
        self.released.append(environment.state)


async def busy() -> tuple[ProgramHouse, Environment, list[Result]]:
    house: Any = ProgramHouse()
    environment = Environment(house, msgspec.structs.replace(VERSION, initialization=ON_DEMAND))
    results: list[Result] = []

    def answered(result: Result) -> None:
        results.append(result)
        house.released.append(result.payload)

    environment.start(INVOCATION, answered)
    await house.settle()
    assert environment.dialogue.runtime_next()
    assert environment.state is State.BUSY
    return house, environment, results


async def _answered_after_the_release() -> None:
    house, environment, results = await busy()
    assert environment.dialogue.runtime_response(REQUEST, b"1")
    assert results == []
    assert environment.dialogue.runtime_next()
    assert [result.payload for result in results] == [b"1"]
    assert house.released == [State.IDLE, b"1"]


async def _answered_without_it() -> None:
    _, environment, results = await busy()
    assert environment.dialogue.runtime_response(REQUEST, b"1")
    async with asyncio.timeout(20):
        while not results:  # noqa: ASYNC110 - what ends is a timer of the environment's own
            await asyncio.sleep(0)
    assert environment.state is State.ANSWERED
    assert environment.dialogue.runtime_next()
    assert len(results) == 1


def test_the_invoker_who_comes_back_at_once_finds_the_environment_idle() -> None:
    asyncio.run(_answered_after_the_release())


def test_a_runtime_that_does_not_ask_again_delays_no_answer_for_long() -> None:
    asyncio.run(_answered_without_it())


async def _answered_by_its_own_runtime_only() -> None:
    _, environment, results = await busy()
    said = environment.dialogue
    assert not said.runtime_response(OTHER, b'"late"')
    assert not said.runtime_error(OTHER, b"{}", "Runtime.Late")
    assert not said.runtime_data(OTHER, b"late")
    said.runtime_too_large(OTHER)
    assert (environment.state, results) == (State.BUSY, [])
    assert said.runtime_response(REQUEST, b"1")
    assert said.runtime_next()
    assert [result.payload for result in results] == [b"1"]


def test_a_thread_of_an_earlier_invocation_cannot_answer_this_one() -> None:
    asyncio.run(_answered_by_its_own_runtime_only())
