"""One client's connection: requests out to the handler, answers back in the order of the requests.

Owns: the order of answers, framing, streaming with back-pressure, time limits, the end of a connection.

Rules:
- One request of a connection runs at a time; what a client pipelines behind it waits, and reading pauses meanwhile.
- Nothing more is started while a client doesn't read what it was sent.
- The body of an answer is read to its end or closed.
- A refused client's remaining bytes are read and dropped for a while: closing at once would reset the connection, and
  a client that is still sending would never see the refusal (RFC 9112 §9.6).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Protocol, cast

from samovar.core.unread import is_reset, is_unread
from samovar.net.frames import Code
from samovar.net.head import HeadWriter
from samovar.net.message import Admit, BrokenOff, Closable, Handler, Incoming, Limits, Request, Response, Shown
from samovar.net.reader import Phase, Reader, plain
from samovar.net.websocket import Switching, WebSocket

_log = logging.getLogger(__name__)

_ONE_WRITE = 64 * 1024
"""Up to here head and body are joined into one write; beyond, the copy costs more than a second system call."""


class Member(Protocol):
    """A client, in whatever protocol."""

    @property
    def source(self) -> object: ...
    def sweep(self, seconds: float) -> None: ...
    def drain(self) -> None: ...
    def abort(self) -> None: ...


class Site:
    """What all connections of one server share."""

    def __init__(self, handler: Handler, admit: Admit, limits: Limits, heads: HeadWriter) -> None:
        self.handler = handler
        self.admit = admit
        self.limits = limits
        self.heads = heads
        self.connections: set[Member] = set()
        self.draining = False
        self.emptied: asyncio.Future[None] | None = None

    def left(self, member: Member) -> None:
        """A client has gone."""
        self.connections.discard(member)
        if not self.connections and self.emptied is not None and not self.emptied.done():
            self.emptied.set_result(None)


class Connection(asyncio.Protocol):
    def __init__(self, site: Site, source: object) -> None:
        self.source = source
        self.shown: Shown | None = None
        """See `message.Client`."""
        self._site = site
        self._reader = Reader(site.admit, site.limits, source)
        self._transport: asyncio.Transport
        self._awaiting: Request | None = None
        """The request whose Reply is still out."""
        self._stream: asyncio.Task[None] | None = None
        self._running = False
        self._reading = True
        self._held = False
        """Whoever takes an incoming body wants no more of it for now."""
        self._writable = True
        self._resumed: asyncio.Future[None] | None = None
        self._eof = False
        self._open = False
        self._unread = False

    @property
    def unread(self) -> bool:
        """See `message.Client`."""
        return self._unread or (self._open and is_unread(self._transport))

    # --- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open = True
        self._site.connections.add(self)
        peer = transport.get_extra_info("peername")
        self._reader.peer = peer[0] if isinstance(peer, tuple) else ""
        secured = transport.get_extra_info("ssl_object")
        if secured is not None:
            self._reader.tls = (secured.version() or "", (secured.cipher() or ("",))[0])
            self.shown = transport.get_extra_info("shown")
        if self._site.draining:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._unread = self.unread or is_reset(error)
        self._open = False
        self._awaiting = None
        self._reader.close()
        if self._stream is not None:
            self._stream.cancel()
        self._site.left(self)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if not self._transport.is_closing():
            reader.feed(data)
            if reader.waiting or reader.continue_due or reader.kept:
                self._run()

    def eof_received(self) -> bool:
        """Stay open for the answers still owed to a client that has closed its sending side only.

        Who wanted a WebSocket and can't send any more has gone.
        """
        self._eof = True
        self._reader.ended()
        return self._busy and self._reader.phase is not Phase.UPGRADE

    def pause_writing(self) -> None:
        self._writable = False
        self._reader.age = 0.0

    def resume_writing(self) -> None:
        self._writable = True
        self._reader.age = 0.0
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._run()

    # --- called by the server

    def sweep(self, seconds: float) -> None:
        """Age by `seconds` and end what has taken too long."""
        reader = self._reader
        limits = self._site.limits
        reader.age += seconds
        if not self._writable or self._transport.is_closing():
            if reader.age > limits.stall_s:
                self._transport.abort()
        elif self._busy:
            return
        elif reader.phase is Phase.IDLE:
            if reader.age > limits.idle_s:
                self._transport.close()
        elif reader.phase is Phase.REFUSED:
            if reader.age > limits.linger_s:
                self._transport.abort()
        elif reader.age > (limits.head_s if reader.phase is Phase.HEAD else limits.body_s):
            reader.refuse(plain(408, "the request took too long to arrive"))
            self._run()

    def drain(self) -> None:
        """Close now if nothing is under way, else after the running request."""
        if not self._busy and self._reader.phase in (Phase.IDLE, Phase.REFUSED):
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    # --- running and answering

    @property
    def _busy(self) -> bool:
        return self._awaiting is not None or self._stream is not None or bool(self._reader.waiting)

    def _run(self) -> None:
        """Start what waits, as far as the order of answers and the client's reading allow."""
        if self._running:
            return  # called back from a handler that answers at once: the loop below goes on
        self._running = True
        transport, reader = self._transport, self._reader
        waiting = reader.waiting
        while waiting and self._awaiting is None and self._stream is None and self._writable:
            if transport.is_closing():
                waiting.clear()
                break
            item = waiting.popleft()
            if isinstance(item, Response):
                self._send_refusal(item)
            else:
                self._awaiting = item
                item.client = self
                if item.incoming is not None:
                    item.incoming.pause = self._hold
                self._site.handler(item, partial(self._reply, item))
        self._running = False
        if reader.continue_due and self._stream is None and self._takes_a_body:
            reader.continue_due = False
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if waiting or self._held or reader.kept or not self._reading:
            self._read_or_rest()

    @property
    def _takes_a_body(self) -> bool:
        return self._awaiting is None or self._awaiting.incoming is not None

    def _hold(self, held: bool) -> None:
        self._held = held
        self._read_or_rest()

    def _read_or_rest(self) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        rests = self._held or bool(self._reader.waiting) or bool(self._reader.kept)
        if self._reading and rests:
            self._reading = False
            transport.pause_reading()
        elif not self._reading and not rests:
            self._reading = True
            transport.resume_reading()

    def _reply(self, request: Request, response: Response) -> None:
        body = response.body
        if self._awaiting is not request:
            self._unread = True
            if isinstance(body, Closable):
                body.close()
            if isinstance(response, Switching) and response.listener is not None:
                response.listener.closed(Code.ABNORMAL, "")
            return
        if isinstance(response, Switching):
            self._switch(response)
            return
        if request.incoming is not None:
            self._reader.continue_due = False
            if isinstance(body, bytes):
                request.incoming.drop()  # of a stream's request the rest may still be wanted, until the stream ends
        close = self._closes_after(request.keep_alive)
        if not isinstance(body, bytes):
            self._start_stream(request, response, body, close)
            return
        bodiless = response.status in (204, 304) or request.method == "HEAD"
        framing = _connection(request, close) if close or request.http10 else ""
        if not bodiless or (request.method == "HEAD" and not _gives_length(response)):
            framing += f"Content-Length: {len(body)}\r\n"
        head = self._site.heads.render(response.status, response.headers, framing)
        self._awaiting = None
        if bodiless:
            self._transport.write(head)
        elif len(body) < _ONE_WRITE:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        self._finish(close)

    def _switch(self, response: Switching) -> None:
        """Hand the connection over to a WebSocket, and have nothing more to do with it."""
        transport, site, listener = self._transport, self._site, response.listener
        assert self._reader.phase is Phase.UPGRADE and listener is not None, "101 is for a WebSocket's handshake"
        transport.write(site.heads.render(101, response.headers, ""))
        socket = WebSocket(transport, self.source, listener, response.limits, site.left)
        site.connections.add(socket)
        site.connections.discard(self)
        kept = self._reader.kept
        self._awaiting = None
        self._reader.close()
        transport.set_protocol(socket)
        if not self._reading:
            self._reading = True
            transport.resume_reading()
        socket.begin(kept)
        if site.draining:
            socket.drain()

    def _closes_after(self, keep_alive: bool) -> bool:
        return not keep_alive or self._site.draining or (self._eof and not self._reader.waiting)

    def _finish(self, close: bool) -> None:
        reader = self._reader
        reader.age = 0.0
        if reader.phase is Phase.UPGRADE and not reader.waiting:
            reader.decline()
        if close:
            self._transport.close()
        elif reader.waiting or reader.continue_due or not self._reading:
            self._run()

    def _send_refusal(self, response: Response) -> None:
        body = cast(bytes, response.body)
        framing = f"Connection: close\r\nContent-Length: {len(body)}\r\n"
        self._transport.write(self._site.heads.render(response.status, response.headers, framing) + body)
        self._reader.age = 0.0
        if self._eof or self._site.draining:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write_eof()

    # --- streaming

    def _start_stream(self, request: Request, response: Response, body: AsyncIterator[bytes], close: bool) -> None:
        sized = _gives_length(response)
        chunked = not sized and not request.http10
        close = close or (not sized and request.http10)
        framing = _connection(request, close) + ("Transfer-Encoding: chunked\r\n" if chunked else "")
        self._transport.write(self._site.heads.render(response.status, response.headers, framing))
        self._awaiting = None
        if request.method == "HEAD" or response.status in (204, 304):
            if isinstance(body, Closable):
                body.close()
            if request.incoming is not None:
                request.incoming.drop()
            self._finish(close)
            return
        self._stream = asyncio.get_running_loop().create_task(self._pump(body, chunked))
        self._stream.add_done_callback(partial(self._stream_done, body, close, request.incoming))

    async def _pump(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        write = self._transport.write
        try:
            async for part in body:
                if part:
                    write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                if not self._writable:
                    self._resumed = asyncio.get_running_loop().create_future()
                    await self._resumed
            if chunked:
                write(b"0\r\n\r\n")
        finally:
            if isinstance(body, AsyncGenerator):
                await body.aclose()

    def _stream_done(
        self, body: AsyncIterator[bytes], close: bool, incoming: Incoming | None, task: asyncio.Task[None]
    ) -> None:
        self._stream = None
        if isinstance(body, Closable):  # here, as a task that is cancelled before it begins runs none of its code
            body.close()
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            told = None if isinstance(error, BrokenOff) else error
            _log.log(logging.INFO if told is None else logging.ERROR, "a streamed response broke off", exc_info=told)
            self._transport.abort()  # the client must not take what it has for the whole
            return
        if incoming is not None:
            incoming.drop()
        self._finish(close or self._closes_after(True))


def _connection(request: Request, close: bool) -> str:
    if close:
        return "Connection: close\r\n"
    return "Connection: keep-alive\r\n" if request.http10 else ""


def _gives_length(response: Response) -> bool:
    return any(name.lower() == "content-length" for name, _ in response.headers)
