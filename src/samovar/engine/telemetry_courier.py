"""How a batch of telemetry gets to an extension: HTTP or TCP, on the loopback of the environment's own network.

Owns: one connection each, kept for the next batch. Refuses: buffering and trying again, which are `telemetry`'s.

Rules: whoever listens there is hostile. An answer is read to its end, so that a listener's last write doesn't fail, and
no further than _MOST_ANSWER. A kept connection may have been closed while the environment was frozen: what can't be
sent on it is sent once more on a new one. Facts: facts/lambda-runtime.md §5 and AWS's runtime-interface-emulator.
"""

import asyncio
import base64
import hashlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import httptools

Dial = Callable[[], Awaitable[socket.socket]]
"""Gives a TCP socket of the environment's network, not connected."""

HOST: Final = "sandbox.localdomain"
_ADDRESS = "127.0.0.1"
_READ = 1 << 16
_MOST_ANSWER = 1 << 20


class Undelivered(Exception):
    """The batch was not taken; the text says why."""


class Courier(Protocol):
    async def deliver(self, batch: Sequence[bytes]) -> None:
        """Events as JSON, each on its own. Raises Undelivered, OSError or SandboxDied."""

    def hang_up(self) -> None:
        """Close the connection; the next batch opens one."""


class _Line:
    """A connection into the environment, opened when it is needed."""

    def __init__(self, dial: Dial, port: int) -> None:
        self._dial = dial
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def is_open(self) -> bool:
        return self._streams is not None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # the listener has gone since
        if self._streams is None:
            connection = await self._dial()
            try:
                connection.setblocking(False)
                await asyncio.get_running_loop().sock_connect(connection, (_ADDRESS, self._port))
                self._streams = await asyncio.open_connection(sock=connection)
            except BaseException:
                connection.close()
                raise
        return self._streams

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


class HttpCourier:
    def __init__(self, dial: Dial, method: str, port: int, path: str) -> None:
        self._line = _Line(dial, port)
        self._head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"

    async def deliver(self, batch: Sequence[bytes]) -> None:
        body = b"[" + b",".join(batch) + b"]"
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        head = f"{self._head}Sequence-Id: {digest}\r\nContent-Length: {len(body)}\r\n\r\n"
        message = head.encode() + body
        kept = self._line.is_open
        try:
            answer = await self._exchange(message)
        except (ConnectionError, _NoAnswer):
            self._line.close()
            if not kept:
                raise
            answer = await self._exchange(message)
        except BaseException:  # not in step with what the listener says any more
            self._line.close()
            raise
        if not answer.may_go_on:
            self._line.close()
        if answer.status >= 400:
            raise Undelivered(f"it answered {answer.status}")

    def hang_up(self) -> None:
        self._line.close()

    async def _exchange(self, message: bytes) -> "_Answer":
        reader, writer = await self._line.open()
        writer.write(message)
        await writer.drain()
        answer = _Answer()
        size = 0
        while not answer.complete:
            data = await reader.read(_READ)
            size += len(data)
            if size > _MOST_ANSWER:
                raise Undelivered("its answer is too long")
            answer.feed(data)
        return answer


class _NoAnswer(Undelivered):
    """The connection ended before an answer began."""


class _Answer:
    """A response on its way."""

    def __init__(self) -> None:
        self.complete = False
        self._parser = httptools.HttpResponseParser(self)
        self._begun = False

    @property
    def status(self) -> int:
        status: int = self._parser.get_status_code()
        return status

    @property
    def may_go_on(self) -> bool:
        return bool(self._parser.should_keep_alive())

    def feed(self, data: bytes) -> None:
        if not data:
            if not self._begun:
                raise _NoAnswer("it closed the connection without an answer")
            if not self.status:
                raise Undelivered("its answer broke off")
            self.complete = True  # an answer without a length ends like this
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise Undelivered(f"its answer is not HTTP: {error}") from error

    def on_message_complete(self) -> None:
        self.complete = True


class TcpCourier:
    """Newline-delimited JSON. Nobody acknowledges it, as on AWS."""

    def __init__(self, dial: Dial, port: int) -> None:
        self._line = _Line(dial, port)

    async def deliver(self, batch: Sequence[bytes]) -> None:
        try:
            _, writer = await self._line.open()
            writer.write(b"\n".join(batch) + b"\n")
            await writer.drain()
        except BaseException:
            self._line.close()
            raise

    def hang_up(self) -> None:
        self._line.close()
