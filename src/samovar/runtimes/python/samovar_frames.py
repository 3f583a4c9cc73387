"""Whole frames over the socket to the platform; samovar_runtime describes them.

Owns: their sizes, and how few calls, and copies of large payloads, they take.
"""

from __future__ import annotations

import os
import socket  # noqa: F401 - in the types
import struct

import samovar_json

_HEADER = struct.Struct("<IB")
CONTENT = _HEADER.size
"""Where in a frame its content begins."""
_RESPONSE = ord("R")
_READ = 256 * 1024
_LARGE = 64 * 1024


class Frames:
    """Whole frames over a stream socket."""

    def __init__(self, channel):
        # type: (socket.socket) -> None
        self._channel = channel
        self._rest = b""

    def receive(self):
        # type: () -> tuple
        """(kind, frame): bytes or a view of them; content begins at CONTENT. Exits when the platform has gone."""
        if self._rest:
            data, self._rest = self._rest, b""
        else:
            data = self._channel.recv(_READ)
        while len(data) < _HEADER.size:
            data += self._more()
        length, kind = _HEADER.unpack_from(data)
        whole = length + 4
        if len(data) == whole:
            return kind, data
        if len(data) > whole:
            self._rest = data[whole:]
            return kind, data[:whole]
        buffer = bytearray(whole)
        buffer[: len(data)] = data
        view, have = memoryview(buffer), len(data)
        while have < whole:
            count = self._channel.recv_into(view[have:])
            if not count:
                os._exit(0)
            have += count
        return kind, view

    def _more(self):
        # type: () -> bytes
        data = self._channel.recv(_READ)
        if not data:
            os._exit(0)
        return data

    def send(self, kind, *parts):
        # type: (int, bytes) -> None
        content = b"".join(parts)
        self._channel.sendall(_HEADER.pack(1 + len(content), kind) + content)

    def respond(self, request_id, result):
        # type: (bytes, object) -> None
        """An answer of any size: bytes, or Pieces of them."""
        send, size = self._channel.sendall, len(result)  # type: ignore[arg-type]
        head = _HEADER.pack(37 + size, _RESPONSE) + request_id
        if type(result) is bytes and size < _LARGE:
            send(head + result)
            return
        send(head)
        for piece in result if isinstance(result, samovar_json.Pieces) else (result,):
            send(piece)  # type: ignore[arg-type]
