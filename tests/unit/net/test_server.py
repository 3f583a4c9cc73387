"""net on real sockets: what a client sends byte by byte, and what it gets."""

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvloop

from samovar.core.clock import FakeClock
from samovar.net.message import Limits, Reply, Request, Response
from samovar.net.server import Server, serve


def run(test: Coroutine[Any, Any, None]) -> None:
    async def body() -> None:
        try:
            await asyncio.wait_for(test, 20)
        finally:
            while Client.opened:
                Client.opened.pop().close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())


def echo(request: Request, reply: Reply) -> None:
    """Answers with what arrived, so that tests see it."""
    lines = [request.method, request.path, request.query, *(f"{k}={v}" for k, v in sorted(request.headers.items()))]
    reply(Response(200, [("X-Seen", "|".join(lines))], request.body))


class Client:
    """A raw socket that reads whole responses."""

    opened: ClassVar[list["Client"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.opened.append(self)

    @classmethod
    async def to(cls, server: Server) -> "Client":
        return cls(*await asyncio.open_connection(*server.address))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = raw.rstrip("\r\n").split("\r\n")
        return int(first.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        return status, headers, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def ends(self) -> bytes:
        """What is still sent before the server closes."""
        return await self.reader.read()

    async def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        self.send(data)
        return await self.answer()

    def close(self) -> None:
        self.writer.transport.abort()

    def reset(self) -> None:
        """Hang up with a RST instead of a FIN, which might only mean that nothing more will be sent."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def served(
    check: Callable[[Server], Coroutine[Any, Any, None]],
    handler: Callable[[Request, Reply], None] = echo,
    **options: Any,
) -> None:
    async def body() -> None:
        server = await serve(handler, host="127.0.0.1", port=0, **options)
        try:
            await check(server)
        finally:
            await server.close(0)

    run(body())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - conditions of real sockets have no event
        await asyncio.sleep(0.002)


class TestRequests:
    def test_method_path_query_headers_and_body_arrive_as_sent(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            status, headers, body = await client.ask(
                b"PUT /a%2Fb/%C3%A9?x=1&y=%20 HTTP/1.1\r\nHost: h\r\nX-Two: a\r\nx-two: b\r\nX-Empty:\r\n"
                b"X-Latin: caf\xe9  \r\nContent-Length: 3\r\n\r\nxyz"
            )
            assert status == 200
            assert headers["x-seen"] == (
                "PUT|/a%2Fb/%C3%A9|x=1&y=%20|content-length=3|host=h|x-empty=|x-latin=café|x-two=a,b"
            )
            assert body == b"xyz"

        served(check)

    def test_a_connection_is_kept_alive(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            for _ in range(3):
                status, headers, _ = await client.ask(GET)
                assert status == 200 and "connection" not in headers
            assert server.connections == 1

        served(check)

    def test_one_byte_at_a_time_is_understood(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            for byte in b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok":
                client.send(bytes([byte]))
                await asyncio.sleep(0)
            assert (await client.answer())[2] == b"ok"

        served(check)

    def test_chunked_bodies_are_joined_and_trailers_dropped(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            chunked = (
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nX-Trailer: sneaky\r\n\r\n"
            )
            client.send(chunked + GET)
            _, headers, body = await client.answer()
            assert body == b"abcde" and "sneaky" not in headers["x-seen"]
            _, headers, _ = await client.answer()
            assert headers["x-seen"] == "GET|/||host=x"

        served(check)

    def test_an_absolute_target_is_reduced_to_its_path(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            _, headers, _ = await client.ask(b"GET http://x:1/p?q HTTP/1.1\r\nHost: x\r\n\r\n")
            assert headers["x-seen"].startswith("GET|/p|q|")
            _, headers, _ = await client.ask(b"GET http://there:1/p HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
            assert headers["x-seen"] == "GET|/p||host=there:1"

        served(check)

    def test_a_second_host_is_refused(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            status, _, body = await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
            assert (status, body) == (400, b"malformed request: more than one Host\n")

        served(check)

    @pytest.mark.parametrize(
        "framing", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
    )
    def test_an_offered_upgrade_is_ignored_and_the_body_read(self, framing: bytes) -> None:
        """Java's HttpClient offers h2c with its first request."""

        async def check(server: Server) -> None:
            client = await Client.to(server)
            offer = b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
            client.send(b"POST /up HTTP/1.1\r\n" + offer + framing + b"GET /two HTTP/1.1\r\n" + offer + b"\r\n" + GET)
            status, headers, body = await client.answer()
            assert (status, body) == (200, b"hello")
            assert headers["x-seen"].startswith("POST|/up|")
            assert (await client.answer())[1]["x-seen"].startswith("GET|/two|")
            assert (await client.answer())[1]["x-seen"].startswith("GET|/||host=x")

        served(check)

    def test_a_large_body_arrives_whole_and_in_linear_time(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            payload = bytes(range(256)) * 4 * 1024 * 70
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(payload) + payload)
            assert (await client.answer())[2] == payload

        served(check, limits=Limits(body_bytes=100 << 20))


class TestOrder:
    def test_pipelined_requests_are_answered_in_their_order(self) -> None:
        replies: list[tuple[str, Reply]] = []

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(5)))
            for n in range(5):
                await until(lambda: len(replies) == 1)
                path, reply = replies.pop()
                reply(Response(200, [], path.encode()))
                assert (await client.answer())[2] == b"/%d" % n

        served(check, lambda request, reply: replies.append((request.path, reply)))

    def test_a_pipelining_client_is_not_read_further_while_a_request_runs(self) -> None:
        replies: list[Reply] = []

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET)
            await until(lambda: len(replies) == 1)
            flood = (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000) * 20_000
            client.send(flood)
            await asyncio.wait([asyncio.ensure_future(client.writer.drain())], timeout=0.3)
            assert client.writer.transport.get_write_buffer_size() > len(flood) // 2
            client.close()

        served(check, lambda request, reply: replies.append(reply))

    def test_nothing_more_is_started_for_a_client_that_does_not_read_its_answers(self) -> None:
        started: list[Request] = []

        def large(request: Request, reply: Reply) -> None:
            started.append(request)
            reply(Response(200, [], bytes(1 << 20)))

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(GET * 1000)
            seen = -1
            while seen != len(started):
                seen = len(started)
                await asyncio.sleep(0.05)
            assert 0 < seen < 100
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            for _ in range(1000):
                assert (await client.answer())[0] == 200

        served(check, large)

    def test_many_pipelined_requests_answered_at_once_do_not_recurse(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET * 5000)
            for _ in range(5000):
                assert (await client.answer())[0] == 200

        served(check)

    def test_a_second_reply_is_ignored(self) -> None:
        def twice(request: Request, reply: Reply) -> None:
            reply(Response(200, [], b"first"))
            reply(Response(500, [], b"second"))

        async def check(server: Server) -> None:
            client = await Client.to(server)
            assert (await client.ask(GET))[2] == b"first"
            assert (await client.ask(GET))[2] == b"first"

        served(check, twice)


