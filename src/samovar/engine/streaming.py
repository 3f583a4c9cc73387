"""A response that comes while its function still runs.

Owns: `Sink`, where an invoker takes it; `Chunks`, the usual sink, between a function that writes and a client who
reads; `Course`, what an environment knows of a response under way.

Rules:
- Whatever a client does, the function runs to its end: what nobody reads is dropped (facts/lambda-runtime.md §3.1).
- Between the two waits a bounded amount. Beyond it nothing is read from the environment, and the function's writes
  wait.
- An invoker who gave no sink gets the whole at the end, if it is no larger than any other answer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from samovar.core.clock import Clock
from samovar.engine.model import Outcome, Result
from samovar.engine.report import RESPONSE_LIMIT, TOO_LARGE_PAYLOAD, stream_too_large
from samovar.net.message import BrokenOff

STREAM_LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed response (facts/lambda-limits.md §1)."""
AT_ONCE = 6 * 1024 * 1024
"""Bytes that go as fast as they can; what follows may be held to `PACE`."""
PACE = 2 * 1024 * 1024
"""Bytes a second."""
_MOST_WAITING = 512 * 1024
_ONE_STEP_S = 0.05

Hold = Callable[[bool], None]
"""Stop (True) or go on reading what the function writes."""


class Sink(Protocol):
    """Where an invoker takes a response as it comes. Never called for a function that doesn't stream: that one's
    response is in the Result, which for a streamed one holds no payload unless it failed."""

    def begin(self, content_type: str, hold: Hold) -> None: ...
    def write(self, chunk: bytes) -> None: ...


class Pace:
    """How fast a response may go: `AT_ONCE` freely, then `PACE`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent = 0
        self._since = 0.0

    @property
    def most(self) -> int:
        """Bytes to send in one step."""
        left = AT_ONCE - self._sent
        return left if left > 0 else int(PACE * _ONE_STEP_S)

    def wait_s(self, size: int) -> float:
        """Having sent `size` bytes, how long to wait before the next."""
        if self._sent < AT_ONCE:
            self._since = self._clock.monotonic()
        self._sent += size
        return max(0.0, self._since + max(0, self._sent - AT_ONCE) / PACE - self._clock.monotonic())


class Chunks:
    """A sink whose other side is an async iterator; it gives what has come since the last step, in one piece.

    `begun` is told the content type, as the first of all; `end` comes from whoever gets the Result.
    """

    def __init__(self, begun: Callable[[str], None], pace: Pace | None = None) -> None:
        self._begun = begun
        self._pace = pace
        self._hold: Hold = _nothing_to_hold
        self._held = False
        self._waiting: list[bytes] = []
        self._size = 0
        self._ended = False
        self._broken = ""
        self._dropped = False
        self._reader: asyncio.Future[None] | None = None

    # --- the environment's side

    def begin(self, content_type: str, hold: Hold) -> None:
        self._hold = hold
        self._begun(content_type)

    def write(self, chunk: bytes) -> None:
        if self._dropped or not chunk:
            return
        self._waiting.append(chunk)
        self._size += len(chunk)
        if self._size > _MOST_WAITING and not self._held:
            self._held = True
            self._hold(True)
        self._wake()

    def end(self, broken: str = "") -> None:
        """No more comes. `broken`: why the response is incomplete, which its reader gets as BrokenOff."""
        self._ended = True
        self._broken = broken
        self._wake()

    # --- the client's side

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._waiting:
            if self._broken:
                raise BrokenOff(self._broken)
            if self._ended or self._dropped:
                raise StopAsyncIteration
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        piece = b"".join(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        self._waiting.clear()
        if self._pace is not None:
            most = self._pace.most
            if len(piece) > most:
                self._waiting.append(piece[most:])
                piece = piece[:most]
            wait_s = self._pace.wait_s(len(piece))
            if wait_s:
                await asyncio.sleep(wait_s)
        self._size -= len(piece)
        self._let_go()
        return piece

    def close(self) -> None:
        """Nobody reads any more."""
        self._dropped = True
        self._waiting.clear()
        self._size = 0
        self._wake()
        self._let_go()

    def _let_go(self) -> None:
        if self._held and self._size <= _MOST_WAITING:
            self._held = False
            self._hold(False)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class Course:
    """One response under way: where it goes, how much it was, whether the function is held back."""

    def __init__(self, sink: Sink | None, content_type: str, hold: Hold) -> None:
        self.size = 0
        self._sink = sink
        self._limit = RESPONSE_LIMIT if sink is None else STREAM_LIMIT
        self._whole = bytearray()  # not a list: a function may write it byte by byte
        self._hold = hold
        self._held = False
        if sink is not None:
            sink.begin(content_type, self._on_hold)

    def write(self, chunk: bytes) -> None:
        """More of it; what is too much is counted, not kept."""
        self.size += len(chunk)
        if self.size > self._limit:
            self._whole.clear()
        elif self._sink is not None:
            self._sink.write(chunk)
        else:
            self._whole += chunk

    @property
    def too_large(self) -> bytes:
        """The failure that this is; empty when it is none."""
        if self.size <= self._limit:
            return b""
        return TOO_LARGE_PAYLOAD if self._sink is None else stream_too_large(STREAM_LIMIT)

    def result(self) -> bytes:
        """What the Result of a finished response holds."""
        return bytes(self._whole)

    def close(self) -> None:
        """The invocation has ended: what is still to be read of it holds back nobody."""
        self._on_hold(False)
        self._hold = _nothing_to_hold

    def _on_hold(self, held: bool) -> None:
        if held is not self._held:
            self._held = held
            self._hold(held)


def broken(result: Result) -> str:
    """Why a streamed response that ended with this Result is incomplete; empty when it isn't."""
    return result.error_type or "failed" if result.outcome is Outcome.FUNCTION_ERROR else ""


def _nothing_to_hold(held: bool) -> None:
    """Holds back nobody."""
