"""Bytes to requests: one connection's incoming side.

Owns: parsing (httptools), the limits of heads and bodies, pipelined requests in their order.
Refuses: malformed requests (400), heads over the limit (431), bodies over what Admit allows (413, or Admit's answer).

Rules:
- Nothing is handled from inside the parser: complete requests, requests with an `incoming` body at the end of their
  heads, and at most one refusal as the last, queue in `waiting`. Only such a body is told of from inside.
- No clock: `age` is the number of seconds since the last progress and grows with the server's sweep.
- Protocol upgrades are ignored, as RFC 9110 §7.8 lets a server do (Java's client offers h2c with every request), but
  for one to a WebSocket: what follows that request is kept until its answer says what it is.
"""

from collections import deque
from enum import Enum
from typing import NoReturn

import httptools

from samovar.net.message import Admit, Incoming, Limits, Request, Response, Streamed
from samovar.net.websocket import asks_for_websocket

_PROGRESS = 16 * 1024
_NAMES = 64
_READ = 256 * 1024
"""The event loop's read size: how far what we have counted can lag behind what we were sent."""


class Phase(Enum):
    IDLE = "between requests"
    HEAD = "reading a head"
    BODY = "reading a body"
    UPGRADE = "keeping what follows a WebSocket's handshake"
    REFUSED = "dropping what a refused client still sends"


_UNPARSED = (Phase.UPGRADE, Phase.REFUSED)


class _Refused(Exception):
    """Stops the parser; the refusal itself is already queued."""


class _Names(dict[bytes, str]):
    """Of headers, in lower case: a client sends the same ones again and again."""

    def __missing__(self, name: bytes) -> str:
        if len(self) >= _NAMES:
            self.clear()
        found = self[name] = name.decode("latin-1").lower()
        return found


