"""Companions: further processes of a box beside the occupant, each with an output of its own.

Owns: their outputs and the news of their ends. Refuses: ending them, which is the box's (`box`): they go with it.
"""

import os
import signal
import socket
from pathlib import Path
from typing import Protocol

from samovar.sandbox.entry import Entry, first_word
from samovar.sandbox.inside import link
from samovar.sandbox.needs import Zygote
from samovar.sandbox.output import Output
from samovar.sandbox.port import Exit, SandboxDied
from samovar.sandbox.processes import pid_of
from samovar.sandbox.spec import Command

_OUTPUT_READ = 1 << 16


class Host(Protocol):
    """The box, as its companions see it."""

    def companion_said(self, number: int, data: bytes) -> None: ...
    def companion_left(self, number: int, how: Exit) -> None: ...


class Companions:
    """Those of one box."""

    def __init__(self, host: Host, zygote: Zygote) -> None:
        self.started: list[int] = []
        """The pids of all that there were, as the zygote sees them."""
        self._host = host
        self._zygote = zygote
        self.living: dict[int, _Companion] = {}
        """By number."""

    async def start(self, entry: Entry, command: Command, number: int, *, rehearse: bool) -> None:
        """Raises SandboxDied, and NotLaunched when there is no such program."""
        read, write = os.pipe2(os.O_CLOEXEC)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        companion = _Companion(self, number, read)
        self.living[number] = self._zygote.occupants[number] = companion
        try:
            given = [theirs.fileno(), write]
            pid, made = await entry.fork(command, number, given, rehearse=rehearse, watched=True)
            companion.host_pid = pid_of(made[0])
            link.close_all(made)
            self.started.append(pid)
            theirs.close()
            await first_word(ours, command)
        except BaseException as error:
            self._zygote.occupants.pop(number, None)
            self.living.pop(number, None)
            companion.output.close()
            if isinstance(error, OSError | EOFError):  # TimeoutError is an OSError
                raise SandboxDied(f"a companion did not start: {error or 'no reason given'}") from error
            raise
        finally:
            ours.close()
            theirs.close()
            os.close(write)

    @property
    def sound(self) -> bool:
        return all(companion.lives for companion in self.living.values())

    def outputs(self) -> list[Output]:
        return [companion.output for companion in self.living.values()]

    def forget(self) -> None:
        """Nothing more is to be heard of them."""
        for number, companion in self.living.items():
            self._zygote.occupants.pop(number, None)
            companion.output.close()
        self.living.clear()

    def said(self, number: int, data: bytes) -> None:
        self._host.companion_said(number, data)

    def left(self, number: int, how: Exit) -> None:
        if self.living.pop(number, None) is not None:
            self._host.companion_left(number, how)


class _Companion:
    def __init__(self, companions: Companions, number: int, output: int) -> None:
        """`output`: the reading end of its pipe, which is the companion's from now on."""
        self.host_pid = 0
        self.output = Output(output, _OUTPUT_READ, self._said)
        self._number = number
        self._companions = companions
        self.output.follow()

    def died(self, how: Exit) -> None:
        self.output.drain()
        self.output.close()
        self._companions.left(self._number, how)

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

    def _said(self, data: bytes) -> None:
        self._companions.said(self._number, data)
