"""A body that is read while it arrives.

Owns: `BodyStream`, the reader's side of an `Incoming`. Rules: the client is paused while more than `_AHEAD` bytes wait
to be read; a body that ends early, or stands still for too long, raises `CutShort`, and a reader that stops reading
should `close`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping

from samovar.net.message import Incoming

_AHEAD = 1 << 20
PATIENCE_S = 30.0
"""How long a client may send nothing."""


class CutShort(Exception):
    """The client has gone, or was refused, in the middle of the body."""


class BodyStream:
    """Made before the request's handler returns; read once: `async for part in stream`."""

    def __init__(self, incoming: Incoming, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self.trailers: Mapping[str, str] = {}
        """Of a chunked body; there when it has ended."""
        self._incoming = incoming
        self._parts: deque[bytes] = deque()
        self._waiting = 0
        self._paused = False
        self._ended = self._whole = False
        self._wake: asyncio.Future[None] | None = None
        incoming.take(self._part, self._end)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._parts:
                part = self._parts.popleft()
                self._waiting -= len(part)
                self._steer()
                yield part
            if self._ended:
                break
            self._wake = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._wake
            except TimeoutError:
                raise CutShort from None
        if not self._whole:
            raise CutShort

    async def read(self, limit: int) -> bytes | None:
        """The whole of it; None when it is longer than `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        async for part in self:
            size += len(part)
            if size > limit:
                return None
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Take in what is left, for nobody."""
        self._parts.clear()
        self._incoming.drop()

    def _part(self, data: bytes) -> None:
        self._parts.append(data)
        self._waiting += len(data)
        self._steer()
        self._notify()

    def _end(self, trailers: Mapping[str, str] | None) -> None:
        self._ended, self._whole = True, trailers is not None
        self.trailers = trailers or {}
        self._notify()

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _steer(self) -> None:
        crowded = self._waiting > _AHEAD
        if crowded is not self._paused and not self._ended:
            self._paused = crowded
            self._incoming.pause(crowded)
