"""Bodies that are handed over as they arrive, and answers that nobody reads to their end."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

import pytest
import uvloop

from samovar.net.message import BrokenOff, Incoming, Reply, Request, Response, Streamed
from samovar.net.server import Server, serve

HEAD = b"POST /s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Taker:
    """A handler that takes bodies as they come; a test answers when it likes."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.ends: list[Mapping[str, str] | None] = []
        self.incoming: Incoming | None = None
        self.request: Request
        self.reply: Reply

    def __call__(self, request: Request, reply: Reply) -> None:
        self.request, self.reply, self.incoming = request, reply, request.incoming
        if request.incoming is None:
            reply(Response(200, [], b"whole " + request.body))
        else:
            request.incoming.take(self.parts.append, self.ends.append)

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


def admit(method: str, path: str, headers: Mapping[str, str]) -> int | Streamed:
    return Streamed(100) if path == "/s" else 10


def served(check: Callable[[Server], Coroutine[Any, Any, None]], handler: Callable[[Request, Reply], None]) -> None:
    async def body() -> None:
        server = await serve(handler, host="127.0.0.1", port=0, admit=admit)
        try:
            await asyncio.wait_for(check(server), 20)
        finally:
            await server.close(0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())


async def connect(server: Server) -> Streams:
    return await asyncio.open_connection(*server.address)


