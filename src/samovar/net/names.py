"""Answers for names by DNS, as far as they are known here: all at 127.0.0.1 (RFC 1035, RFC 2308).

Owns: one question and its answer as bytes, and the sockets on which questions come. Refuses: every other name
(REFUSED), which has resolvers ask the next server of their list, and whatever isn't a plain question. Rules:
- An answer goes to whoever asked, once, and is hardly longer than the question; one that can't be sent at once is lost.
- Of a flood so many questions are answered at a time, and the kernel drops what its buffer can't hold.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

Known = Callable[[str], bool]
"""Whether a name, in lower case and without the dot at its end, is one that is answered for."""

_AT_ONCE = 16
_LONGEST = 512
"""Bytes of a question (RFC 1035 §2.3.4); a longer one is cut, and then not understood."""
_HEAD = struct.Struct("!6H")
_KIND = struct.Struct("!2H")
_RESPONSE, _OPCODES, _AUTHORITATIVE, _WANTED, _AVAILABLE = 0x8000, 0x7800, 0x0400, 0x0100, 0x0080
"""Bits of the second word; the last two are of recursion: some resolvers complain when it isn't available."""
_NO_ERROR, _MALFORMED, _NOT_IMPLEMENTED, _REFUSED = 0, 1, 4, 5
_A, _ANY, _IN = 1, 255, 1
_LONGEST_LABEL, _LONGEST_NAME = 63, 255
_TTL_S = 60
"""As of API Gateway's names."""
_ADDRESS = struct.pack("!3HIH", 0xC00C, _A, _IN, _TTL_S, 4) + bytes((127, 0, 0, 1))
"""The record, whose name is that of the question."""


def answer(question: bytes, known: Known) -> bytes | None:
    """What is said to a datagram; None for nothing, where it isn't a question at all."""
    if len(question) < _HEAD.size:
        return None
    id, flags, questions, *_ = _HEAD.unpack_from(question)
    if flags & _RESPONSE:
        return None
    wanted = flags & _WANTED
    if flags & _OPCODES:
        return _said(id, wanted | _NOT_IMPLEMENTED)
    name, end = _name(question)
    if questions != 1 or not end or len(question) < end + _KIND.size:
        return _said(id, wanted | _MALFORMED)
    kind, where = _KIND.unpack_from(question, end)
    asked = question[_HEAD.size : end + _KIND.size]
    if where != _IN or not known(name):
        return _said(id, wanted | _REFUSED, asked)
    record = _ADDRESS if kind in (_A, _ANY) else b""
    return _said(id, wanted | _AUTHORITATIVE | _NO_ERROR, asked, record)


def _said(id: int, flags: int, asked: bytes = b"", record: bytes = b"") -> bytes:
    return _HEAD.pack(id, _RESPONSE | _AVAILABLE | flags, bool(asked), bool(record), 0, 0) + asked + record


def _name(question: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends; 0 for one that can't be. Nothing is before it to point back to."""
    labels: list[str] = []
    at = _HEAD.size
    while at < len(question) and at - _HEAD.size < _LONGEST_NAME:
        length = question[at]
        at += 1
        if not length:
            return ".".join(labels), at
        if length > _LONGEST_LABEL:
            break
        labels.append(question[at : at + length].decode("latin-1").lower())
        at += length
    return "", 0


class Names:
    """Answers on any number of sockets."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._loop = asyncio.get_running_loop()
        self._listening: set[socket.socket] = set()

    def listen(self, listener: socket.socket, source: object) -> None:
        """Answer on a bound socket for datagrams, which stays the caller's to close."""
        listener.setblocking(False)
        self._listening.add(listener)
        self._loop.add_reader(listener.fileno(), self._read, listener)

    def unlisten(self, listener: socket.socket) -> None:
        if listener in self._listening:
            self._listening.discard(listener)
            self._loop.remove_reader(listener.fileno())

    def close(self) -> None:
        for listener in list(self._listening):
            self.unlisten(listener)

    def _read(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # nothing more to read, or no room for the answer
            for _ in range(_AT_ONCE):
                question, client = listener.recvfrom(_LONGEST)
                said = answer(question, self._known)
                if said is not None:
                    listener.sendto(said, client)
