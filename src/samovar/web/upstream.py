"""Requests to somebody else's HTTP server, on the way of a request to us: HTTP integrations, load balancers' targets.

Owns: `Upstream` and its pool of kept connections; framing; which headers are for one connection only. Refuses:
redirects, cookies, retries of what may not be done twice: they are the client's or the caller's.

Rules:
- Bodies stream both ways, and whoever reads slowly slows the other side down. Nothing is collected.
- Every wait has a deadline. What comes back is hostile: heads have a limit, and what isn't HTTP is `Broken`.
- A kept connection may have been closed by the server just now. A request that found it so, before a byte came back, is
  sent once more on a new one if its method may be repeated (RFC 9110 §9.2.2) and its body is at hand.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import cast

import httptools
import msgspec

Lines = list[tuple[str, str]]

LONGEST_HEAD = 65_536
_AHEAD = 256 * 1024
"""Bytes of an answer that may wait for whoever reads it."""
_KEPT_S = 55.0
"""How long a connection without a request is kept."""
_KEPT = 64
"""Of one server."""
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_FOR_ONE_CONNECTION = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip


Server = tuple[str, int, ssl.SSLContext | None, str]
"""What a kept connection is good for: (host, port, TLS, the name that the certificate must say)."""


class UpstreamError(Exception):
    """No answer; the message is the reason, for a log."""


class Unreachable(UpstreamError):
    """It couldn't be connected with."""


class TimedOut(UpstreamError):
    """Nothing came or went for too long."""


class Broken(UpstreamError):
    """It hung up before the end, or what it says isn't HTTP."""


class Call(msgspec.Struct, frozen=True):
    host: str
    """A name or an address."""
    port: int
    method: str
    target: str
    """Path and query, as they are to be sent."""
    headers: Lines
    """With `Host`; framing and `Connection` are added."""
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None
    """Of a body that streams, if it is known."""
    tls: ssl.SSLContext | None = None
    connect_s: float = 10.0
    idle_s: float = 60.0
    """How long nothing may come or go."""
    server_name: str = ""
    """What the certificate must say, where that isn't the host."""

    @property
    def server(self) -> "Server":
        return self.host, self.port, self.tls, self.server_name


class Answer:
    """What came back. `body` is read once, to its end, or closed."""

    def __init__(self, status: int, headers: Lines, body: "Body") -> None:
        self.status = status
        self.headers = headers
        """As sent: names in the server's case, duplicates apart."""
        self.body = body


def end_to_end(headers: Iterable[tuple[str, str]]) -> Lines:
    """The headers without those that were meant for the connection they came by (RFC 9110 §7.6.1)."""
    lines = list(headers)
    named = {part.strip().lower() for name, value in lines if name.lower() == "connection" for part in value.split(",")}
    return [(name, value) for name, value in lines if name.lower() not in _FOR_ONE_CONNECTION | named]


class Upstream:
    """Made inside an event loop; closed with `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kept: dict[Server, deque[_Connection]] = {}
        self._open: set[_Connection] = set()

    async def send(self, call: Call) -> Answer:
        """The head of the answer, whose body streams; UpstreamError when there is none."""
        connection = self._take(call)
        if connection is not None:
            try:
                return await connection.exchange(call)
            except _Stale:
                if call.method not in _REPEATABLE or not isinstance(call.body, bytes):
                    raise Broken("the server closed a kept connection") from None
        connection = await self._connect(call)
        try:
            return await connection.exchange(call)
        except _Stale:
            raise Broken("the server hung up without an answer") from None

    async def close(self) -> None:
        """Cut whatever is open."""
        for connection in list(self._open):
            connection.abort()
        self._kept.clear()

    def _take(self, call: Call) -> "_Connection | None":
        kept = self._kept.get(call.server)
        while kept:
            connection = kept.pop()
            if not kept:
                del self._kept[call.server]
            if connection.taken():
                return connection
        return None

    async def _connect(self, call: Call) -> "_Connection":
        def made() -> _Connection:
            return _Connection(self, call.server)

        try:
            async with asyncio.timeout(call.connect_s):
                name = (call.server_name or None) if call.tls is not None else None
                return (
                    await self._loop.create_connection(
                        made, call.host, call.port, ssl=call.tls, server_hostname=name
                    )
                )[1]
        except TimeoutError:
            raise Unreachable(f"no connection within {call.connect_s:g} s") from None
        except (OSError, ValueError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    def opened(self, connection: "_Connection") -> None:
        self._open.add(connection)

    def lost(self, connection: "_Connection") -> None:
        self._open.discard(connection)
        kept = self._kept.get(connection.server)
        if kept is not None and connection in kept:
            kept.remove(connection)
            if not kept:
                del self._kept[connection.server]

    def keep(self, connection: "_Connection") -> bool:
        kept = self._kept.setdefault(connection.server, deque())
        if len(kept) >= _KEPT:
            return False
        kept.append(connection)
        return True


class _Stale(Exception):
    """The connection ended before a byte of an answer."""


class _Connection(asyncio.Protocol):
    def __init__(self, upstream: Upstream, server: Server) -> None:
        self.server = server
        self._upstream = upstream
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._expiry: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._method = ""
        self._head: asyncio.Future[Answer] | None = None
        self._body: Body | None = None
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
        self._upstream.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True
        self._upstream.lost(self)
        self._stop_sending()
        if self._expiry is not None:
            self._expiry.cancel()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._head is not None and not self._head.done():
            self._head.set_exception(Broken("the server hung up in a head") if self._began else _Stale())
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
        self._body = Body(self)
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
        head = _head(call)
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
        if keep and sent and not self._transport.is_closing() and self._upstream.keep(self):
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


class Body:
    """The body of an answer, as it arrives: `async for part in body`. Closing it early hangs up."""

    def __init__(self, connection: _Connection) -> None:
        self._connection: _Connection | None = connection
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


def _head(call: Call) -> bytes:
    """Request line and headers; Broken where one of them would become two."""
    lines = [f"{call.method} {call.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in call.headers if name.lower() != "content-length"]
    body = call.body
    if not isinstance(body, bytes):
        lines.append("Transfer-Encoding: chunked" if call.length is None else f"Content-Length: {call.length}")
    elif body or call.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    if head.count("\n") >= len(lines) or head.count("\r") >= len(lines) or "\0" in head or call.target.count(" "):
        raise Broken("the request can't be written in HTTP")
    return (head + "\r\n\r\n").encode("latin-1", "replace")
