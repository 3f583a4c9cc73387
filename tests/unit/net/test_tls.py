"""TLS and plain HTTP on one port, on real sockets."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from pki import Party
from websockets.asyncio.client import connect

from samovar.core.clock import SystemClock
from samovar.gateway.certificates import Authority, Issued
from samovar.net.frames import FrameLimits
from samovar.net.message import Limits, Reply, Request, Response
from samovar.net.server import Server, serve
from samovar.net.websocket import SocketLimits, WebSocket, switching
from samovar.web.mutual_tls import Trust

pytestmark = pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])


def run(loop: Any, test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(test, 30))


def echo(request: Request, reply: Reply) -> None:
    reply(Response(200, [("X-Tls", "-".join(request.tls or ("none",)))], request.body))


async def until(holds: Callable[[], bool]) -> None:
    """`run` ends a test that waits in vain."""
    while not holds():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


class Secured:
    """A server with a local authority, and clients that trust it."""

    def __init__(self, folder: Path, handler: Any = echo, **limits: Any) -> None:
        self._folder, self._handler, self._limits = folder, handler, limits

    async def __aenter__(self) -> "Secured":
        clock = SystemClock()
        issued = self.issued = Issued(Authority.open(self._folder / "ca.pem", clock), [], ["us-east-1"], clock)
        limits = Limits(body_bytes=64 << 20, **self._limits)
        self.server: Server = await serve(self._handler, host="127.0.0.1", port=0, limits=limits, tls=issued)
        self._writers: list[asyncio.StreamWriter] = []
        return self

    async def __aexit__(self, *error: object) -> None:
        for writer in self._writers:
            writer.transport.abort()
        await self.server.close(1)

    async def connect(
        self, name: str | None = "localhost", context: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """By TLS with a name; plain with None."""
        trusting = context or (ssl.create_default_context(cafile=self._folder / "ca.pem") if name else None)
        reader, writer = await asyncio.open_connection(*self.server.address, ssl=trusting, server_hostname=name)
        self._writers.append(writer)
        return reader, writer


async def answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
    return head, await reader.readexactly(length)


def test_one_port_answers_https_and_http(loop: Any, tmp_path: Path) -> None:
    async def check() -> None:
        async with Secured(tmp_path) as secured:
            for name, seen in (("localhost", "X-Tls: TLSv1.3-TLS_"), (None, "X-Tls: none")):
                reader, writer = await secured.connect(name)
                for _ in range(2):  # the connection is kept
                    writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
                    head, body = await answer(reader)
                    assert seen in head and body == b"hi"

    run(loop, check())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_large_bodies_pass_both_ways(loop: Any, tmp_path: Path, version: ssl.TLSVersion) -> None:
    async def check() -> None:
        async with Secured(tmp_path) as secured:
            context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
            context.minimum_version = context.maximum_version = version
            reader, writer = await secured.connect(context=context)
            content = bytes(range(256)) * 40_000
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
            _, body = await answer(reader)
            assert body == content

    run(loop, check())


def test_requests_that_are_pipelined_are_answered_in_order(loop: Any, tmp_path: Path) -> None:
    async def check() -> None:
        async with Secured(tmp_path) as secured:
            reader, writer = await secured.connect()
            writer.write(b"".join(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n%03d" % n for n in range(50)))
            for n in range(50):
                assert (await answer(reader))[1] == b"%03d" % n

    run(loop, check())


def test_a_stream_waits_for_a_client_that_does_not_read(loop: Any, tmp_path: Path) -> None:
    made = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(400):
            made += 1
            yield b"x" * 65_536

    def ask(address: tuple[str, int]) -> ssl.SSLSocket:
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        client = trusting.wrap_socket(socket.create_connection(address, 20), server_hostname="localhost")
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return client

    def read(client: ssl.SSLSocket) -> bytes:
        with client, client.makefile("rb") as file:
            return file.read()

    async def check() -> None:
        async with Secured(tmp_path, lambda request, reply: reply(Response(200, [], parts()))) as secured:
            client = await asyncio.to_thread(ask, secured.server.address)
            seen = -1
            while seen != made:  # until it stands still
                seen = made
                await asyncio.sleep(0.1)
            assert made < 400
            _, _, body = (await asyncio.to_thread(read, client)).partition(b"\r\n\r\n")
            assert len(body) == 400 * 65_536

    run(loop, check())


def test_the_certificate_fits_the_name_that_a_client_asks_for(loop: Any, tmp_path: Path) -> None:
    async def check() -> None:
        async with Secured(tmp_path) as secured:
            for name in ("abc.execute-api.eu-west-1.localhost", "x.lambda-url.us-east-1.localhost", "any.localhost"):
                reader, writer = await secured.connect(name)
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                assert "200 OK" in (await answer(reader))[0]
            await secured.connect("127.0.0.1")
            with pytest.raises(ssl.SSLCertVerificationError):
                await secured.connect("example.com")

    run(loop, check())


def test_a_handshake_that_stands_still_is_ended(loop: Any, tmp_path: Path) -> None:
    async def check() -> None:
        async with Secured(tmp_path, sweep_s=1000.0) as secured:
            silent, begun = await secured.connect(None), await secured.connect(None)
            begun[1].write(b"\x16\x03\x01")
            await until(lambda: len({type(member) for member in secured.server._site.connections}) == 2)
            secured.server.sweep(11)
            assert await begun[0].read() == b""
            assert secured.server.connections == 1, "who has said nothing may wait longer"
            secured.server.sweep(120)
            assert await silent[0].read() == b""

    run(loop, check())


@pytest.mark.parametrize("sent", [b"\x16" * 600, b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff" + b"z" * 70_000])
def test_what_is_not_tls_is_cut_off(loop: Any, tmp_path: Path, sent: bytes) -> None:
    async def check() -> None:
        async with Secured(tmp_path) as secured:
            reader, writer = await secured.connect(None)
            writer.write(sent)
            try:
                assert len(await reader.read()) < 100, "an alert at most"
            except ConnectionResetError:
                pass
            reader, writer = await secured.connect()
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert "200 OK" in (await answer(reader))[0]

    run(loop, check())


def test_a_refused_client_sees_the_refusal_and_the_end(loop: Any, tmp_path: Path) -> None:
    async def check() -> None:
        async with Secured(tmp_path) as secured:
            reader, writer = await secured.connect()
            writer.write(b"nonsense\r\n\r\n" + b"x" * 100_000)
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")

    run(loop, check())


def test_a_client_that_says_goodbye_still_gets_its_answer(loop: Any, tmp_path: Path) -> None:
    """A client may end its side first; its close_notify says only that it sends no more (RFC 8446 §6.1)."""
    waiting: list[Reply] = []

    async def check() -> None:
        async with Secured(tmp_path, lambda request, reply: waiting.append(reply)) as secured:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
            client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            reader, writer = await secured.connect(None)
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                    incoming.write(await reader.read(65_536))
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(ssl.SSLWantReadError):
                client.unwrap()
            writer.write(outgoing.read())
            await until(lambda: bool(waiting))
            waiting[0](Response(200, [], b"late"))
            incoming.write(await reader.read())
            assert client.read(65_536).endswith(b"late")

    run(loop, check())


def test_a_server_that_closes_lets_running_requests_end(loop: Any, tmp_path: Path) -> None:
    waiting: list[Reply] = []

    async def check() -> None:
        async with Secured(tmp_path, lambda request, reply: waiting.append(reply)) as secured:
            idle, (reader, writer) = await secured.connect(None), await secured.connect()
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await until(lambda: bool(waiting))
            closing = asyncio.create_task(secured.server.close(10))
            assert await idle[0].read() == b""
            waiting[0](Response(200, [], b"done"))
            assert (await reader.read()).endswith(b"done")
            await closing

    run(loop, check())


def test_a_client_that_vanishes_leaves_nothing_behind(loop: Any, tmp_path: Path) -> None:
    async def check() -> None:
        async with Secured(tmp_path, lambda request, reply: None) as secured:
            for data in (b"", b"\x16\x03", b"GET / HT"):
                with socket.create_connection(secured.server.address) as client:
                    client.sendall(data)
            _, writer = await secured.connect()
            writer.write(b"GET / HT")
            writer.transport.abort()
            await until(lambda: secured.server.connections == 0)

    run(loop, check())


class Parrot:
    """Says back what a WebSocket says."""

    def opened(self, socket: WebSocket) -> None:
        self.socket = socket

    def heard(self) -> None:
        pass

    def message(self, data: bytes, text: bool) -> None:
        self.socket.send(data, text)

    def closed(self, code: int, reason: str) -> None:
        pass


def test_a_websocket_goes_on_inside_tls(loop: Any, tmp_path: Path) -> None:
    async def check() -> None:
        limits = SocketLimits(FrameLimits(100_000, 100_000), unsent_bytes=1_000_000, close_s=5, stall_s=60)

        def handle(request: Request, reply: Reply) -> None:
            reply(switching(request, Parrot(), [], limits))

        async with Secured(tmp_path, handle) as secured:
            trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
            port = secured.server.address[1]
            async with connect(f"wss://localhost:{port}/", ssl=trusting, host="127.0.0.1") as client:
                for message in ("hello", b"x" * 90_000):
                    await client.send(message)
                    assert await client.recv() == message

    run(loop, check())


# --- clients that must show certificates


class Custom:
    """Custom domains: clients of `api.example.com` must show a certificate of `root`."""

    def __init__(self, root: Party) -> None:
        self.of = Trust("api.example.com", root.pem)

    def known(self, domain: str) -> bool:
        return domain == "api.example.com"

    def trust(self, domain: str) -> Trust | None:
        return self.of if self.known(domain) else None


def tell(request: Request, reply: Reply) -> None:
    assert request.client is not None
    shown = request.client.shown
    reply(Response(200, [("X-Domain", shown.domain if shown else "none")], shown.content if shown else b""))


def showing(folder: Path, party: Party | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.minimum_version = context.maximum_version = version
    if party is not None:
        context.load_cert_chain(party.save(folder))
    return context


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@VERSIONS
def test_a_domain_sees_the_certificate_that_its_client_has_proved_to_be_its_own(
    loop: Any, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    async def check() -> None:
        root = Party("root")
        client = root.client("c")
        async with Secured(tmp_path, tell) as secured:
            secured.issued.domains = Custom(root)
            for _ in range(2):  # a session is not resumed
                reader, writer = await secured.connect("api.example.com", showing(tmp_path, client, version))
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                head, body = await answer(reader)
                assert "X-Domain: api.example.com" in head and body == client.der

    run(loop, check())


@VERSIONS
@pytest.mark.parametrize("whose", ["nobody's", "another authority's", "self-signed", "expired"])
def test_a_client_without_a_certificate_that_counts_is_refused_in_the_handshake(
    loop: Any, tmp_path: Path, version: ssl.TLSVersion, whose: str
) -> None:
    async def check() -> None:
        root = Party("root")
        client = {
            "nobody's": None,
            "another authority's": Party("root").client("c"),
            "self-signed": Party("c", authority=False),
            "expired": root.client("c", days=(-5, -2)),
        }[whose]
        async with Secured(tmp_path, tell) as secured:
            secured.issued.domains = Custom(root)
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)) as refused:
                reader, writer = await secured.connect("api.example.com", showing(tmp_path, client, version))
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                await answer(reader)
            if isinstance(refused.value, ssl.SSLError):
                assert "alert" in str(refused.value).lower()
            await until(lambda: not secured.server.connections)

    run(loop, check())


def test_clients_of_other_names_are_asked_for_nothing(loop: Any, tmp_path: Path) -> None:
    async def check() -> None:
        root = Party("root")
        async with Secured(tmp_path, tell) as secured:
            secured.issued.domains = Custom(root)
            for party in (None, root.client("c"), Party("unknown", authority=False)):
                reader, writer = await secured.connect("localhost", showing(tmp_path, party))
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                assert "X-Domain: none" in (await answer(reader))[0]

    run(loop, check())


@VERSIONS
def test_a_hello_that_comes_byte_by_byte_is_the_same_hello(loop: Any, tmp_path: Path, version: ssl.TLSVersion) -> None:
    async def check() -> None:
        root = Party("root")
        async with Secured(tmp_path, tell) as secured:
            secured.issued.domains = Custom(root)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            context = showing(tmp_path, root.client("c"), version)
            client = context.wrap_bio(incoming, outgoing, server_hostname="api.example.com")
            reader, writer = await secured.connect(None)
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    for byte in outgoing.read():
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(0)
                    incoming.write(await reader.read(65536))
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            writer.write(outgoing.read())
            content = b""
            while b"\r\n\r\n" not in content:
                incoming.write(await reader.read(65536))
                try:
                    content += client.read(65536)
                except ssl.SSLWantReadError:
                    continue
            assert b"X-Domain: api.example.com" in content

    run(loop, check())
