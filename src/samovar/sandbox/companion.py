"""A companion: a further process of a box, beside the occupant, with an output of its own.

Owns: its output and the news of its end. Refuses: ending it, which is the box's (`box`): it goes with the others.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Protocol

from samovar.sandbox.port import Exit

_OUTPUT_READ = 1 << 16


class Host(Protocol):
    """The box, as its companions see it."""

    def companion_said(self, companion: "Companion", data: bytes) -> None: ...
    def companion_left(self, companion: "Companion", how: Exit) -> None: ...


class Companion:
    def __init__(self, host: Host, number: int, output: int) -> None:
        """`output`: the reading end of its pipe, which is the companion's from now on."""
        self.number = number
        self.pid = 0
        self.host_pid = 0
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._output = output
        os.set_blocking(output, False)
        self._loop.add_reader(output, self._read)

    def died(self, how: Exit) -> None:
        self.drain()
        self.forget()
        self._host.companion_left(self, how)

    @property
    def lives(self) -> bool:
        """Not if it was killed, also when it is frozen and so can't die yet."""
        try:
            status = Path(f"/proc/{self.host_pid}/status").read_text()
        except OSError:
            return False
        told = dict(line.split(":", 1) for line in status.splitlines())
        pending = int(told["SigPnd"], 16) | int(told["ShdPnd"], 16)
        return not pending & 1 << (signal.SIGKILL - 1) and told["State"].split()[0] not in ("Z", "X")

    def drain(self) -> None:
        """Hand over what it has written so far."""
        while self._read() == _OUTPUT_READ:
            pass

    def pause(self, paused: bool) -> None:
        if self._output >= 0:
            if paused:
                self._loop.remove_reader(self._output)
            else:
                self._loop.add_reader(self._output, self._read)

    def forget(self) -> None:
        if self._output >= 0:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def _read(self) -> int:
        if self._output < 0:
            return 0
        try:
            data = os.read(self._output, _OUTPUT_READ)
        except BlockingIOError:
            return 0
        if data:
            self._host.companion_said(self, data)
        else:
            self.forget()
        return len(data)