class Reader:
    """Fed with bytes, it fills `waiting`."""

    def __init__(self, admit: Admit, limits: Limits, source: object) -> None:
        self._admit = admit
        self._limits = limits
        self._source = source
        self._parser = httptools.HttpRequestParser(self)
        self.phase = Phase.IDLE
        self.age = 0.0
        self.waiting: deque[Request | Response] = deque()
        self.continue_due = False
        """The client waits for `100 Continue` before it sends the body."""
        self._target = b""
        self._lines: list[tuple[bytes, bytes]] = []
        """Of a head, then of its body's trailers."""
        self._names = _Names()
        self._request: Request | None = None
        """The one whose body is being read; of an upgrade also afterwards."""
        self._head_size = self._fed = 0
        """Bytes that came before for the head that is being read, and bytes that are being read."""
        self._chunks: list[bytes] = []
        self._body_size = 0
        self._room = 0
        self._progress = 0
        self._dry = 0  # bytes since the last byte of a body: chunk framing and trailers
        self._declining = False  # between an ignored upgrade and its body
        self._incoming: Incoming | None = None
        self.kept = b""
        """What came behind a WebSocket's handshake."""
        self.peer = ""
        """The client's address; the connection knows it."""
        self.tls: tuple[str, str] | None = None

    def feed(self, data: bytes) -> None:
        if self.phase in _UNPARSED:
            if self.phase is Phase.UPGRADE:
                self.kept += data
            return
        before = self._body_size
        self._fed = len(data)
        try:
            self._parse(data)
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _Refused):
                raise
        except httptools.HttpParserError as error:
            self.refuse(plain(400, f"malformed request: {error}"))
        if self.phase is not Phase.IDLE:
            self._note_progress(len(data), moved=self._body_size != before)

    def decline(self) -> None:
        """The handshake was answered in HTTP: so is what follows it."""
        if self.phase is Phase.UPGRADE:
            self.phase = Phase.IDLE
            data, self.kept = self.kept, b""
            if data:
                self.feed(data)

    def refuse(self, response: Response) -> None:
        """Queue a refusal as this connection's last answer and take in nothing more."""
        self.phase = Phase.REFUSED
        self.age = 0.0
        self._chunks = []
        self.continue_due = False
        self.waiting.append(response)
        self._end_incoming(None)

    def ended(self) -> None:
        """The client has closed its sending side."""
        self._end_incoming(None)

    def close(self) -> None:
        """Forget everything; breaks the reference cycle with the parser."""
        self.waiting.clear()
        self._chunks = []
        self.kept = b""
        self._end_incoming(None)
        self.phase = Phase.REFUSED
        del self._parser

    def _note_progress(self, size: int, *, moved: bool) -> None:
        """A request isn't complete. `moved`: whether something of its body came."""
        if self.phase is Phase.HEAD:
            # Complete heads are measured exactly when they end; this bounds one that never does.
            self._head_size += size
            if self._head_size > self._limits.head_bytes + _READ:
                self.refuse(_head_too_large())
            return
        if self.phase is not Phase.BODY:
            return
        self._progress += size
        if self._progress >= _PROGRESS:
            self._progress = 0
            self.age = 0.0
        self._dry = 0 if moved else self._dry + size
        if self._dry > self._limits.head_bytes:
            self.refuse(_head_too_large())  # trailers or chunk extensions without end

    # --- the parser: upgrades

    def _parse(self, data: bytes) -> None:
        """Feed the parser, which stops at an upgrade; a new one takes over there."""
        while True:
            try:
                return self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
            self._parser = httptools.HttpRequestParser(self)
            request = self._request
            assert request is not None
            if asks_for_websocket(request.method, request.headers) and not request.http10:
                self.phase, self.kept = Phase.UPGRADE, data
                return None
            if self._declining:
                # The body is still to come: a head made for the new parser tells it so, our callbacks ignore it.
                length = request.headers.get("content-length")
                framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
                self._parser.feed_data(f"POST / HTTP/1.1\r\n{framing}\r\n\r\n".encode("latin-1"))
                self._declining = False

    # --- the parser's callbacks

    def on_message_begin(self) -> None:
        if self._declining:
            return
        self.phase = Phase.HEAD
        self.age = 0.0
        self._target = b""
        self._head_size = 0

    def on_url(self, part: bytes) -> None:
        if not self._declining:
            self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name, value))

    def _read(self, lines: list[tuple[bytes, bytes]]) -> dict[str, str]:
        names = self._names
        read = {names[name]: value.decode("latin-1").rstrip(" \t") for name, value in lines}
        return read if len(read) == len(lines) else self._joined(lines)

    def _joined(self, lines: list[tuple[bytes, bytes]]) -> dict[str, str]:
        """Some name comes more than once."""
        read: dict[str, str] = {}
        for name, value in lines:
            key, text = self._names[name], value.decode("latin-1").rstrip(" \t")
            if key in read and key == "host":
                self._stop(plain(400, "malformed request: more than one Host"))
            if key in read:  # lines of cookies are one list of crumbs (RFC 6265 §4.2.1, RFC 9113 §8.2.3)
                text = f"{read[key]}{'; ' if key == 'cookie' else ','}{text}"
            read[key] = text
        return read

    def on_headers_complete(self) -> None:
        if self._declining:
            return
        parser, target = self._parser, self._target
        lines, self._lines = self._lines, []
        headers = self._read(lines)
        if self._head_size + self._fed > self._limits.head_bytes and self._measured(headers) > self._limits.head_bytes:
            self._stop(_head_too_large())
        method = parser.get_method().decode("latin-1")
        if method == "CONNECT":
            self._stop(plain(405, "this is not a proxy"))
        if not target.startswith(b"/"):
            target = _origin_form(target, headers, lines)
        path, _, query = target.decode("latin-1").partition("?")
        http10, stays = parser.get_http_version() == "1.0", parser.should_keep_alive()
        self._request = request = Request(
            method, path, query, headers, b"", self._source, lines, self.peer, self.tls, http10, stays
        )
        room = self._admit(method, path, headers)
        if not isinstance(room, int):
            if isinstance(room, Response):
                self._stop(room)
            if "upgrade" not in headers:
                self._begin_body(request)
                self._incoming = request.incoming = Incoming()
                self.waiting.append(request)
                return
            room = room.limit
        if "content-length" in headers and int(headers["content-length"]) > room:
            self._stop(_body_too_large(room))
        self._room = room
        self._begin_body(request)

    def _measured(self, headers: dict[str, str]) -> int:
        """Bytes of the head, which may have come with more behind it."""
        return len(self._target) + sum(map(len, headers)) + sum(map(len, headers.values())) + 4 * len(headers)

    def _begin_body(self, request: Request) -> None:
        self.phase = Phase.BODY
        self.age = 0.0
        self._body_size = self._progress = self._dry = 0
        if "expect" in request.headers:
            self.continue_due = request.headers["expect"].lower() == "100-continue" and not request.http10

    def _end_incoming(self, trailers: dict[str, str] | None) -> None:
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.end(trailers)

    def on_body(self, part: bytes) -> None:
        self._body_size += len(part)
        self.continue_due = False
        if self._incoming is not None:
            self._incoming.part(part)
            return
        self._chunks.append(part)
        if self._body_size > self._room:
            request = self._request
            assert request is not None
            reached = {**request.headers, "content-length": str(self._body_size)}
            verdict = self._admit(request.method, request.path, reached)
            verdict = verdict.limit if isinstance(verdict, Streamed) else verdict
            self._stop(_body_too_large(verdict) if isinstance(verdict, int) else verdict)

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        assert request is not None
        if self._incoming is None:
            if self._parser.should_upgrade():
                self._request = request
                if _has_body(request.headers):
                    self._declining = True
                    return
            request.body = b"".join(self._chunks)  # of one part: that itself
            self._chunks.clear()
            self.waiting.append(request)
        self.continue_due = False
        self.phase = Phase.IDLE
        self.age = 0.0
        trailers, self._lines = self._lines, []
        if self._incoming is not None:
            self._end_incoming(self._read(trailers))

    def _stop(self, response: Response) -> NoReturn:
        self.refuse(response)
        raise _Refused


def _has_body(headers: dict[str, str]) -> bool:
    return "transfer-encoding" in headers or int(headers.get("content-length", 0)) > 0


def _origin_form(target: bytes, headers: dict[str, str], lines: list[tuple[bytes, bytes]]) -> bytes:
    """The path and query of a request target: proxies' clients send the whole URL, whose host counts, whatever the
    header says (RFC 9112 §3.2.2)."""
    if not target.lower().startswith((b"http://", b"https://")):
        return target
    host, slash, path = target.partition(b"://")[2].partition(b"/")
    headers["host"] = host.decode("latin-1")
    lines[:] = [(b"Host", host), *(line for line in lines if line[0].lower() != b"host")]
    return slash + path or b"/"


def plain(status: int, text: str) -> Response:
    return Response(status, [("Content-Type", "text/plain; charset=utf-8")], text.encode() + b"\n")


def _head_too_large() -> Response:
    return plain(431, "request line and headers are too large")


def _body_too_large(limit: int) -> Response:
    return plain(413, f"the body must not exceed {limit} bytes")
