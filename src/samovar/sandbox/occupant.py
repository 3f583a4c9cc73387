"""The occupant of a box: the process that the box is for.

Owns: its channel and its output. Refuses: its end, which is the box's (`box`).
"""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

from samovar.sandbox.channel import Channel
from samovar.sandbox.entry import Entry, first_word
from samovar.sandbox.output import Output
from samovar.sandbox.port import SandboxDied
from samovar.sandbox.spec import Command

_OUTPUT_READ = 1 << 18
_UNREAD = 1 << 20


class Occupant:
    def __init__(self, number: int, said: Callable[[bytes], None]) -> None:
        """`said`: hears what it writes to its output."""
        self.number = number
        self.pid = 0
        """As the zygote sees it."""
        self.host_pid = 0
        self.pidfd = -1
        """A template's."""
        self.channel = Channel()
        read, self._write = os.pipe2(os.O_CLOEXEC)
        self.output = Output(read, _OUTPUT_READ, said)

    async def start(
        self, entry: Entry, command: Command | None, *, rehearse: bool, furnished: "asyncio.Future[Any] | None" = None
    ) -> None:
        """Returns when it waits for its work, or has ended already: its output is closed then. Raises SandboxDied.

        `furnished`: when it can go into its box, if that isn't there as a whole.
        """
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD)
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        try:
            given, waits = [theirs.fileno(), self._write], furnished is not None
            self.pid, made = await entry.fork(command, self.number, given, rehearse=rehearse, waits=waits)
            if made:
                self.pidfd = made[0]
            if furnished is not None:
                await furnished
                ours.send(b"F")
            theirs.close()  # now the end of the occupant is the end of the channel
            self.host_pid = await first_word(ours, command)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            if command is None or command.channel:
                await asyncio.get_running_loop().create_connection(lambda: self.channel, sock=ours)
            else:
                ours.close()
        except BaseException as error:
            reason = self.output.rest()
            self.forget()
            ours.close()
            if isinstance(error, TimeoutError | EOFError):
                raise SandboxDied(f"a box did not get ready: {reason or 'no reason given'}") from error
            raise
        finally:
            theirs.close()
            os.close(self._write)
        if self.output.closed:
            self.channel.close()

    def forget(self) -> None:
        """Nothing more is to be heard of it."""
        self.channel.mute()
        self.channel.close()
        self.output.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
