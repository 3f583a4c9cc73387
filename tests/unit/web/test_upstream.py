"""Requests to another server: what it may do to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
import uvloop

from samovar.net.body import BodyStream
from samovar.net.message import Limits, Reply, Request, Response, Streamed
from samovar.net.server import Server, serve
from samovar.web.calls import Answer, Broken, Call, TimedOut, Unreachable, UpstreamError, end_to_end
from samovar.web.upstream import Upstream

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test, 30))


class Raw:
    """A server that says what a test has it say."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.connections = 0

    async def __aenter__(self) -> "Raw":
        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            try:
                await self._talk(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        self._server = await asyncio.start_server(met, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.upstream = Upstream()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.upstream.close()
        self._server.close()

    async def send(self, method: str = "GET", body: Any = b"", **more: Any) -> Answer:
        return await self.upstream.send(Call("127.0.0.1", self.port, method, "/", [("Host", "x")], body, **more))

    async def get(self, **more: Any) -> bytes:
        answer = await self.send(**more)
        return await answer.body.read(1 << 26) or b""


def says(*answers: bytes, hang: bool = False) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        if hang:
            await reader.read()

    return talk


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def test_a_connection_is_kept_and_taken_again() -> None:
    async def check() -> None:
        async with Raw(says(OK, OK, OK, hang=True)) as raw:
            for _ in range(3):
                assert await raw.get() == b"hi"
            assert raw.connections == 1

    run(check())


def test_a_kept_connection_that_was_closed_costs_a_get_nothing_and_is_told_to_a_post() -> None:
    async def check() -> None:
        closed = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await reader.readuntil(b"\r\n\r\n")  # and hangs up
            closed.set()

        async with Raw(talk) as raw:
            assert await raw.get() == b"hi"
            assert await raw.get() == b"hi"
            assert raw.connections == 2
            with pytest.raises(Broken, match="kept connection"):
                await raw.send("POST", b"once")

    run(check())


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n yo\r\n0\r\n\r\n", b"hi yo"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    ],
)
def test_every_way_to_end_a_body_is_understood(answer: bytes, body: bytes) -> None:
    async def check() -> None:
        async with Raw(says(answer)) as raw:
            assert await raw.get() == body

    run(check())


def test_head_has_no_body_whatever_it_says() -> None:
    async def check() -> None:
        async with Raw(says(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", hang=True)) as raw:
            answer = await raw.send("HEAD")
            assert ("Content-Length", "500") in answer.headers
            assert await answer.body.read(10) == b""

    run(check())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", Broken),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Broken),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Broken),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Broken),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", Broken),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Broken),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Broken),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", Broken),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", Broken),
    ],
)
def test_what_is_no_answer_is_broken(answer: bytes, error: type[UpstreamError]) -> None:
    async def check() -> None:
        async with Raw(says(answer)) as raw:
            with pytest.raises(error):
                await raw.get()

    run(check())


def test_whoever_is_not_there_is_unreachable() -> None:
    async def check() -> None:
        async with Raw(says()) as raw:
            raw._server.close()
            await raw._server.wait_closed()
            with pytest.raises(Unreachable):
                await raw.get()

    run(check())


def test_silence_ends_in_a_timeout_before_the_answer_and_in_it() -> None:
    async def check() -> None:
        async with Raw(says(hang=True)) as raw:
            with pytest.raises(TimedOut):
                await raw.get(idle_s=0.2)
        async with Raw(says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", hang=True)) as raw:
            answer = await raw.send(idle_s=0.2)
            with pytest.raises(TimedOut):
                await answer.body.read(100)

    run(check())


class Echo:
    """Our own server as the other one: streams back what comes."""

    async def __aenter__(self) -> "Echo":
        def handle(request: Request, reply: Reply) -> None:
            stream = BodyStream(request.incoming) if request.incoming is not None else None
            reply(Response(200, [("X-Length", request.headers.get("content-length", "none"))], aiter(stream or _no())))

        admit = lambda method, path, headers: Streamed(1 << 30)  # noqa: E731
        self.server: Server = await serve(handle, host="127.0.0.1", port=0, admit=admit, limits=Limits())
        self.upstream = Upstream()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.upstream.close()
        await self.server.close(1)

    async def post(self, body: Any, length: int | None = None) -> Answer:
        host, port = self.server.address
        return await self.upstream.send(Call(host, port, "POST", "/", [("Host", "x")], body, length))


async def _no() -> AsyncIterator[bytes]:
    return
    yield b""


async def parts(count: int, size: int = 65_536) -> AsyncIterator[bytes]:
    for n in range(count):
        yield bytes([n % 256]) * size


@pytest.mark.parametrize("length", [None, 200 * 65_536])
def test_bodies_stream_both_ways_at_once(length: int | None) -> None:
    async def check() -> None:
        async with Echo() as echo:
            answer = await echo.post(parts(200), length)
            assert ("X-Length", "none" if length is None else str(length)) in answer.headers
            assert await answer.body.read(1 << 30) == b"".join([part async for part in parts(200)])

    run(check())


def test_a_slow_reader_slows_the_sender_down() -> None:
    made = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal made
        async for part in parts(1000):
            made += 1
            yield part

    async def check() -> None:
        async with Echo() as echo:
            answer = await echo.post(counted())
            seen = -1
            while seen != made:  # until it stands still
                seen = made
                await asyncio.sleep(0.1)
            assert made < 1000
            body = await answer.body.read(1 << 30)
            assert body is not None and len(body) == 1000 * 65_536

    run(check())


def test_a_body_that_breaks_off_is_not_sent_as_if_it_had_ended() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise OSError("gone")

    async def check() -> None:
        seen: list[bytes] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.read())

        async with Raw(talk) as raw:
            with pytest.raises(Broken, match="broke off"):
                await raw.send("POST", broken())
            while not seen:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert b"0\r\n\r\n" not in seen[0]

    run(check())


def test_an_answer_that_nobody_reads_hangs_up() -> None:
    async def check() -> None:
        hung_up = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                while True:
                    writer.write(b"x" * 65_536)
                    await writer.drain()
            except ConnectionError:
                hung_up.set()

        async with Raw(talk) as raw:
            (await raw.send()).body.close()
            await hung_up.wait()

    run(check())


def test_a_header_can_not_become_two() -> None:
    async def check() -> None:
        async with Raw(says(OK)) as raw:
            for headers, target in (([("X", "a\r\nY: b")], "/"), ([], "/a b"), ([], "/\r\nX: y")):
                with pytest.raises(Broken):
                    await raw.upstream.send(Call("127.0.0.1", raw.port, "GET", target, headers))

    run(check())


def test_headers_of_one_connection_stay_behind() -> None:
    given = [("Connection", "close, X-Mine"), ("x-mine", "1"), ("Keep-Alive", "5"), ("TE", "x"), ("Accept", "*/*")]
    assert end_to_end([*given, ("Upgrade", "h2c"), ("Transfer-Encoding", "chunked")]) == [("Accept", "*/*")]
