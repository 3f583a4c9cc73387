"""WebSockets on real sockets: an independent client, and one that misbehaves byte by byte."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode

from samovar.core.clock import SystemClock
from samovar.gateway.certificates import Authority, Issued
from samovar.net.frames import FrameLimits
from samovar.net.message import Reply, Request, Response
from samovar.net.server import Server, serve
from samovar.net.websocket import SocketLimits, WebSocket, refusal, switching

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (
    f"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
LIMITS = SocketLimits(FrameLimits(1000, 3000), unsent_bytes=100_000, close_s=5, stall_s=60)


class Echo:
    """Says back what it hears, and notes what happens."""

    def __init__(self, hall: "Hall") -> None:
        self.hall = hall
        self.socket: WebSocket | None = None
        self.ends: list[tuple[int, str]] = []
        self.heard_of = 0

    def opened(self, socket: WebSocket) -> None:
        self.socket = socket
        self.hall.echoes.append(self)

    def heard(self) -> None:
        self.heard_of += 1

    def message(self, data: bytes, text: bool) -> None:
        assert self.socket is not None
        if data == b"leave me":
            self.socket.close(4001, "as you wish")
        else:
            self.hall.accepted.append(self.socket.send(data, text))

    def closed(self, code: int, reason: str) -> None:
        self.ends.append((code, reason))
        self.hall.ended.set()


class Hall:
    """A server of echoes; a request whose path is `/late` is answered when the test says so."""

    def __init__(self) -> None:
        self.echoes: list[Echo] = []
        self.accepted: list[bool] = []
        self.ended = asyncio.Event()
        self.late: list[Callable[[], None]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.server: Server

    def handle(self, request: Request, reply: Reply) -> None:
        refused = refusal(request)
        if request.path == "/plain":
            reply(Response(200, [], b"plain"))
        elif refused is not None:
            reply(refused)
        elif request.path == "/late":
            echo = Echo(self)
            self.late.append(lambda: reply(switching(request, echo, [], LIMITS)))
            self.echoes.append(echo)
        else:
            chosen = [("Sec-WebSocket-Protocol", "chat")] if "sec-websocket-protocol" in request.headers else []
            reply(switching(request, Echo(self), chosen, LIMITS))

    @property
    def url(self) -> str:
        host, port = self.server.address
        return f"ws://{host}:{port}/chat"

    async def raw(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.server.address)
        self.writers.append(writer)
        writer.write(data)
        return reader, writer

    async def shaken(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self.raw(HANDSHAKE)
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        return reader, writer


def run(test: Callable[[Hall], Coroutine[Any, Any, None]]) -> None:
    async def body() -> None:
        hall = Hall()
        hall.server = plain = await serve(hall.handle, host="127.0.0.1", port=0)
        try:
            async with asyncio.timeout(30):
                await test(hall)
        finally:
            for writer in hall.writers:
                writer.transport.abort()
            await hall.server.close(0)
            await plain.close(0)
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())


def sent(opcode: int, data: bytes, fin: bool = True) -> bytes:
    return TheirFrame(TheirOpcode(opcode), data, fin).serialize(mask=True)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what it waits for is the server's
        await asyncio.sleep(0.005)


def test_a_client_and_the_server_talk():
    async def test(hall: Hall) -> None:
        async with connect(hall.url, subprotocols=["chat"], compression="deflate") as client:
            assert client.subprotocol == "chat"
            await client.send("grüß dich")
            assert await client.recv() == "grüß dich"
            await client.send(b"\0\1")
            assert await client.recv() == b"\0\1"
            await client.send(["frag", "ments"])
            assert await client.recv() == "fragments"
            await asyncio.wait_for(await client.ping(b"are you there"), 10)
        await hall.ended.wait()
        assert hall.echoes[0].ends == [(1000, "")]

    run(test)


def test_the_accept_header_is_the_rfcs():
    async def test(hall: Hall) -> None:
        reader, writer = await hall.raw(HANDSHAKE)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
        assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
        assert "content-length" not in head.lower()
        writer.close()

    run(test)


@pytest.mark.parametrize(
    "old, new, status",
    [
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", b" 426 "),
        (KEY, "c2hvcnQ=", b" 400 "),
        (KEY, "!", b" 400 "),
        ("Upgrade: websocket", "Upgrade: h2c", b" 426 "),
        ("GET", "POST", b" 426 "),
        ("HTTP/1.1", "HTTP/1.0", b" 426 "),
    ],
)
def test_a_handshake_that_is_none_is_answered_in_http(old, new, status):
    async def test(hall: Hall) -> None:
        reader, writer = await hall.raw(HANDSHAKE.decode().replace(old, new, 1).encode())
        assert status in await reader.readline()
        writer.close()

    run(test)


def test_a_handshake_that_is_declined_leaves_an_http_connection_behind():
    async def test(hall: Hall) -> None:
        declined = HANDSHAKE.replace(b"/chat", b"/plain")
        reader, writer = await hall.raw(declined + b"GET /plain HTTP/1.1\r\n\r\n")
        for _ in range(2):
            assert b" 200 " in await reader.readline()
            await reader.readuntil(b"plain")
        writer.write(HANDSHAKE)
        assert b" 101 " in await reader.readline()
        writer.close()

    run(test)


def test_frames_that_come_with_the_handshake_are_read_after_it():
    async def test(hall: Hall) -> None:
        reader, writer = await hall.raw(HANDSHAKE.replace(b"/chat", b"/late") + sent(1, b"early"))
        await until(lambda: bool(hall.late))
        writer.write(sent(1, b"later"))
        hall.late[0]()
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(14) == b"\x81\x05early\x81\x05later"
        writer.close()

    run(test)


def test_a_client_that_leaves_before_the_answer_is_told_of_as_gone():
    async def test(hall: Hall) -> None:
        _, writer = await hall.raw(HANDSHAKE.replace(b"/chat", b"/late"))
        await until(lambda: bool(hall.late))
        writer.transport.abort()
        await until(lambda: hall.server.connections == 0)
        hall.late[0]()
        assert hall.echoes[0].ends == [(1006, "")]
        assert hall.echoes[0].socket is None

    run(test)


@pytest.mark.parametrize(
    "frame, code",
    [
        (sent(1, b"\xff"), 1007),
        (sent(1, b"x" * 1001), 1009),
        (b"\x81\x01a", 1002),
        (sent(8, b"\x03\xee"), 1002),
    ],
)
def test_who_breaks_the_protocol_is_told_the_code_and_hung_up_on(frame, code):
    async def test(hall: Hall) -> None:
        reader, writer = await hall.shaken()
        writer.write(sent(1, b"good") + frame + b"whatever else")
        said = await reader.read()
        assert said.startswith(b"\x81\x04good\x88")
        assert said[8:10] == code.to_bytes(2, "big")
        assert hall.echoes[0].ends[0][0] == code
        writer.close()
        await until(lambda: hall.server.connections == 0)

    run(test)


def test_a_close_frame_is_answered_with_its_code():
    async def test(hall: Hall) -> None:
        reader, writer = await hall.shaken()
        writer.write(sent(8, b"\x0f\xa0so long") + sent(1, b"too late"))
        assert await reader.read() == b"\x88\x02\x0f\xa0"
        assert hall.echoes[0].ends == [(4000, "so long")]
        assert hall.accepted == []
        writer.close()

    run(test)


def test_a_close_frame_without_a_code_is_answered_without_one():
    async def test(hall: Hall) -> None:
        reader, writer = await hall.shaken()
        writer.write(sent(8, b""))
        assert await reader.read() == b"\x88\x00"
        assert hall.echoes[0].ends == [(1005, "")]
        writer.close()

    run(test)


def test_the_server_says_goodbye_and_waits_for_the_clients():
    async def test(hall: Hall) -> None:
        async with connect(hall.url) as client:
            await client.send("leave me")
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")
            assert closed.value.rcvd_then_sent
        assert hall.echoes[0].ends == [(4001, "as you wish")]

    run(test)


def test_a_client_that_never_says_goodbye_is_cut_off():
    async def test(hall: Hall) -> None:
        reader, writer = await hall.shaken()
        writer.write(sent(1, b"leave me"))
        await reader.readexactly(4)
        hall.server.sweep(4)
        assert hall.server.connections == 1
        hall.server.sweep(2)
        await until(lambda: hall.server.connections == 0)
        writer.close()

    run(test)


def test_a_client_that_is_gone_without_a_word_ended_abnormally():
    async def test(hall: Hall) -> None:
        for hang_up in ("close", "abort"):
            hall.ended.clear()
            _, writer = await hall.shaken()
            getattr(writer if hang_up == "close" else writer.transport, hang_up)()
            await hall.ended.wait()
        assert [echo.ends for echo in hall.echoes] == [[(1006, "")]] * 2
        await until(lambda: hall.server.connections == 0)

    run(test)


def test_a_client_that_does_not_read_is_sent_no_more_than_a_bound_and_cut_off_when_it_stalls():
    async def test(hall: Hall) -> None:
        _, writer = await hall.shaken()
        socket = None
        await until(lambda: bool(hall.echoes))
        socket = hall.echoes[0].socket
        assert socket is not None
        sends = 0
        while socket.send(b"x" * 10_000, True):
            sends += 1
            await asyncio.sleep(0)
            assert sends < 10_000
        assert socket._transport.get_write_buffer_size() < 120_000
        writer.write(sent(9, b"ping") * 100)  # and nobody answers these meanwhile
        hall.server.sweep(59)
        assert hall.server.connections == 1
        hall.server.sweep(2)
        await hall.ended.wait()
        assert hall.echoes[0].ends == [(1006, "")]
        writer.transport.abort()

    run(test)


def test_a_listener_can_have_its_client_wait():
    async def test(hall: Hall) -> None:
        reader, writer = await hall.shaken()
        await until(lambda: bool(hall.echoes))
        echo = hall.echoes[0]
        assert echo.socket is not None
        echo.socket.hold(True)
        writer.write(sent(1, b"a"))
        await writer.drain()
        await asyncio.sleep(0.05)
        assert echo.heard_of == 0
        echo.socket.hold(False)
        assert await reader.readexactly(3) == b"\x81\x01a"
        writer.close()

    run(test)


def test_a_server_that_stops_says_so_to_everybody_and_does_not_hang():
    async def test(hall: Hall) -> None:
        _, rude = await hall.shaken()
        async with connect(hall.url) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            closing = asyncio.create_task(hall.server.close(0.5))
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "Service restart")
        await asyncio.wait_for(closing, 10)
        assert hall.server.connections == 0
        assert {end for echo in hall.echoes for end in echo.ends} == {(1012, "Service restart")}
        rude.close()

    run(test)


def test_a_server_that_stops_during_a_handshake_closes_what_it_opens():
    async def test(hall: Hall) -> None:
        reader, writer = await hall.raw(HANDSHAKE.replace(b"/chat", b"/late"))
        await until(lambda: bool(hall.late))
        closing = asyncio.create_task(hall.server.close(5))
        await asyncio.sleep(0)
        hall.late[0]()
        await reader.readuntil(b"\r\n\r\n")
        assert (await reader.readexactly(4))[2:] == (1012).to_bytes(2, "big")
        writer.close()
        await asyncio.wait_for(closing, 10)

    run(test)


_PIECES = st.sampled_from(
    [sent(1, b"hello"), sent(0, b"x"), sent(9, b"p"), sent(8, b""), sent(2, b"x" * 999, fin=False), b"\x88", b"\xff"]
)


@settings(max_examples=20)
@given(st.lists(st.lists(_PIECES | st.binary(max_size=20), max_size=6).map(b"".join), min_size=1, max_size=20))
def test_whatever_comes_after_a_handshake_each_client_ends_once_and_others_are_served(clients):
    async def test(hall: Hall) -> None:
        for data in clients:
            _, writer = await hall.shaken()
            writer.write(data)
            writer.write_eof()
        await until(lambda: hall.server.connections == 0)
        assert [len(echo.ends) for echo in hall.echoes] == [1] * len(clients)
        async with connect(hall.url) as client:
            await client.send("still there?")
            assert await client.recv() == "still there?"

    run(test)


def test_other_clients_are_told_their_refusal():
    async def test(hall: Hall) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(hall.url.replace("/chat", "/plain")):
                pass
        assert refused.value.response.status_code == 200

    run(test)


def test_a_client_and_the_server_talk_over_tls(tmp_path):
    async def test(hall: Hall) -> None:
        clock = SystemClock()
        issued = Issued(Authority.open(tmp_path / "ca.pem", clock), [], ["us-east-1"], clock)
        hall.server = await serve(hall.handle, host="127.0.0.1", port=0, tls=issued)
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        url = f"wss://localhost:{hall.server.address[1]}/chat"
        async with connect(url, ssl=trusting, host="127.0.0.1", proxy=None) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            await client.send("x" * 1001)
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009
        await hall.ended.wait()
        await hall.server.close(1)

    run(test)
