"""How a process gets into a box: forked by the box's zygote, which is asked for it, and heard of by its first word.

Owns: those requests, and what they take along. Refuses: the process's life (`box`, `companion`).
"""

import asyncio
import socket
import struct
from typing import Any

import msgspec

from samovar.sandbox import cgroup, spec
from samovar.sandbox.helper import Helper
from samovar.sandbox.inside import link
from samovar.sandbox.needs import Zygote
from samovar.sandbox.port import NoDirectory, NoProgram, NotLaunched, SandboxDied
from samovar.sandbox.shell import Shell

_READY_WITHIN_S = 20.0
_MANY = 1 << 20
"""Processes."""
_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid."""


class Entry:
    """The way into one box."""

    def __init__(
        self, zygote: Zygote, shell: Shell | None, group: cgroup.Group | None, uid: int | None, offspring: Helper | None
    ) -> None:
        """`offspring`: the link by which the occupant, a template, will be asked for forks."""
        self._zygote = zygote
        self._shell = shell
        self._group = group
        self._uid = uid
        self._offspring = offspring

    async def fork(
        self,
        command: spec.Command | None,
        number: int,
        descriptors: list[int],
        *,
        rehearse: bool,
        watched: bool = False,
        waits: bool = False,
    ) -> tuple[int, list[int]]:
        """Have the zygote fork a process into the box; its pid as the zygote sees it, and its pidfd where it is
        `watched` or a template.

        descriptors: its channel and its output. rehearse: nobody waits for it, so it may go the way of an invocation
        first. waits: it goes into the box when a byte comes on its channel.
        """
        if self._zygote.below:
            return await self._join(command, number, descriptors), []
        own_network = self._shell is not None and self._shell.network
        request: dict[str, Any] = {"do": "occupy", "uid": self._uid, "network": own_network}
        request |= {"number": number, "command": msgspec.to_builtins(command), "rehearse": rehearse}
        request |= {"template": False, "watched": watched, "processes": None, "waits": waits}
        given = [*descriptors, self._shell.init if self._shell is not None else descriptors[0]]
        if self._offspring is not None and command is None:
            # Its forks have its user, and so one count of processes; their control groups hold each to its own limit.
            request |= {"template": True, "watched": True, "processes": _MANY if self._group else None}
            given.append(self._offspring.far_end.fileno())
        entrances, request["into"] = self._group.entrances() if self._group else ([], False)
        try:
            answer, made = await self._zygote.helper.ask(request, given + entrances)
        finally:
            link.close_all(entrances)
        return answer["pid"], made

    async def _join(self, command: spec.Command | None, number: int, descriptors: list[int]) -> int:
        """The same by a template, which is hostile."""
        if command is not None:
            raise SandboxDied("a template forks itself, not a program")
        entrances = self._group.files() if self._group else []
        # Ours from here on: the box may end while the template answers, and closes what it has.
        doors = self._shell.take_doors() if self._shell is not None else []
        request = {"do": "occupy", "number": number, "doors": len(doors)}
        try:
            answer, made = await self._zygote.helper.ask(request, [*descriptors, *doors, *entrances])
        finally:
            link.close_all([*entrances, *doors])
        link.close_all(made)
        pid = answer.get("pid")
        if not isinstance(pid, int):
            raise SandboxDied("the template answered nonsense")
        return pid


async def first_word(end: socket.socket, command: spec.Command | None) -> int:
    """Wait until the process at the channel's other end is what it should be; its pid on the host, 0 if not told.

    Raises EOFError, NotLaunched, NoProgram, NoDirectory.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[int] = loop.create_future()
    loop.add_reader(end.fileno(), _hear, loop, end, command, ready)
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            return await ready
    finally:
        loop.remove_reader(end.fileno())


def _hear(
    loop: asyncio.AbstractEventLoop, end: socket.socket, command: spec.Command | None, ready: "asyncio.Future[int]"
) -> None:
    """What the process says of its start (see `inside/zygote`); the kernel adds who said it: its pid, as seen here."""
    loop.remove_reader(end.fileno())
    if ready.done():
        return
    try:
        data, ancillary, _, _ = end.recvmsg(1024, socket.CMSG_SPACE(_CREDENTIALS.size))
    except OSError:
        data, ancillary = b"", []
    taken_over = not data and command is not None and not command.channel
    if data[:1] == b"W" or taken_over:
        ready.set_result(_CREDENTIALS.unpack(ancillary[0][2])[0] if ancillary else 0)
    elif data[:1] == b"X":
        ready.set_exception(NotLaunched(data[1:].decode(errors="replace")))
    elif data[:1] == b"M":
        ready.set_exception(NoProgram(data[1:].decode(errors="replace")))
    elif data[:1] == b"D":
        ready.set_exception(NoDirectory(data[1:].decode(errors="replace")))
    else:
        ready.set_exception(EOFError())
