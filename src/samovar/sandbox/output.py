"""What a process in a box writes to its output, as it comes.

Owns: the reading end of the pipe, until the last writer has gone or nobody wants it any more.
"""

import asyncio
import io
import os
from collections.abc import Callable

_MOST_AT_ONCE = 1 << 18


class Output:
    # One buffer for all: it is filled and handed over in one step.
    _shared = memoryview(bytearray(_MOST_AT_ONCE))

    def __init__(self, fd: int, at_once: int, said: Callable[[bytes], None]) -> None:
        """`at_once`: bytes that one reading takes at most. `said`: hears them."""
        self.at_once = at_once
        self._fd = fd
        # Where nothing has been written it says so without an exception, which a drain per invocation would pay for.
        self._pipe = io.FileIO(fd, closefd=False)
        self._room = self._shared[:at_once]
        self._said = said
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)

    def follow(self) -> None:
        """Hand over what comes, from now on."""
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._read)

    def pause(self, paused: bool) -> None:
        """Stop or go on following: while stopped, its writers wait when the pipe is full."""
        if not paused:
            self.follow()
        elif self._fd >= 0:
            self._loop.remove_reader(self._fd)

    def drain(self) -> None:
        """Hand over what has been written so far."""
        while self._read() == self.at_once:
            pass

    def rest(self) -> str:
        """What has been written so far and not been handed over; it is closed then."""
        if self._fd < 0:
            return ""
        try:
            return os.read(self._fd, 65536).decode(errors="replace").strip()
        except BlockingIOError:
            return ""
        finally:
            self.close()

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> int:
        if self._fd < 0:
            return 0
        count = self._pipe.readinto(self._room)
        if count:
            self._said(bytes(self._room[:count]))
        elif count is not None:
            self.close()
        return count or 0