class TestFraming:
    def test_connection_close_is_honoured(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            _, headers, _ = await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert headers["connection"] == "close"
            assert await client.ends() == b""

        served(check)

    def test_http_1_0_closes_unless_asked_to_keep_alive(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            _, headers, _ = await client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert headers["connection"] == "keep-alive"
            _, headers, _ = await client.ask(b"GET / HTTP/1.0\r\n\r\n")
            assert headers["connection"] == "close"
            assert await client.ends() == b""

        served(check)

    def test_head_gets_the_length_without_the_body(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await client.head())[1]["content-length"] == "4"
            assert (await client.ask(GET))[2] == b"body"

        served(check, lambda request, reply: reply(Response(200, [], b"body")))

    def test_204_has_neither_body_nor_length(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            status, headers, _ = await client.ask(GET)
            assert status == 204 and "content-length" not in headers

        served(check, lambda request, reply: reply(Response(204)))

    def test_the_date_follows_the_clock(self) -> None:
        clock = FakeClock(784111777.0)

        async def check(server: Server) -> None:
            client = await Client.to(server)
            assert (await client.ask(GET))[1]["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
            clock.advance(60)
            server.sweep(1)
            assert (await client.ask(GET))[1]["date"] == "Sun, 06 Nov 1994 08:50:37 GMT"

        served(check, clock=clock)

    def test_a_header_with_a_line_break_is_a_bug_and_nothing_is_sent(self) -> None:
        errors: list[ValueError] = []

        def split(request: Request, reply: Reply) -> None:
            try:
                reply(Response(200, [("X-A", "1\r\nX-Injected: 2")]))
            except ValueError as error:
                errors.append(error)
            reply(Response(500))

        async def check(server: Server) -> None:
            client = await Client.to(server)
            status, headers, _ = await client.ask(GET)
            assert status == 500 and "x-injected" not in headers and len(errors) == 1

        served(check, split)


class TestContinue:
    def head(self, length: int) -> bytes:
        return b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length

    def test_an_admitted_client_is_told_to_continue(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(self.head(5))
            assert (await client.head())[0] == 100
            assert (await client.ask(b"hello"))[2] == b"hello"

        served(check)

    def test_a_refused_client_gets_the_refusal_instead(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            status, headers, _ = await client.ask(self.head(11))
            assert status == 413 and headers["connection"] == "close"
            assert await client.ends() == b""

        served(check, limits=Limits(body_bytes=10))

    def test_a_client_that_does_not_wait_is_not_told(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            status, _, body = await client.ask(self.head(2) + b"ok")
            assert (status, body) == (200, b"ok")

        served(check)

    def test_continue_comes_after_the_answer_to_the_request_before(self) -> None:
        replies: list[Reply] = []

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET + self.head(2))
            await until(lambda: len(replies) == 1)
            replies.pop()(Response(200, [], b"one"))
            assert (await client.answer())[2] == b"one"
            assert (await client.head())[0] == 100
            client.send(b"ok")
            await until(lambda: len(replies) == 1)

        served(check, lambda request, reply: replies.append(reply))


def refusing(method: str, path: str, headers: Mapping[str, str]) -> int | Response:
    if int(headers.get("content-length", 0)) > 10:
        return Response(413, [("X-Why", f"{method} {path} {headers['content-length']}")], b"too much")
    return 10


class TestLimits:
    def test_a_body_announced_too_large_is_refused_before_it_is_read(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            status, headers, body = await client.ask(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n")
            assert (status, headers["x-why"], body) == (413, "POST /p 11", b"too much")

        served(check, admit=refusing)

    def test_a_client_that_sends_everything_before_it_reads_still_sees_the_refusal(self) -> None:
        """boto3 does: a connection reset instead would hide AWS's 413."""

        async def check(server: Server) -> None:
            host, port = server.address

            def push() -> bytes:
                with socket.create_connection((host, port)) as client:
                    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
                    for _ in range(64):
                        client.sendall(bytes(1 << 20))
                    return client.recv(65536)

            assert (await asyncio.to_thread(push)).startswith(b"HTTP/1.1 413 ")

        served(check, admit=refusing)

    def test_a_chunked_body_is_refused_when_it_has_grown_too_large(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(
                b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n"
            )
            status, headers, _ = await client.answer()
            assert (status, headers["x-why"]) == (413, "POST /p 12")

        served(check, admit=refusing)

    def test_a_body_of_exactly_the_limit_is_admitted(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            assert (await client.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789"))[0] == 200

        served(check, admit=refusing)

    def test_heads_up_to_the_limit_pass_and_larger_ones_get_431(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            fits = b"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + b"a" * 900_000 + b"\r\n\r\n"
            client.send(fits)
            head = await client.reader.readuntil(b"200 OK\r\n")
            assert head
            other = await Client.to(server)
            status, _, _ = await other.ask(fits.replace(b"X-Large: ", b"X-Large: " + b"a" * 200_000))
            assert status == 431

        served(check, lambda request, reply: reply(Response(200)))

    def test_a_header_that_never_ends_gets_431(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(b"GET / HTTP/1.1\r\nX-Endless: ")
            for _ in range(100):
                client.send(b"a" * 65536)
            assert (await client.answer())[0] == 431

        served(check, limits=Limits(head_bytes=100_000))

    def test_trailers_that_never_end_are_refused(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Endless: ")
            for _ in range(100):
                client.send(b"a" * 65536)
            assert (await client.answer())[0] == 431

        served(check, limits=Limits(head_bytes=100_000))

    @pytest.mark.parametrize(
        "data",
        [
            b"nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ],
    )
    def test_malformed_requests_get_400_and_the_connection_ends(self, data: bytes) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            status, headers, _ = await client.ask(data)
            assert (status, headers["connection"]) == (400, "close")
            assert await client.ends() == b""

        served(check)

    def test_connect_is_refused(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            assert (await client.ask(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 405

        served(check)

    def test_garbage_behind_a_running_request_is_refused_after_its_answer(self) -> None:
        replies: list[Reply] = []

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET + b"nonsense\r\n\r\n")
            await until(lambda: len(replies) == 1)
            replies.pop()(Response(200, [], b"one"))
            assert (await client.answer())[2] == b"one"
            assert (await client.answer())[0] == 400

        served(check, lambda request, reply: replies.append(reply))


class TestTime:
    """All with a sweep of 10 ms, so that nothing waits for real timeouts."""

    def test_an_idle_connection_is_closed(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            await client.ask(GET)
            assert await client.ends() == b""

        served(check, limits=Limits(sweep_s=0.01, idle_s=0.02))

    @pytest.mark.parametrize(
        "part", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"]
    )
    def test_a_request_that_does_not_end_gets_408(self, part: bytes) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            assert (await client.ask(part))[0] == 408

        served(check, limits=Limits(sweep_s=0.01, head_s=0.02, body_s=0.02))

    def test_a_running_request_is_never_timed_out(self) -> None:
        replies: list[Reply] = []

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET)
            await until(lambda: len(replies) == 1)
            for _ in range(10):
                server.sweep(10)
            replies.pop()(Response(200))
            assert (await client.answer())[0] == 200

        limits = Limits(sweep_s=1000, head_s=1, body_s=1, idle_s=1)
        served(check, lambda request, reply: replies.append(reply), limits=limits)

    def test_a_refused_client_that_never_hangs_up_is_cut_off(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            assert (await client.ask(b"nonsense\r\n\r\n"))[0] == 400
            await until(lambda: server.connections == 0)

        served(check, limits=Limits(sweep_s=0.01, linger_s=0.02))


class TestStreaming:
    def test_an_iterator_is_sent_in_chunks(self) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"one", b"", b"two"):
                yield part
                await asyncio.sleep(0)

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET)
            _, headers = await client.head()
            assert headers["transfer-encoding"] == "chunked" and "content-length" not in headers
            assert await client.reader.readuntil(b"0\r\n\r\n") == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
            client.send(GET)
            assert (await client.head())[0] == 200

        served(check, lambda request, reply: reply(Response(200, [], parts())))

    def test_http_1_0_gets_the_stream_until_the_connection_closes(self) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            _, headers = await client.head()
            assert "transfer-encoding" not in headers
            assert await client.ends() == b"onetwo"

        served(check, lambda request, reply: reply(Response(200, [], parts())))

    def test_a_slow_reader_holds_back_the_iterator(self) -> None:
        made: list[int] = []

        async def parts() -> AsyncIterator[bytes]:
            for n in range(2000):
                made.append(n)
                yield bytes(64 * 1024)

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET)
            await client.head()
            seen = -1
            while seen != len(made):
                seen = len(made)
                await asyncio.sleep(0.05)
            assert len(made) < 500  # what sockets and this client buffer; the whole is 128 MB
            body = await client.reader.readuntil(b"\r\n")
            assert body == b"10000\r\n"
            while made[-1] != 1999:
                await client.reader.read(1 << 20)

        served(check, lambda request, reply: reply(Response(200, [], parts())))

    def test_an_iterator_that_fails_cuts_the_connection(self, caplog: pytest.LogCaptureFixture) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("broken iterator")

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET)
            await client.head()
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await client.reader.readuntil(b"0\r\n\r\n")

        served(check, lambda request, reply: reply(Response(200, [], parts())))
        assert "broken iterator" in caplog.text

    def test_an_iterator_is_closed_when_the_client_hangs_up(self) -> None:
        closed: list[bool] = []

        async def parts() -> AsyncIterator[bytes]:
            try:
                yield b"x"
                await asyncio.Event().wait()
            finally:
                closed.append(True)

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET)
            await client.head()
            client.reset()
            await until(lambda: bool(closed))

        served(check, lambda request, reply: reply(Response(200, [], parts())))


class TestEnds:
    def test_a_reply_after_the_client_has_gone_is_ignored(self) -> None:
        replies: list[Reply] = []

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET)
            await until(lambda: len(replies) == 1)
            client.reset()
            await until(lambda: server.connections == 0)
            replies.pop()(Response(200, [], b"nobody"))
            assert (await (await Client.to(server)).ask(b"nonsense\r\n\r\n"))[0] == 400

        served(check, lambda request, reply: replies.append(reply))

    def test_a_client_that_closes_its_sending_side_gets_its_answers(self) -> None:
        replies: list[Reply] = []

        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET + GET)
            client.writer.write_eof()
            for n in range(2):
                await until(lambda: len(replies) == 1)
                replies.pop()(Response(200, [], b"%d" % n))
                assert (await client.answer())[2] == b"%d" % n
            assert await client.ends() == b""

        served(check, lambda request, reply: replies.append(reply))

    def test_close_lets_a_running_request_finish_and_refuses_new_connections(self) -> None:
        replies: list[Reply] = []

        async def check(server: Server) -> None:
            address = server.address
            idle = await Client.to(server)
            busy = await Client.to(server)
            busy.send(GET)
            await until(lambda: len(replies) == 1)
            closing = asyncio.ensure_future(server.close(10))
            assert await idle.ends() == b""
            with pytest.raises(OSError):
                await asyncio.open_connection(*address)
            replies.pop()(Response(200, [], b"done"))
            _, headers, body = await busy.answer()
            assert (headers["connection"], body) == ("close", b"done")
            await closing

        served(check, lambda request, reply: replies.append(reply))

    def test_close_cuts_what_outlasts_its_grace(self) -> None:
        async def check(server: Server) -> None:
            client = await Client.to(server)
            client.send(GET)
            await until(lambda: server.connections == 1)
            await server.close(0.01)
            assert server.connections == 0
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await client.answer()

        served(check, lambda request, reply: None)


class TestListeners:
    def test_requests_carry_the_tag_of_the_listener_they_came_through(self) -> None:
        async def check() -> None:
            server = Server(whence)
            listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
            for n, listener in enumerate(listeners):
                server.listen(listener, f"environment {n}")
            for n, listener in enumerate(listeners):
                client = Client(*await asyncio.open_connection(*listener.getsockname()))
                assert (await client.ask(GET))[2] == b"environment %d" % n
            await server.close(0)
            for listener in listeners:
                assert listener.fileno() >= 0  # still its owner's
                listener.close()

        run(check())

    def test_unlisten_drops_what_is_connected_through_that_socket_only(self) -> None:
        async def check() -> None:
            server = Server(whence)
            listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
            clients = []
            for n, listener in enumerate(listeners):
                server.listen(listener, f"environment {n}")
                clients.append(Client(*await asyncio.open_connection(*listener.getsockname())))
                await clients[n].ask(GET)
            server.unlisten(listeners[0])
            await until(lambda: server.connections == 1)
            assert (await clients[1].ask(GET))[2] == b"environment 1"
            server.listen(listeners[0], "its successor")
            again = Client(*await asyncio.open_connection(*listeners[0].getsockname()))
            assert (await again.ask(GET))[2] == b"its successor"
            await server.close(0)
            for listener in listeners:
                listener.close()

        run(check())

    def test_unix_sockets_are_accepted_from_too(self, tmp_path: Path) -> None:
        async def check() -> None:
            server = Server(whence)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(tmp_path / "s"))
            listener.listen()
            server.listen(listener, "unix")
            client = Client(*await asyncio.open_unix_connection(str(tmp_path / "s")))
            assert (await client.ask(GET))[2] == b"unix"
            await server.close(0)
            listener.close()

        run(check())

    def test_connections_beyond_the_limit_of_their_listener_wait_for_room(self) -> None:
        async def check() -> None:
            server = Server(whence, limits=Limits(of_one_listener=2))
            listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
            for n, listener in enumerate(listeners):
                server.listen(listener, f"environment {n}")
            held = [Client(*await asyncio.open_connection(*listeners[0].getsockname())) for _ in range(2)]
            await until(lambda: server.connections == 2)
            waiting = Client(*await asyncio.open_connection(*listeners[0].getsockname()))
            waiting.send(GET)
            other = Client(*await asyncio.open_connection(*listeners[1].getsockname()))
            assert (await other.ask(GET))[2] == b"environment 1"
            server.sweep(1)
            assert (await other.ask(GET))[2] == b"environment 1"
            assert server.connections == 3
            held[0].writer.close()
            await until(lambda: server.connections == 2)
            server.sweep(1)
            assert (await waiting.answer())[2] == b"environment 0"
            await server.close(0)
            for listener in listeners:
                listener.close()

        run(check())

    def test_running_out_of_descriptors_pauses_accepting_until_the_next_sweep(self) -> None:
        async def check() -> None:
            server = Server(whence)
            listener = Exhausted(socket.AF_INET)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            server.listen(listener, "patient")
            client = Client(*await asyncio.open_connection(*listener.getsockname()))
            client.send(GET)
            await until(lambda: listener.refusals == 1)
            listener.refusing = False
            server.sweep(1)
            assert (await client.answer())[2] == b"patient"
            assert listener.refusals == 1
            await server.close(0)
            listener.close()

        run(check())

    def test_a_taken_port_is_an_oserror(self) -> None:
        async def check(server: Server) -> None:
            with pytest.raises(OSError, match="in use"):
                await serve(echo, host=server.address[0], port=server.address[1])

        served(check)


class Exhausted(socket.socket):
    """A listener whose accept fails as it does when the process has no descriptor left."""

    refusing = True
    refusals = 0

    def accept(self) -> tuple[socket.socket, Any]:
        if self.refusing:
            self.refusals += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def whence(request: Request, reply: Reply) -> None:
    reply(Response(200, [], str(request.source).encode()))
