"""When the invoker of a warm function gets the answer, and when the log tells of it."""

from typing import Any

import msgspec
import pytest
from tests.unit.engine.test_moves import ASKED, Idle, play

from samovar.engine.lifecycle import State
from samovar.engine.model import Invocation, Result
from samovar.sandbox.port import Exit


@pytest.mark.parametrize("tail", [False, True])
def test_the_answer_waits_for_the_log_only_where_its_tail_is_wanted(tail):
    async def story(idle: Idle) -> None:
        lines_at_the_answer: list[str] = []
        results: list[Result] = []

        def done(result: Result) -> None:
            lines_at_the_answer.extend(idle.house.lines)
            results.append(result)

        idle.environment.lease(msgspec.structs.replace(ASKED, tail=tail), done)
        idle.answer()
        told = [line.partition(" ")[0] for line in idle.house.lines]
        assert told == ["START", "END", "REPORT"]
        assert lines_at_the_answer == (idle.house.lines if tail else idle.house.lines[:1])
        assert results[0].log_tail == ("".join(idle.house.lines).encode() if tail else b"")

    play(story)


def test_what_was_printed_stands_before_end_though_it_is_read_after_the_answer():
    async def story(idle: Idle) -> None:
        box: Any = idle.house.box
        box.drain_output = lambda: idle.environment.on_output(b"the last words\n")
        idle.lease()
        idle.answer()
        assert [line.partition(" ")[0] for line in idle.house.lines] == ["START", "the", "END", "REPORT"]

    play(story)


def test_an_invoker_who_destroys_the_environment_when_answered_is_answered_once():
    async def story(idle: Idle) -> None:
        results: list[Result] = []

        def done(result: Result) -> None:
            results.append(result)
            idle.environment.destroy()

        idle.environment.lease(Invocation(ASKED.request_id, "arn", b"{}"), done)
        idle.answer()
        assert [result.payload for result in results] == [b'"done"']
        assert idle.environment.state is State.DEAD
        idle.environment.on_exit(Exit(signal=9))
        assert len(results) == 1

    play(story)
