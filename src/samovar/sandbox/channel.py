"""The stream socket to an occupant, cut into frames: `u32 length | u8 kind | content`, little endian.

Rule: the far side is hostile. A frame longer than `LARGEST` ends the connection; nothing is parsed beyond the header.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import cast

from samovar.core.unread import is_reset, is_unread

LARGEST = 6_291_556 + 64
"""Bytes of a 6 MB answer and what goes with it (facts/lambda-runtime.md §1)."""
_HEAD = struct.Struct("<IB")
_HEADER = _HEAD.size
_READ = 64 * 1024
_CLOSED_WITHIN_S = 2.0

OnFrame = Callable[[int, memoryview], None]


class Channel(asyncio.BufferedProtocol):
    """Gives whole frames to `on_frame`; `write` sends bytes, and does nothing once the connection is lost."""

    # One read buffer for all: the loop asks for it and fills it in one step.
    _shared = memoryview(bytearray(_READ))

    def __init__(self) -> None:
        self.on_frame: OnFrame = lambda kind, content: None
        self.on_broken: Callable[[], None] = lambda: None
        """What follows is no frame; nothing more comes from here."""
        self.write: Callable[[bytes], None] = self._nowhere
        self._transport: asyncio.Transport | None = None
        self._partial = bytearray()
        self._large: memoryview | None = None
        self._filled = 0
        self._unread = False
        self._gone: asyncio.Future[None] | None = None
        """Somebody waits for the end of the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.write = self._transport.write

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def mute(self) -> None:
        """What still comes is dropped."""
        self.on_frame = lambda kind, content: None
        self.on_broken = lambda: None

    @property
    def unread(self) -> bool:
        """Whether the far end is closed, and had certainly not read all that was written."""
        return self._unread or (self._transport is not None and is_unread(self._transport))

    async def gone(self, within_s: float) -> None:
        """Wait for the far end's close, after which `unread` is true or false for good."""
        if self._transport is not None:
            self._gone = asyncio.get_running_loop().create_future()
            self.pause(False)
            await asyncio.wait([self._gone], timeout=within_s)

    async def told(self) -> None:
        """Wait until the loop has heard of all that the end of an occupant has closed: this, and in the next two turns
        its connections to the Runtime API."""
        await self.gone(_CLOSED_WITHIN_S)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def pause(self, paused: bool) -> None:
        """Stop or go on reading; what was read already still comes as frames."""
        if self._transport is None or self._transport.is_closing():
            return
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._large is not None:
            return self._large[self._filled :]
        return self._shared

    def buffer_updated(self, count: int) -> None:
        if self._large is not None:
            self._filled += count
            if self._filled == len(self._large):
                whole, self._large = self._large, None
                self.on_frame(whole[4], whole[_HEADER:])
            return
        data = self._shared[:count]
        if self._partial:
            self._partial += data
            data = memoryview(bytes(self._partial))
            self._partial.clear()
        self._cut(data)

    def _cut(self, data: memoryview) -> None:
        at, left = 0, len(data)
        while left >= _HEADER:
            length, kind = _HEAD.unpack_from(data, at)
            if length > LARGEST or length == 0:
                self.close()
                self.on_broken()
                return
            size = 4 + length
            if left < size:
                if size > _READ:
                    buffer = bytearray(size)
                    buffer[:left] = data[at:]
                    self._filled = left
                    self._large = memoryview(buffer)
                    return
                break
            self.on_frame(kind, data[at + _HEADER : at + size])
            at += size
            left -= size
        if left:
            self._partial += data[at:]

    def eof_received(self) -> None:
        self._unread = self._unread or (self._transport is not None and self._transport.get_write_buffer_size() > 0)
        self.write = self._nowhere

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._unread = self._unread or is_reset(error)
        self.write = self._nowhere
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def _nowhere(self, data: bytes) -> None:
        """Where bytes go that nobody can read any more."""
        self._unread = True
