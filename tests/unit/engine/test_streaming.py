"""A response between an environment that writes and a client who reads."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from samovar.core.clock import FakeClock
from samovar.engine import streaming
from samovar.engine.model import Outcome, Result
from samovar.engine.report import RESPONSE_LIMIT, TOO_LARGE_PAYLOAD
from samovar.engine.streaming import AT_ONCE, PACE, STREAM_LIMIT, Chunks, Course, Pace
from samovar.net.message import BrokenOff

MB = 1 << 20


class Held:
    """What an environment was told about going on."""

    def __init__(self) -> None:
        self.told: list[bool] = []

    def __call__(self, held: bool) -> None:
        self.told.append(held)


def begun(held: Held, *pieces: bytes) -> Chunks:
    chunks = Chunks(lambda content_type: None)
    chunks.begin("a/b", held)
    for piece in pieces:
        chunks.write(piece)
    return chunks


def run(check: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(check, 10))


def test_the_content_type_is_told_first() -> None:
    told: list[str] = []
    Chunks(told.append).begin("a/b", Held())
    assert told == ["a/b"]


def test_a_reader_gets_what_has_come_in_one_piece_and_waits_for_more() -> None:
    async def check() -> None:
        chunks = begun(Held(), b"a", b"", b"b")
        assert await anext(chunks) == b"ab"
        waiting = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(0)
        assert not waiting.done()
        chunks.write(b"c")
        assert await waiting == b"c"
        chunks.write(b"d")
        chunks.end()
        assert [part async for part in chunks] == [b"d"]
        assert [part async for part in chunks] == []

    run(check())


def test_a_broken_response_gives_what_there_is_and_then_breaks() -> None:
    async def check() -> None:
        chunks = begun(Held(), b"a")
        chunks.end("Runtime.ExitError")
        assert await anext(chunks) == b"a"
        with pytest.raises(BrokenOff, match=r"Runtime\.ExitError"):
            await anext(chunks)

    run(check())


def test_the_function_is_held_back_while_too_much_waits() -> None:
    async def check() -> None:
        held = Held()
        chunks = begun(held, bytes(512 * 1024))
        assert held.told == []
        chunks.write(b"x")
        chunks.write(b"x")
        assert held.told == [True]
        await anext(chunks)
        assert held.told == [True, False]

    run(check())


def test_what_nobody_reads_is_dropped_and_holds_back_nobody() -> None:
    async def check() -> None:
        held = Held()
        chunks = begun(held, bytes(MB))
        chunks.close()
        assert held.told == [True, False]
        chunks.write(bytes(MB))
        assert held.told == [True, False]
        assert [part async for part in chunks] == []

    run(check())


def test_without_a_sink_the_whole_is_kept_up_to_the_limit_of_an_answer() -> None:
    course = Course(None, "a/b", Held())
    course.write(b"a" * RESPONSE_LIMIT)
    assert (course.too_large, len(course.result())) == (b"", RESPONSE_LIMIT)
    course.write(b"b")
    assert (course.too_large, course.result(), course.size) == (TOO_LARGE_PAYLOAD, b"", RESPONSE_LIMIT + 1)
    course.write(b"b")
    assert course.result() == b""


class Counted:
    """A sink."""

    def __init__(self) -> None:
        self.size = 0
        self.hold: streaming.Hold

    def begin(self, content_type: str, hold: streaming.Hold) -> None:
        self.hold = hold

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)


def test_a_sink_gets_no_more_than_the_limit_of_a_stream() -> None:
    sink = Counted()
    course = Course(sink, "a/b", Held())
    piece = bytes(MB)
    for _ in range(STREAM_LIMIT // MB):
        course.write(piece)
    assert (course.too_large, course.result(), sink.size) == (b"", b"", STREAM_LIMIT)
    course.write(b"x")
    assert b"Function.ResponseSizeTooLarge" in course.too_large and b"(209715200 bytes)" in course.too_large
    assert sink.size == STREAM_LIMIT


def test_a_course_that_has_ended_lets_the_environment_go_and_says_no_more() -> None:
    sink, held = Counted(), Held()
    course = Course(sink, "a/b", held)
    sink.hold(True)
    sink.hold(True)
    course.close()
    sink.hold(True)
    sink.hold(False)
    assert held.told == [True, False]


def test_six_megabytes_go_at_once_and_then_two_a_second() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    assert pace.most == AT_ONCE
    assert pace.wait_s(AT_ONCE) == 0
    step = pace.most
    assert step < PACE / 10
    waited = 0.0
    sent = 0
    while sent < 3 * PACE:
        wait_s = pace.wait_s(step)
        sent += step
        waited += wait_s
        clock.advance(wait_s)
    assert waited == pytest.approx(sent / PACE)


def test_the_pace_counts_what_the_client_needed_anyway() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.wait_s(AT_ONCE)
    clock.advance(10)
    assert pace.wait_s(PACE) == 0


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (Result(Outcome.OK, b""), ""),
        (Result(Outcome.FUNCTION_ERROR, b"{}", "E"), "E"),
        (Result(Outcome.FUNCTION_ERROR, b"{}"), "failed"),
    ],
)
def test_what_a_result_says_of_its_stream(result: Result, why: str) -> None:
    assert streaming.broken(result) == why
