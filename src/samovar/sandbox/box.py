"""One box made of Linux namespaces. See `port.Box` for what each method promises, `boxes` for who makes it.

A box = a shell (namespaces, /tmp; made by the keeper) + control groups + an occupant (forked by a zygote, locked,
waiting).
"""

import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from samovar.core import ids
from samovar.sandbox import cgroup, spec
from samovar.sandbox.channel import Channel
from samovar.sandbox.companion import Companion
from samovar.sandbox.helper import Helper
from samovar.sandbox.inside import link
from samovar.sandbox.network import Router
from samovar.sandbox.port import Exit, NotLaunched, SandboxDied, Tenant
from samovar.sandbox.spec import BoxLimits

_READY_WITHIN_S = 20.0
_OUTPUT_READ = 1 << 18
_TMP_MB = 512
_MANY = 1 << 20
"""Processes."""
_EMPTY_WITHIN_S = 5.0
_CLOSED_WITHIN_S = 2.0
_EMPTY_LOOK_S = 0.001
_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid."""
_PORTS = (spec.ENDPOINT_PORT, spec.CONTROL_PORT)


class Mortal(Protocol):
    """What a zygote's child is the process of: a box, or a companion in one."""

    def died(self, how: Exit) -> None: ...


class Zygote(Protocol):
    """The interpreter that a box's occupants come from."""

    helper: Helper
    joins: bool
    """Whether it is a template, whose forks enter their boxes by doors."""
    base_mb: int
    """Memory that its children share with it."""
    command: spec.Command | None
    """What its boxes run, where that isn't a module of its own."""
    starts_early: bool
    """Whether an occupant is there before the box is taken."""
    occupants: dict[int, Mortal]

    def there(self) -> bool:
        """Whether it lives, and whatever it depends on."""
        ...

    @property
    def root(self) -> list[int]:
        """The process that a box's mounts are copied from; for a template's also what the keeper calls its origin."""
        ...


class Listeners(Protocol):
    """Who accepts on the sockets that listen inside boxes."""

    def opened(self, box: "LinuxBox", listener: socket.socket, port: int) -> None: ...
    def closed(self, listener: socket.socket) -> None: ...


class Maker(Protocol):
    """What a box needs of those who made it."""

    groups: cgroup.Groups | None
    host_network: bool
    keeper: Helper
    listeners: "Listeners"

    @property
    def isolated(self) -> bool: ...
    def next_number(self) -> int: ...
    async def way(self) -> Router | None: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...
    def retire(self, box: "LinuxBox") -> None: ...


