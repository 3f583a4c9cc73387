"""One connection to somebody else's HTTP server: framing, and the body of an answer as it arrives.

Owns: one exchange at a time. Rules: bodies stream both ways, and whoever reads slowly slows the other side down; every
wait has a deadline; what comes back is hostile: heads have a limit, and what isn't HTTP is `Broken`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol, cast

import httptools

from samovar.web.calls import Answer, Broken, Call, Lines, Server, TimedOut, UpstreamError, written_head

LONGEST_HEAD = 65_536
_AHEAD = 256 * 1024
"""Bytes of an answer that may wait for whoever reads it."""
_KEPT_S = 55.0
"""How long a connection without a request is kept."""


class Pool(Protocol):
    """Keeps connections between requests."""

    def opened(self, connection: "Connection") -> None: ...
    def lost(self, connection: "Connection") -> None: ...
    def keep(self, connection: "Connection") -> bool:
        """Whether there is room for it."""
        ...


class Stale(Exception):
    """The connection ended before a byte of an answer."""


class Connection(asyncio.Protocol):
    def __init__(self, pool: Pool, server: Server) -> None:
        self.server = server
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._expiry: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._method = ""
        self._head: asyncio.Future[Answer] | None = None
        self._body: Arriving | None = None
        self._headers: Lines = []
        self._size = 0
        self._writable: asyncio.Future[None] | None = None
        self._idle_s = 0.0
        self._began = self._delimited = self._closed = False
        self.moved = 0.0
        """When a byte last came or went."""

    # --- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pool.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True
        self._pool.lost(self)
        self._stop_sending()
        if self._expiry is not None:
            self._expiry.cancel()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._head is not None and not self._head.done():
            self._head.set_exception(Broken("the server hung up in a head") if self._began else Stale())
            self._head.exception()  # it may be that nobody waits any more
        if self._body is not None:
            self._body.end(None if not self._delimited and error is None else Broken("the server hung up in a body"))

    def data_received(self, data: bytes) -> None:
        self.moved = self._loop.time()
        self._began = True
        if self._body is None:
            self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(Broken(f"not HTTP: {error}"))
            return
        if self._body is None and self._size > LONGEST_HEAD:
            self._fail(Broken("the head of the answer is too large"))

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        self.moved = self._loop.time()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- the parser's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._body is None:
            self._headers.append((name.decode("latin-1"), value.decode("latin-1").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._head is None or self._head.done():
            return
        if sum(len(name) + len(value) for name, value in self._headers) > LONGEST_HEAD:
            self._fail(Broken("the head of the answer is too large"))
            return
        names = {name.lower() for name, _ in self._headers}
        bodiless = self._method == "HEAD" or status in (204, 304)
        self._delimited = bodiless or "content-length" in names or "transfer-encoding" in names
        self._body = Arriving(self)
        self._head.set_result(Answer(status, self._headers, self._body))
        if self._method == "HEAD":
            self._complete(keep=False)  # the parser would wait for the body that the headers speak of

    def on_body(self, part: bytes) -> None:
        if self._body is not None:
            self._body.part(part)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            self._headers, self._size = [], 0  # the answer proper is still to come
            return
        self._complete(keep=self._parser.should_keep_alive())

    # --- one exchange

    async def exchange(self, call: Call) -> Answer:
        head = written_head(call)
        self._method, self._headers, self._size = call.method, [], 0
        self._began, self._body = False, None
        self._head = self._loop.create_future()
        self.moved = self._loop.time()
        self._idle_s = call.idle_s
        self._send(head, call)
        try:
            return await self.patiently(self._head)
        except BaseException:
            self.abort()
            raise

    async def patiently(self, what: "asyncio.Future[Answer] | asyncio.Future[None]") -> "Answer":
        """Wait as long as something moves."""
        while True:
            left = self.moved + self._idle_s - self._loop.time()
            done, _ = await asyncio.wait([what], timeout=max(0.0, left))
            if done:
                return cast(Answer, what.result())
            if self._loop.time() - self.moved >= self._idle_s:
                raise TimedOut(f"nothing moved for {self._idle_s:g} s")

    def _send(self, head: bytes, call: Call) -> None:
        if isinstance(call.body, bytes):
            self._write(head + call.body)
            return
        self._write(head)
        self._sending = self._loop.create_task(self._pump(call.body, call.length is None))
        self._sending.add_done_callback(self._sent)

    async def _pump(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        async for part in body:
            if self._closed:
                return
            if part:
                self._write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if self._writable is not None:
                await self._writable
        if chunked:
            self._write(b"0\r\n\r\n")

    def _sent(self, task: asyncio.Task[None]) -> None:
        """A body that can't be read to its end must not look as if it had ended."""
        if not task.cancelled() and task.exception() is not None:
            self._fail(Broken(f"the request's body broke off: {type(task.exception()).__name__}"))

    def _write(self, data: bytes) -> None:
        self.moved = self._loop.time()
        self._transport.write(data)

    def _complete(self, *, keep: bool) -> None:
        body, self._body, self._head = self._body, None, None
        sent = self._sending is None or self._sending.done()
        self._stop_sending()
        self._transport.resume_reading()
        if keep and sent and not self._transport.is_closing() and self._pool.keep(self):
            self._expiry = self._loop.call_later(_KEPT_S, self._transport.close)
        else:
            self._transport.close()
        if body is not None:
            body.end(None)

    def taken(self) -> bool:
        """Out of the pool again; False when it has ended meanwhile."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        return not self._closed and not self._transport.is_closing()

    def _fail(self, error: UpstreamError) -> None:
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)
        if self._body is not None:
            self._body.end(error)
        self.abort()

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def pause(self, paused: bool) -> None:
        if self._closed or self._transport.is_closing():
            return
        if paused:
            self._transport.pause_reading()
        else:
            self.moved = self._loop.time()
            self._transport.resume_reading()

    def abort(self) -> None:
        self._stop_sending()
        self._transport.abort()


class Arriving:
    """The `Body` of an answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection
        self._parts: deque[bytes] = deque()
        self._waiting = 0
        self._paused = False
        self._error: UpstreamError | None = None
        self._wake: asyncio.Future[None] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._parts:
            connection = self._connection
            if connection is None:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await connection.patiently(self._wake)
            except BaseException:
                self.close()
                raise
        part = self._parts.popleft()
        self._waiting -= len(part)
        self._steer()
        return part

    async def read(self, limit: int) -> bytes | None:
        """The whole of it; None when it is longer than `limit` bytes."""
        parts, size = [], 0
        async for part in self:
            parts.append(part)
            size += len(part)
            if size > limit:
                self.close()
                return None
        return b"".join(parts)

    def close(self) -> None:
        """Nobody reads on."""
        connection, self._connection = self._connection, None
        self._parts.clear()
        if connection is not None:
            connection.abort()

    # --- the connection's side

    def part(self, data: bytes) -> None:
        if self._connection is not None:
            self._parts.append(data)
            self._waiting += len(data)
            self._steer()
            self._notify()

    def end(self, error: UpstreamError | None) -> None:
        self._connection, self._error = None, error
        self._notify()

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _steer(self) -> None:
        crowded = self._waiting > _AHEAD
        if crowded is not self._paused and self._connection is not None:
            self._paused = crowded
            self._connection.pause(crowded)
