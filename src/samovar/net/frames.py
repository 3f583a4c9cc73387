"""WebSocket frames: bytes to messages, messages to bytes (RFC 6455 §5).

Owns: `FrameReader`, `written`, `close_frame`. Pure, server side only: what comes in must be masked, what goes out
isn't. Refuses, with the close code that says why: what breaks the protocol (1002), text that isn't UTF-8 (1007), frames
and messages over their limits (1009).

Rules: no extensions. Bytes are joined once, when what they belong to is whole, so that a client that sends one byte at
a time costs no more than one that doesn't. An idle reader holds next to nothing.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

import msgspec


class Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class Code:
    """Close codes (RFC 6455 §7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    """Never sent: the client gave no code."""
    ABNORMAL = 1006
    """Never sent: the connection broke off."""
    NOT_UTF8 = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012


class FrameLimits(msgspec.Struct, frozen=True):
    frame_bytes: int = 32 * 1024
    message_bytes: int = 128 * 1024


class Violation(Exception):
    """The connection can't go on: the code and the reason of the close frame that is due."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Frame(msgspec.Struct, frozen=True):
    """A whole message (TEXT, BINARY), or a control frame."""

    opcode: Opcode
    data: bytes


_FIN, _RESERVED, _MASKED, _CONTROL = 0x80, 0x70, 0x80, 8
_LONGEST_CONTROL = 125
_CLOSED_RANGES = (range(1000, 1004), range(1007, 1015), range(3000, 5000))
"""The codes that a peer may send."""


class FrameReader:
    """Fed with bytes, it yields what is whole. After a Violation it is of no use any more."""

    __slots__ = ("_chunks", "_fragments", "_have", "_limits", "_need", "_opcode", "_size")

    def __init__(self, limits: FrameLimits) -> None:
        self._limits = limits
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = 2
        """Bytes without which there is nothing to do."""
        self._opcode: Opcode | None = None
        """Of the message that is under way in fragments."""
        self._fragments: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """What `data` completes, in its order; Violation where it goes wrong. Read it to its end."""
        self._chunks.append(data)
        self._have += len(data)
        if self._have < self._need:
            return
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        at = 0
        while True:
            head, length = self._head(data, at)
            self._need = head + length
            if len(data) - at < self._need:
                break
            frame = self._frame(data[at], _unmasked(data, at + head - 4, length))
            if frame is not None:
                yield frame
            at += head + length
        rest = data[at:]
        self._chunks = [rest] if rest else []
        self._have = len(rest)

    def _head(self, data: bytes, at: int) -> tuple[int, int]:
        """(bytes of the head, bytes of the payload) of the frame at `at`, as far as is known yet."""
        if len(data) - at < 2:
            return 2, 0
        first, second = data[at], data[at + 1]
        opcode = first & 0x0F
        if first & _RESERVED or opcode not in _OPCODES:
            raise Violation(Code.PROTOCOL_ERROR, "reserved bits or opcode")
        if not second & _MASKED:
            raise Violation(Code.PROTOCOL_ERROR, "a client's frames must be masked")
        length = second & 0x7F
        if opcode >= _CONTROL:
            if length > _LONGEST_CONTROL or not first & _FIN:
                raise Violation(Code.PROTOCOL_ERROR, "control frames are short and whole")
            return 6, length
        self._check_order(opcode)
        if length < 126:
            head = 6
        elif length == 126:
            head = 8
            length = struct.unpack_from(">H", data, at + 2)[0] if len(data) - at >= 4 else 0
        else:
            head = 14
            length = struct.unpack_from(">Q", data, at + 2)[0] if len(data) - at >= 10 else 0
        if length > self._limits.frame_bytes or self._size + length > self._limits.message_bytes:
            raise Violation(Code.TOO_BIG, "Message too big")
        return head, length

    def _check_order(self, opcode: int) -> None:
        if (opcode == Opcode.CONTINUATION) is (self._opcode is None):
            raise Violation(Code.PROTOCOL_ERROR, "a fragment out of order")

    def _frame(self, first: int, payload: bytes) -> Frame | None:
        """What this frame completes."""
        opcode = Opcode(first & 0x0F)
        if opcode >= _CONTROL:
            return Frame(opcode, payload)
        if payload:
            self._fragments.append(payload)
            self._size += len(payload)
        if opcode is not Opcode.CONTINUATION:
            self._opcode = opcode
        if not first & _FIN:
            return None
        assert self._opcode is not None
        message = Frame(self._opcode, b"".join(self._fragments))
        self._opcode, self._fragments, self._size = None, [], 0
        if message.opcode is Opcode.TEXT and not is_utf8(message.data):
            raise Violation(Code.NOT_UTF8, "text must be UTF-8")
        return message


_OPCODES = frozenset(Opcode)


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unmasked(data: bytes, at: int, length: int) -> bytes:
    """The payload behind the mask at `at`. As one big number: 1 us for 100 bytes, 0.2 ms for 32 KB."""
    if not length:
        return b""
    mask = data[at : at + 4]
    payload = data[at + 4 : at + 4 + length]
    stretched = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(stretched, "little")).to_bytes(length, "little")


def written(opcode: Opcode, payload: bytes, longest: int = 1 << 62) -> bytes:
    """A message as frames of at most `longest` bytes each; a control frame."""
    if len(payload) <= longest:
        return _framed(opcode | _FIN, payload)
    starts = range(0, len(payload), longest)
    pieces = []
    for start in starts:
        first = opcode if start == 0 else Opcode.CONTINUATION
        last = start == starts[-1]
        pieces.append(_framed(first | _FIN if last else first, payload[start : start + longest]))
    return b"".join(pieces)


def _framed(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 1 << 16:
        return struct.pack(">BBH", first, 126, length) + payload
    return struct.pack(">BBQ", first, 127, length) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """With as much of the reason as a control frame holds; NO_STATUS gives an empty one."""
    if code == Code.NO_STATUS:
        return _framed(Opcode.CLOSE | _FIN, b"")
    text = reason.encode()[: _LONGEST_CONTROL - 2].decode(errors="ignore").encode()
    return _framed(Opcode.CLOSE | _FIN, code.to_bytes(2, "big") + text)


def close_reason(payload: bytes) -> tuple[int, str]:
    """(code, reason) of a client's close frame; Violation for what may not be in one."""
    if not payload:
        return Code.NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not any(code in allowed for allowed in _CLOSED_RANGES):
        raise Violation(Code.PROTOCOL_ERROR, "not a close code")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise Violation(Code.NOT_UTF8, "text must be UTF-8") from None