def reset(writer: asyncio.StreamWriter) -> None:
    """Hang up with a RST instead of a FIN, which might only mean that nothing more will be sent."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - conditions of real sockets have no event
        await asyncio.sleep(0.002)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


def test_the_handler_is_called_at_the_end_of_the_head_and_gets_each_part() -> None:
    taker = Taker()

    async def check(server: Server) -> None:
        reader, writer = await connect(server)
        writer.write(HEAD + b"X-A: b\r\n\r\n")
        await until(lambda: taker.incoming is not None)
        assert (taker.request.body, taker.request.headers["x-a"], taker.parts) == (b"", "b", [])
        for size, part in ((3, b"abc"), (1, b"d")):
            writer.write(b"%d\r\n%b\r\n" % (size, part))
            await until(lambda part=part: taker.body.endswith(part))  # type: ignore[misc]
        assert taker.ends == []
        writer.write(b"0\r\nX-T: 1\r\nX-T: 2\r\n\r\n")
        await until(lambda: bool(taker.ends))
        assert (taker.body, taker.ends) == (b"abcd", [{"x-t": "1,2"}])
        assert "x-t" not in taker.request.headers
        taker.reply(Response(202, [], b"ok"))
        assert await answer(reader) == (202, b"ok")
        writer.write(b"GET /after HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await answer(reader) == (200, b"whole ")
        writer.close()

    served(check, taker)


def test_a_body_that_came_with_its_head_is_not_lost() -> None:
    taker = Taker()

    async def check(server: Server) -> None:
        reader, writer = await connect(server)
        writer.write(HEAD + b"\r\n2\r\nab\r\n0\r\n\r\nGET /after HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: bool(taker.ends))
        assert (taker.body, taker.ends) == (b"ab", [{}])
        taker.reply(Response(202))
        assert await answer(reader) == (202, b"")
        assert await answer(reader) == (200, b"whole ")
        writer.close()

    served(check, taker)


def test_a_body_of_a_known_length_has_no_other_limit() -> None:
    taker = Taker()

    async def check(server: Server) -> None:
        _, writer = await connect(server)
        writer.write(b"POST /s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000))
        await until(lambda: bool(taker.ends))
        assert (len(taker.body), taker.ends) == (1_000_000, [{}])
        writer.close()

    served(check, taker)


def test_a_client_that_waits_for_it_is_told_to_continue() -> None:
    taker = Taker()

    async def check(server: Server) -> None:
        reader, writer = await connect(server)
        writer.write(HEAD + b"Expect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"1\r\na\r\n0\r\n\r\n")
        await until(lambda: bool(taker.ends))
        writer.close()

    served(check, taker)


@pytest.mark.parametrize("how", ["reset", "half-closed", "malformed"])
def test_a_body_that_breaks_off_ends_without_trailers(how: str) -> None:
    taker = Taker()

    async def check(server: Server) -> None:
        reader, writer = await connect(server)
        writer.write(HEAD + b"\r\n2\r\nab\r\n")
        await until(lambda: taker.body == b"ab")
        if how == "reset":
            reset(writer)
        elif how == "half-closed":
            writer.write_eof()
        else:
            writer.write(b"nonsense\r\n")
        await until(lambda: bool(taker.ends))
        assert taker.ends == [None]
        taker.reply(Response(400, [], b"broke off"))
        if how != "reset":
            assert await answer(reader) == (400, b"broke off")
            writer.close()
        await until(lambda: server.connections == 0)
        assert taker.ends == [None]

    served(check, taker)


def test_what_comes_after_an_early_answer_is_dropped() -> None:
    taker = Taker()

    async def check(server: Server) -> None:
        reader, writer = await connect(server)
        writer.write(HEAD + b"\r\n1\r\na\r\n")
        await until(lambda: taker.body == b"a")
        taker.reply(Response(403))
        assert await answer(reader) == (403, b"")
        writer.write(b"1\r\nb\r\n0\r\n\r\nGET /after HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await answer(reader) == (200, b"whole ")
        assert (taker.parts, taker.ends) == ([b"a"], [])
        writer.close()

    served(check, taker)


def test_a_pause_stops_the_client_until_it_is_lifted() -> None:
    taker = Taker()
    size = 40 << 20

    async def check(server: Server) -> None:
        _, writer = await connect(server)
        writer.write(b"POST /s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        await until(lambda: taker.incoming is not None)
        assert taker.incoming is not None
        taker.incoming.pause(True)
        writer.write(bytes(size))
        for _ in range(50):  # turns of the loop in which all of it would have come
            await asyncio.sleep(0.002)
        assert len(taker.body) < 1 << 20
        taker.incoming.pause(False)
        await until(lambda: bool(taker.ends))
        assert len(taker.body) == size
        writer.close()

    served(check, taker)


def test_with_an_upgrade_the_body_is_read_whole_within_the_limit() -> None:
    taker = Taker()

    async def check(server: Server) -> None:
        for size, wanted in ((2, (200, b"whole xx")), (101, (413, b"the body must not exceed 100 bytes\n"))):
            reader, writer = await connect(server)
            head = HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
            writer.write(head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size))
            assert await answer(reader) == wanted
            writer.close()

    served(check, taker)


class Body:
    """An endless answer that knows whether it was closed."""

    def __init__(self, fails: type[Exception] | None = None) -> None:
        self.closed = 0
        self.read = 0
        self._fails = fails

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self.read += 1
        if self._fails is not None and self.read > 1:
            raise self._fails("no more")
        await asyncio.sleep(0)
        return b"x" * 1000

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("request_", [b"GET / HTTP/1.1", b"HEAD / HTTP/1.1", b"GET /s HTTP/1.1"])
def test_an_answer_is_closed_whether_it_was_read_or_not(request_: bytes) -> None:
    body = Body()

    def handler(request: Request, reply: Reply) -> None:
        reply(Response(204 if request.path == "/s" else 200, [], body))

    async def check(server: Server) -> None:
        reader, writer = await connect(server)
        writer.write(request_ + b"\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        await until(lambda: body.closed == 1)
        assert (body.read > 0) == (request_ == b"GET / HTTP/1.1")

    served(check, handler)


def test_an_answer_to_a_client_that_has_gone_is_closed() -> None:
    body, replies = Body(), list[Reply]()

    async def check(server: Server) -> None:
        _, writer = await connect(server)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: bool(replies))
        reset(writer)
        await until(lambda: server.connections == 0)
        replies[0](Response(200, [], body))
        assert (body.closed, body.read) == (1, 0)

    served(check, lambda request, reply: replies.append(reply))


@pytest.mark.parametrize(("error", "traceback"), [(BrokenOff, False), (ValueError, True)])
def test_an_answer_that_breaks_off_cuts_the_client_off(
    error: type[Exception], traceback: bool, caplog: pytest.LogCaptureFixture
) -> None:
    body = Body(error)
    caplog.set_level(logging.INFO)

    async def check(server: Server) -> None:
        reader, writer = await connect(server)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        try:
            rest = await reader.read()
        except ConnectionError:
            rest = b""
        assert not rest.endswith(b"0\r\n\r\n")
        assert body.closed == 1
        writer.close()

    served(check, lambda request, reply: reply(Response(200, [], body)))
    assert [bool(record.exc_info) for record in caplog.records if "broke off" in record.message] == [traceback]
