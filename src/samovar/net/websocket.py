"""One client's WebSocket, from its upgrade to its end (RFC 6455).

Owns: the handshake, the life of the socket after it, the closing handshake, bounds for clients that don't read.
Refuses: meaning (the `Listener`'s), and when an idle connection ends (whose owner has a clock).

Rules:
- The listener hears of the end exactly once, as soon as it is decided: after that nothing comes in or goes out.
- A client that doesn't read is read no more (its pings would be answered), is sent a bounded amount, and is cut off
  when it stalls.
- Whoever closes says so with a close frame, and waits a while for the other's.
"""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from samovar.net.frames import (
    Code,
    FrameLimits,
    FrameReader,
    Opcode,
    Violation,
    close_frame,
    close_reason,
    written,
)
from samovar.net.message import Request, Response

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION = "13"


class Listener(Protocol):
    """Whom a socket's events are for. Called from the event loop; must not raise."""

    def opened(self, socket: "WebSocket") -> None:
        """The handshake has been answered."""

    def heard(self) -> None:
        """Something came in, if only a ping."""

    def message(self, data: bytes, text: bool) -> None:
        """A whole message; `text` is valid UTF-8."""

    def closed(self, code: int, reason: str) -> None:
        """It is over, or has never begun: ABNORMAL when nobody said goodbye, NO_STATUS when no code was given."""


class SocketLimits(msgspec.Struct, frozen=True):
    frames: FrameLimits = FrameLimits()
    unsent_bytes: int = 512 * 1024
    """What may wait for a client that reads slowly; more is refused."""
    close_s: float = 5.0
    """How long a close frame is waited for."""
    stall_s: float = 60.0
    """A client that reads nothing of what it is sent."""


class Switching(Response, frozen=True):
    """The answer that makes a connection a WebSocket; made by `switching`."""

    listener: Listener | None = None
    limits: SocketLimits = SocketLimits()


def refusal(request: Request) -> Response | None:
    """What a request gets that can't become a WebSocket; None for a handshake as it should be (RFC 6455 §4.2.1)."""
    headers = request.headers
    if not asks_for_websocket(request.method, headers) or request.http10:
        return Response(426, [("Upgrade", "websocket"), ("Connection", "Upgrade")])
    if headers.get("sec-websocket-version") != VERSION:
        return Response(426, [("Sec-WebSocket-Version", VERSION)])
    try:
        key = base64.b64decode(headers.get("sec-websocket-key", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    return None if len(key) == 16 else Response(400)


def asks_for_websocket(method: str, headers: dict[str, str]) -> bool:
    """Whether a request wants the connection to become a WebSocket."""
    return (
        method == "GET"
        and headers.get("upgrade", "").lower() == "websocket"
        and "upgrade" in headers.get("connection", "").lower()
        and headers.get("content-length", "0") == "0"
        and "transfer-encoding" not in headers
    )


def switching(request: Request, listener: Listener, headers: list[tuple[str, str]], limits: SocketLimits) -> Switching:
    """The 101 for a request that `refusal` lets pass."""
    key = request.headers["sec-websocket-key"].encode("latin-1")
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept), *headers]
    return Switching(101, fields, b"", listener, limits)


class WebSocket(asyncio.Protocol):
    """Takes over the transport of an HTTP connection."""

    __slots__ = (
        "_age",
        "_closing",
        "_held",
        "_left",
        "_limits",
        "_listener",
        "_reader",
        "_reading",
        "_transport",
        "_writable",
        "source",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        source: object,
        listener: Listener,
        limits: SocketLimits,
        left: Callable[["WebSocket"], None],
    ) -> None:
        """`left` is told when the connection is gone."""
        self.source = source
        self._transport = transport
        self._listener = listener
        self._limits = limits
        self._left = left
        self._reader: FrameReader | None = FrameReader(limits.frames)
        self._closing = False
        """The end has been told; what is left is the closing handshake."""
        self._age = 0.0
        """Seconds of waiting for a close frame, or for a client that doesn't read."""
        self._writable = self._reading = True
        self._held = False

    # --- for the listener

    def send(self, data: bytes, text: bool) -> bool:
        """Send a message; False when too much waits already for a client that doesn't read, or when it is over."""
        if self._closing or self._transport.get_write_buffer_size() > self._limits.unsent_bytes:
            return False
        opcode = Opcode.TEXT if text else Opcode.BINARY
        self._transport.write(written(opcode, data, self._limits.frames.frame_bytes))
        return True

    def hold(self, held: bool) -> None:
        """Read no more for now, or go on; what was read already still comes."""
        self._held = held
        self._read_or_rest()

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye; the connection goes when the client has said it too, or hasn't for a while."""
        if not self._closing:
            self._transport.write(close_frame(code, reason))
            self._end(code, reason)
            self._read_or_rest()

    # --- called by the transport

    def begin(self, data: bytes) -> None:
        """Go on where HTTP ended, with what has come since."""
        self._listener.opened(self)
        if data:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            return  # nothing that comes after a violation can be understood
        if not self._closing:
            self._listener.heard()
        try:
            for frame in reader.feed(data):
                self._take(frame.opcode, frame.data)
        except Violation as broken:
            self._break(broken)

    def eof_received(self) -> bool:
        return False  # which closes the transport

    def connection_lost(self, error: Exception | None) -> None:
        self._end(Code.ABNORMAL, "")
        self._reader = None
        self._left(self)

    def pause_writing(self) -> None:
        self._writable = False
        self._age = 0.0
        self._read_or_rest()

    def resume_writing(self) -> None:
        self._writable = True
        self._age = 0.0
        self._read_or_rest()

    # --- called by the server

    def sweep(self, seconds: float) -> None:
        """Age by `seconds` and end what has taken too long."""
        if self._closing or not self._writable:
            self._age += seconds
            if self._age > (self._limits.close_s if self._closing else self._limits.stall_s):
                self._transport.abort()

    def drain(self) -> None:
        self.close(Code.SERVICE_RESTART, "Service restart")

    def abort(self) -> None:
        self._transport.abort()

    # --- pieces

    def _take(self, opcode: Opcode, data: bytes) -> None:
        if opcode is Opcode.CLOSE:
            code, reason = close_reason(data)
            if not self._closing:
                self._transport.write(close_frame(code))
                self._end(code, reason)
            self._transport.close()
        elif self._closing or self._transport.is_closing():
            return
        elif opcode is Opcode.PING:
            self._transport.write(written(Opcode.PONG, data))
        elif opcode is not Opcode.PONG:
            self._listener.message(data, opcode is Opcode.TEXT)

    def _break(self, broken: Violation) -> None:
        """Say what was wrong, then read and drop until the client hangs up: closing at once could reset what it is
        still to read."""
        self._reader = None
        if not self._closing:
            self._transport.write(close_frame(broken.code, broken.reason))
            self._end(broken.code, broken.reason)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _end(self, code: int, reason: str) -> None:
        if not self._closing:
            self._closing = True
            self._age = 0.0
            self._listener.closed(code, reason)

    def _read_or_rest(self) -> None:
        if self._transport.is_closing():
            return
        rests = not self._writable or (self._held and not self._closing)
        if self._reading and rests:
            self._reading = False
            self._transport.pause_reading()
        elif not self._reading and not rests:
            self._reading = True
            self._transport.resume_reading()
