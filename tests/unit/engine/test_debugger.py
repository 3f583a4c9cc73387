"""The order of a debugged function's invocations: one environment, one after the other."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.unit.engine.test_ahead import VERSION

from samovar.engine.debug import Debug, asked, refusal
from samovar.engine.debugger import Debugger
from samovar.engine.lifecycle import Event, State


def version(text: str) -> Any:
    return msgspec.structs.replace(VERSION, variables={"SAMOVAR_DEBUG": text})


def test_what_the_variable_may_say() -> None:
    assert asked(version("5678")) == Debug(5678, wait=False)
    assert asked(version("5678, wait")) == Debug(5678, wait=True)
    assert asked(VERSION) is None
    for text in ("", "wait", "80", "99999", "4566", "9001", "5678,other", "5678\n", "-5678"):
        assert asked(version(text)) is None
    assert "PORT,wait" in refusal(version("5678,other"))


async def _one_after_the_other() -> None:
    debugger = Debugger(lambda environment: None)
    environment: Any = SimpleNamespace(version_key="k", state=State.BUSY)
    begun: list[int] = []

    def start(number: int) -> None:
        begun.append(number)
        if number != 2:  # the second is refused
            environment.state = State.BUSY
            debugger.lives(environment)

    debug = Debug(0, wait=False)  # any free port
    for number in (1, 2, 3):
        debugger.admit("k", debug, lambda number=number: start(number))
    assert begun == [1]
    environment.state = State.IDLE
    debugger.freed(environment)
    await asyncio.sleep(0)
    assert begun == [1, 2, 3]
    debugger.forget("k")
    assert debugger.knows(environment)  # until the running one has ended
    environment.state = State.DEAD
    debugger.freed(environment)
    assert not debugger.knows(environment)
    await debugger.close()


def test_invocations_wait_for_the_one_environment_and_a_refused_one_holds_up_nobody() -> None:
    asyncio.run(_one_after_the_other())


async def _closed_while_some_wait(how: str) -> tuple[list[str], list[Event]]:
    debugger = Debugger(lambda environment: None)
    told: list[Event] = []
    environment: Any = SimpleNamespace(version_key="k", state=State.INIT, event=told.append)
    begun: list[str] = []

    def start(name: str) -> None:
        if debugger.refuses("k"):
            begun.append(f"{name} refused")
        else:
            begun.append(name)
            debugger.lives(environment)

    debug = Debug(0, wait=how == "wait")
    for name in ("first", "second"):
        debugger.admit("k", debug, lambda name=name: start(name))
    await debugger.close()
    debugger.admit("k", debug, lambda: start("third"))
    assert not debugger.refuses("another")
    return begun, told


@pytest.mark.parametrize("how", ["", "wait"])
def test_when_the_server_stops_nothing_begins_any_more_and_nobody_waits_for_an_editor(how: str) -> None:
    begun, told = asyncio.run(_closed_while_some_wait(how))
    assert begun == ["first", "second refused", "third refused"]
    assert told == ([Event.LOST] if how else [])