class LinuxBox:
    """A box; see `port.Box` for what each method promises."""

    def __init__(
        self, boxes: Maker, zygote: Zygote, uid: int | None, awaited: bool, offspring: Helper | None = None
    ) -> None:
        """`awaited`: somebody waits for it, so that whatever can be done later is left for later. `offspring`: the link
        by which the occupant, a template, will be asked for forks."""
        self.awaited = awaited
        self.occupant = -1
        """A template's pidfd."""
        self.zygote = zygote
        self.id = ids.hex_id(16)
        self.uid = uid
        self.dead = False
        self.group: cgroup.Group | None = None
        self.listeners: list[socket.socket] = []
        self._boxes = boxes
        self._offspring = offspring
        self._doors: list[int] = []
        """For the next occupant, where a template forks it."""
        self._loop = asyncio.get_running_loop()
        self._init = -1
        self._pid = 0
        self._host_pid = 0
        self._number = 0
        self._tenant: Tenant | None = None
        self._channel = Channel()
        self.forget_way: Callable[[], None] = _nothing
        """Gives the box's address back."""
        self._output = -1
        self._limits: BoxLimits | None = None
        self._throttled = False
        self._emptying = False
        self._companions: dict[int, Companion] = {}
        self._started: list[int] = []
        """Companions' pids as the zygote sees them."""
        self._occupant_exit: Exit | None = None
        """How the occupant ended, where companions have outlived it."""

    # --- making -----------------------------------------------------------------------------------------------------

    async def build(self) -> None:
        """Make the shell, the groups and the first occupant."""
        boxes = self._boxes
        if self.zygote.helper.gone:
            raise SandboxDied("the zygote has gone")
        if boxes.groups is not None:
            self.group = boxes.groups.make(self.id)
        if boxes.isolated:
            furnish = {"tmp_mb": _TMP_MB, "ports": _PORTS, "network": not boxes.host_network}
            _, made = await boxes.keeper.ask({"do": "shell", "furnish": furnish}, self.zygote.root)
            if self.dead:
                _kill_init(made[0])
                link.close_all(made[1:])
            self._must_live()
            listeners = self._moved(made)
            self.listeners = [socket.socket(fileno=fd) for fd in listeners]
        joined = await self._join_network()
        if self.zygote.starts_early:
            await self._occupy(self.zygote.command)
        self.awaited = True
        if joined is not None:
            await joined
        self._must_live()
        for port, listener in zip(_PORTS, self.listeners, strict=False):
            boxes.listeners.opened(self, listener, port)

    def _must_live(self) -> None:
        """It may have ended while something was awaited for it, and nobody would then give back what it gets."""
        if self.dead:
            raise SandboxDied("the box has ended meanwhile")

    def _moved(self, made: list[int]) -> list[int]:
        """Take over the init and the doors of a new shell; returns the other descriptors."""
        doors = (4 if self._boxes.host_network else 5) if self.zygote.joins else 0
        self._init, self._doors = made[0], made[1 : 1 + doors]
        return made[1 + doors :]

    async def _join_network(self) -> "asyncio.Future[Any] | None":
        """Begin to give the box its way out, where boxes have one."""
        router = await self._boxes.way()
        if router is None:
            return None
        self._must_live()
        address = router.take()
        self.forget_way = partial(router.leave, address)
        return router.join(self._init, address)

    async def _occupy(self, command: spec.Command | None) -> None:
        ours, theirs = socket.socketpair()
        read, write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read, False)
        self._output = read
        self._number = number = self._boxes.next_number()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        channel = Channel()
        self._occupant_exit = None
        try:
            self.zygote.occupants[number] = self
            self._pid, made = await self._fork(command, number, theirs.fileno(), write)
            if self.dead:
                link.close_all(made)
            elif made:
                self.occupant = made[0]
            theirs.close()  # now the end of the occupant is the end of the channel
            self._host_pid = await self._first_word(ours, command)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            if command is None or command.channel:
                await self._loop.create_connection(lambda: channel, sock=ours)
            else:
                ours.close()
            self._must_live()
        except BaseException as error:
            self.zygote.occupants.pop(number, None)
            reason = ""
            if self._output == read:  # not taken away already by the end of the box
                self._output = -1
                reason = _read_all(read)
                os.close(read)
            channel.close()
            ours.close()
            if isinstance(error, TimeoutError | EOFError):
                raise SandboxDied(f"a box did not get ready: {reason or 'no reason given'}") from error
            raise
        finally:
            theirs.close()
            os.close(write)
        if self._output != read:  # it has ended meanwhile
            channel.close()
            if self._tenant is None:
                raise SandboxDied("a box did not get ready: what was started in it ended at once")
            return  # as the tenant is told, too
        self._channel = channel
        channel.on_broken = self.stop
        self._loop.add_reader(read, self._output_readable)
        if self._tenant is not None:
            self._channel.on_frame = self._tenant.on_frame

    async def _fork(
        self, command: spec.Command | None, number: int, channel: int, output: int, *, watched: bool = False
    ) -> tuple[int, list[int]]:
        """Have the zygote fork a process into the box; its pid as the zygote sees it, and its pidfd where it is
        `watched` or a template."""
        if self.zygote.joins:
            return await self._join(command, number, [channel, output]), []
        descriptors = [channel, output, self._init if self._boxes.isolated else channel]
        request: dict[str, Any] = {"do": "occupy", "uid": self.uid, "network": not self._boxes.host_network}
        request |= {"number": number, "command": msgspec.to_builtins(command), "rehearse": not self.awaited}
        request |= {"template": False, "watched": watched, "processes": None}
        if self._offspring is not None and command is None:
            # Its forks have its user, and so one count of processes; their control groups hold each to its own limit.
            request |= {"template": True, "watched": True, "processes": _MANY if self.group else None}
            descriptors.append(self._offspring.far_end.fileno())
        entrances, request["into"] = self.group.entrances() if self.group else ([], False)
        try:
            answer, made = await self.zygote.helper.ask(request, descriptors + entrances)
        finally:
            link.close_all(entrances)
        return answer["pid"], made

    async def _join(self, command: spec.Command | None, number: int, descriptors: list[int]) -> int:
        """The same by a template, which is hostile."""
        if command is not None:
            raise SandboxDied("a template forks itself, not a program")
        entrances = self.group.files() if self.group else []
        # Ours from here on: the box may end while the template answers, and closes what it has.
        doors, self._doors = self._doors, []
        request = {"do": "occupy", "number": number, "doors": len(doors)}
        try:
            answer, made = await self.zygote.helper.ask(request, [*descriptors, *doors, *entrances])
        finally:
            link.close_all([*entrances, *doors])
        link.close_all(made)
        pid = answer.get("pid")
        if not isinstance(pid, int):
            raise SandboxDied("the template answered nonsense")
        return pid

    async def _first_word(self, end: socket.socket, command: spec.Command | None) -> int:
        """Wait until the process at the channel's other end is what it should be; its pid on the host, 0 if not told.

        Raises EOFError, NotLaunched.
        """
        ready: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(end.fileno(), _first_word, self._loop, end, command, ready)
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                return await ready
        finally:
            self._loop.remove_reader(end.fileno())

    def ancestry(self) -> list[int]:
        """What the keeper must know to make boxes for the forks of this one's occupant."""
        return [self._init, self.occupant]

    @property
    def occupied(self) -> bool:
        return self.zygote.occupants.get(self._number) is self

    # --- use --------------------------------------------------------------------------------------------------------

    def attach(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._channel.on_frame = tenant.on_frame

    def sound(self) -> bool:
        if self.dead or self._emptying or not self.zygote.there() or not self._boxes.keeper.there():
            return False
        return all(companion.lives for companion in self._companions.values())

    async def assign(self, mounts: Sequence[tuple[Path, str]], limits: BoxLimits) -> list[str]:
        self._limits = limits
        injected = None
        if self._boxes.isolated:
            plan = [[str(source), target] for source, target in mounts]
            tmp_mb = limits.tmp_mb if limits.tmp_mb != _TMP_MB else None
            injected = self._boxes.keeper.request({"do": "inject", "mounts": plan, "tmp_mb": tmp_mb}, [self._init])
        if self.group is not None:  # while the keeper works
            try:
                self.group.limit(max(limits.memory_mb - self.zygote.base_mb, 16), spec.PIDS)
            except OSError as error:
                raise SandboxDied(f"a box could not be limited: {error}") from error
        if injected is None:
            return [str(source) for source, _ in mounts]
        await injected
        return [target for _, target in mounts]

    def send(self, *parts: bytes) -> None:
        write = self._channel.write
        for part in parts:
            write(part)

    def pause_channel(self, paused: bool) -> None:
        self._channel.pause(paused)

    def pause_output(self, paused: bool) -> None:
        for companion in self._companions.values():
            companion.pause(paused)
        if self._output < 0:
            return
        if paused:
            self._loop.remove_reader(self._output)
        else:
            self._loop.add_reader(self._output, self._output_readable)

    def drain_output(self) -> None:
        while self._read_output() == _OUTPUT_READ:
            pass
        for companion in list(self._companions.values()):
            companion.drain()

    def _output_readable(self) -> None:
        self._read_output()

    def _read_output(self) -> int:
        if self._output < 0:
            return 0
        try:
            data = os.read(self._output, _OUTPUT_READ)
        except BlockingIOError:
            return 0
        if not data:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = -1
        elif self._tenant is not None:
            self._tenant.on_output(data)
        return len(data)

    def freeze(self) -> None:
        if self.group is not None and not self.dead and not self._emptying:
            with _group_may_have_gone():
                self.group.freeze()

    def thaw(self) -> None:
        if self.group is not None and self.group.frozen:
            with _group_may_have_gone():
                self.group.thaw()

    def throttle(self) -> None:
        if self.group is None or self.dead or self._throttled or self._limits is None or self._limits.cpus is None:
            return
        with _group_may_have_gone():
            self.group.throttle(self._limits.cpus)
            self._throttled = True

    def unthrottle(self) -> None:
        """All the CPU there is again, for a template while somebody waits for a fork."""
        if self.group is not None and not self.dead and self._throttled:
            with _group_may_have_gone():
                self.group.renew()
                self._throttled = False

    def peak_memory_mb(self) -> int:
        if self.dead or self._limits is None:
            return 0
        if self.group is None:
            used = _peak_mb(self._host_pid)
        else:
            # Pages shared with the zygote are charged to none; on AWS they count, so they do here.
            used = self.zygote.base_mb
            with _group_may_have_gone():
                used += self.group.peak_mb()
        return min(used, self._limits.memory_mb)

    async def start(self, command: spec.Command | None = None) -> None:
        if self.dead:
            raise SandboxDied("the box is dead")
        try:
            await self._occupy(command or self.zygote.command)
        except OSError as error:
            raise SandboxDied(f"a box could not be started again: {error}") from error

    async def accompany(self, command: spec.Command) -> int:
        if self.dead or self._emptying:
            raise SandboxDied("the box is dead")
        read, write = os.pipe2(os.O_CLOEXEC)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        companion = Companion(self, self._boxes.next_number(), read)
        number = companion.number
        self._companions[number] = self.zygote.occupants[number] = companion
        try:
            companion.pid, made = await self._fork(command, number, theirs.fileno(), write, watched=True)
            companion.host_pid = pid_of(made[0])
            link.close_all(made)
            self._started.append(companion.pid)
            theirs.close()
            await self._first_word(ours, command)
        except BaseException as error:
            self.zygote.occupants.pop(number, None)
            self._companions.pop(number, None)
            companion.forget()
            if isinstance(error, OSError | EOFError):  # TimeoutError is an OSError
                raise SandboxDied(f"a companion did not start: {error or 'no reason given'}") from error
            raise
        finally:
            ours.close()
            theirs.close()
            os.close(write)
        return number

    async def dial(self) -> socket.socket:
        if self.dead:
            raise SandboxDied("the box is dead")
        if self._boxes.host_network:
            return socket.socket()
        _, made = await self._boxes.keeper.ask({"do": "dial"}, [self._init])
        return socket.socket(fileno=made[0])

    def companion_said(self, companion: Companion, data: bytes) -> None:
        if self._tenant is not None:
            self._tenant.on_companion_output(companion.number, data)

    def companion_left(self, companion: Companion, how: Exit) -> None:
        if self._companions.pop(companion.number, None) is None:
            return
        if self._tenant is not None:
            self._tenant.on_companion_exit(companion.number, how)
        if not self._companions and self._occupant_exit is not None:
            self._empty(self._occupant_exit)

    def signal(self, number: int | None, which: int) -> None:
        number = self._number if number is None else number
        self.zygote.helper.tell({"do": "signal", "number": number, "signal": which})

    def stop(self) -> None:
        self.drain_output()
        self._empty(Exit(signal=signal.SIGKILL))

    # --- end --------------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Kill everything in the box. `on_exit` is not called: its owner has just given it up."""
        self._tenant = None
        self._end()

    def died(self, how: Exit) -> None:
        """The occupant has exited, or a helper has gone and taken it along."""
        self.drain_output()
        if self._companions and self._tenant is not None and not self.dead and not self._emptying:
            self.zygote.occupants.pop(self._number, None)
            self._occupant_exit = how
            self._boxes.spawn(self._tell_occupant_exit(how, self._channel))
        else:
            self._empty(how)

    async def _tell_occupant_exit(self, how: Exit, channel: Channel) -> None:
        await _told(channel)
        if self._tenant is not None and self._occupant_exit is how and not self._emptying:
            self._tenant.on_occupant_exit(msgspec.structs.replace(how, unread=channel.unread))

    def _empty(self, how: Exit) -> None:
        """Take the occupant and whatever it has started out of the box, then say so."""
        if self.dead or self._emptying:
            return
        self._emptying = True
        channel, self._channel = self._channel, Channel()
        channel.mute()
        self._forget_occupant()
        with _group_may_have_gone():
            if self.group is not None and self.group.out_of_memory():
                how = msgspec.structs.replace(how, out_of_memory=True)
        self._boxes.spawn(self._clear(how, channel))

    async def _clear(self, how: Exit, channel: Channel) -> None:
        tenant = self._tenant
        try:
            lost = tenant is None or self.zygote.helper.gone or not await self._renewed()
            if lost:
                self._kill_all()
                if self.group is not None:
                    await self._emptied(self.group)
            await _told(channel)
        finally:
            unread = channel.unread
            channel.close()
        self._emptying = False
        # Until its tenant has heard of it, what was connected to it stays to be looked at.
        if tenant is not None and self._tenant is tenant:
            tenant.on_exit(msgspec.structs.replace(how, box_gone=lost or self.dead, unread=unread))
        if lost:
            self._end()

    async def _renewed(self) -> bool:
        """Whether the box could be made as it was before its occupant: with its /tmp, and nobody in it."""
        try:
            if self._boxes.isolated:
                # The new shell joins the old one's mounts and network before that is killed: /tmp stays.
                request = {"do": "reshell", "network": not self._boxes.host_network}
                _, made = await self._boxes.keeper.ask(request, [self._init, *self.zygote.root[1:]])
                self._move(made)
            else:
                self._kill_processes()
            if not self.dead and self.group is not None:
                self.thaw()  # v1: a frozen process can't die
                self.group.renew()  # and a throttled one takes its time
                await self._emptied(self.group)
                self.group.renew()
                self._throttled = False
        except (SandboxDied, OSError):
            return False
        return not self.dead

    def _move(self, made: list[int]) -> None:
        """Go on in a new shell, or not: the box may have ended while that was made."""
        if self.dead:
            _kill_init(made[0])
            link.close_all(made[1:])
            return
        old, doors = self._init, self._doors
        self._moved(made)
        link.close_all(doors)
        _kill_init(old)

    async def _emptied(self, group: cgroup.Group) -> None:
        """Wait until the last process has gone: what a fork bomb still holds would count against the next occupant."""
        deadline = self._loop.time() + _EMPTY_WITHIN_S
        while not group.empty() and self._loop.time() < deadline:  # noqa: ASYNC110 - only v2 could tell
            await asyncio.sleep(_EMPTY_LOOK_S)

    def _forget_occupant(self) -> None:
        self.zygote.occupants.pop(self._number, None)
        for companion in self._companions.values():
            self.zygote.occupants.pop(companion.number, None)
            companion.forget()
        self._companions.clear()
        self._occupant_exit = None
        self._channel.mute()
        self._channel.close()
        if self._output >= 0:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def _end(self) -> None:
        if self.dead:
            return
        self.dead = True
        self._kill_all()
        self._forget_occupant()
        link.close_all(self._doors)
        self._doors = []
        if self.occupant >= 0:
            os.close(self.occupant)
            self.occupant = -1
        for listener in self.listeners:
            self._boxes.listeners.closed(listener)
            listener.close()
        if self.group is not None:
            self.group.close()
        self._boxes.retire(self)

    def _kill_all(self) -> None:
        if self._init >= 0:
            _kill_init(self._init)
            self._init = -1
        else:
            self._kill_processes()
        self.thaw()  # v1: a frozen process can't die

    def _kill_processes(self) -> None:
        """At the lowest level, where there is no shell to kill."""
        for pid in (self._pid, *self._started):
            if pid:
                self.zygote.helper.tell({"do": "kill", "pid": pid})
        self._started.clear()


async def _told(channel: Channel) -> None:
    """Wait until the loop has heard of all that the end of an occupant has closed: its channel, and in the next two
    turns its connections to the Runtime API."""
    await channel.gone(_CLOSED_WITHIN_S)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _nothing() -> None:
    """There is no address."""


def _group_may_have_gone() -> contextlib.AbstractContextManager[None]:
    """With the keeper, whose guardian has removed it: the box's own end is then heard in a moment."""
    return contextlib.suppress(OSError)


def _kill_init(pidfd: int) -> None:
    """Kill a shell: with its init, the kernel kills everything in its pid namespace."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)


def _first_word(
    loop: asyncio.AbstractEventLoop, end: socket.socket, command: spec.Command | None, ready: "asyncio.Future[int]"
) -> None:
    """What the occupant says of its start (see `inside/zygote`); the kernel adds who said it: its pid, as seen here."""
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
    else:
        ready.set_exception(EOFError())


def pid_of(pidfd: int) -> int:
    """As this process sees it; -1 when it has gone."""
    info = Path(f"/proc/self/fdinfo/{pidfd}").read_text()
    return next(int(line.split()[1]) for line in info.splitlines() if line.startswith("Pid:"))


def _peak_mb(pid: int) -> int:
    """The most memory that a process has had at once; 0 when it can't be told any more."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in text.splitlines() if line.startswith("VmHWM:")), 0)


def _read_all(fd: int) -> str:
    try:
        return os.read(fd, 65536).decode(errors="replace").strip()
    except BlockingIOError:
        return ""
