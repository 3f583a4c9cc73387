"""One box made of Linux namespaces. See `port.Box` for what each method promises, `boxes` for who makes it.

A box = a shell (`shell`: namespaces, /tmp) + control groups + an `occupant` (forked by a zygote, locked, waiting) and
its `companion`s.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol

import msgspec

from samovar.core import ids
from samovar.sandbox import cgroup, spec
from samovar.sandbox.channel import Channel
from samovar.sandbox.companion import Companions
from samovar.sandbox.entry import Entry
from samovar.sandbox.governed import Governed, group_may_have_gone
from samovar.sandbox.helper import Helper
from samovar.sandbox.needs import Zygote
from samovar.sandbox.network import Router
from samovar.sandbox.occupant import Occupant
from samovar.sandbox.output import Output
from samovar.sandbox.port import Exit, SandboxDied, Tenant
from samovar.sandbox.processes import peak_mb
from samovar.sandbox.shell import PORTS, Shell
from samovar.sandbox.spec import Assignment


class Listeners(Protocol):
    """Who accepts on the sockets that listen inside boxes."""

    def opened(self, box: "LinuxBox", listener: socket.socket, port: int) -> None: ...
    def closed(self, listener: socket.socket) -> None: ...


class Maker(Protocol):
    """Who made a box."""

    groups: cgroup.Groups | None
    host_network: bool
    keeper: Helper
    listeners: Listeners

    @property
    def isolated(self) -> bool: ...
    def next_number(self) -> int: ...
    async def way(self) -> Router | None: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...
    def retire(self, box: "LinuxBox") -> None: ...


class LinuxBox(Governed):
    def __init__(
        self, boxes: Maker, zygote: Zygote, uid: int | None, awaited: bool, offspring: Helper | None = None
    ) -> None:
        """`awaited`: somebody waits for it, so that whatever can be done later is left for later. `offspring`: the link
        by which the occupant, a template, will be asked for forks."""
        super().__init__()
        self.awaited = awaited
        self.zygote = zygote
        self.id = ids.hex_id(16)
        self.uid = uid
        self.listeners: list[socket.socket] = []
        self._boxes = boxes
        self._offspring = offspring
        self._loop = asyncio.get_running_loop()
        own_network = not boxes.host_network
        self._shell = Shell(boxes.keeper, network=own_network, below=zygote.below) if boxes.isolated else None
        self._entry = Entry(zygote, self._shell, None, uid, offspring)
        self._occupant: Occupant | None = None
        self._tenant: Tenant | None = None
        self._channel = Channel()
        self.forget_way: Callable[[], None] = lambda: None
        """Gives the box's address back."""
        self._companions = Companions(self, zygote)
        self._assigned: Assignment | None = None
        """What it was made for, where that was known before it was there."""
        self._occupant_exit: Exit | None = None
        """How the occupant ended, where companions have outlived it."""

    # --- making -----------------------------------------------------------------------------------------------------

    async def build(self, assignment: Assignment | None = None) -> None:
        """Make the shell, the groups and the first occupant; and assign it already, where it's known to whom. It is
        forked while the shell is furnished, and the way out is made while it locks itself."""
        boxes = self._boxes
        if self.zygote.helper.gone:
            raise SandboxDied("the zygote has gone")
        begun = self._shell.begin() if self._shell is not None else None
        if boxes.groups is not None:  # while the keeper works
            self.group = boxes.groups.make(self.id)
            self.group.hold_processes(spec.PIDS)
            if not self.awaited:
                self.hold_ahead(self.zygote.base_mb)
        self._entry = Entry(self.zygote, self._shell, self.group, self.uid, self._offspring)
        furnished = None
        if begun is not None:
            await begun
            self._must_live()
            furnished = self._loop.create_task(self._furnish(assignment))
            furnished.add_done_callback(_heard)
            await asyncio.sleep(0)  # the keeper is asked first: a fork takes the core that it was asked for on
        try:
            if self.zygote.starts_early:
                await self._occupy(self.zygote.command, furnished)
            self.awaited = True
            if furnished is not None and (joined := await furnished) is not None:
                await joined
        finally:
            if furnished is not None:
                furnished.cancel()  # where something else has failed
        self._must_live()
        for port, listener in zip(PORTS, self.listeners, strict=False):
            boxes.listeners.opened(self, listener, port)

    async def _furnish(self, assignment: Assignment | None) -> "asyncio.Future[Any] | None":
        """Make what of the shell isn't there when a process can be forked into it. Returns its way out, where it has
        one, which is still being made then: nobody needs it before the function's code runs."""
        assert self._shell is not None
        shell, root, router = self._shell, self.zygote.root, await self._boxes.way()
        if assignment is None or assignment.changes_root:
            self.listeners = await shell.furnish(root)
        else:
            self.listeners = await shell.furnish(root, assignment.mounts, assignment.limits.tmp_mb)
            self._assigned = assignment
        self._must_live()
        if self._assigned is not None:
            self.hold(self._assigned.limits, self.zygote.base_mb)
        if router is None:
            return None
        address = router.take()
        self.forget_way = partial(router.leave, address)
        return router.join(shell.init, address)

    def _must_live(self) -> None:
        """Nobody would give back what a box gets that has ended while something was awaited for it."""
        if self.dead:
            raise SandboxDied("the box has ended meanwhile")

    async def _occupy(self, command: spec.Command | None, furnished: "asyncio.Future[Any] | None" = None) -> None:
        self._occupant_exit = None
        if self._occupant is not None:
            self._occupant.forget()
        number = self._boxes.next_number()
        self._occupant = occupant = Occupant(number, self._said)
        self.zygote.occupants[number] = self
        try:
            await occupant.start(self._entry, command, rehearse=not self.awaited, furnished=furnished)
            self._must_live()
        except BaseException:
            self.zygote.occupants.pop(number, None)
            occupant.forget()
            raise
        if occupant.output.closed and self._tenant is None:
            raise SandboxDied("a box did not get ready: what was started in it ended at once")
        if occupant.output.closed:
            return  # as the tenant is told, too
        self._channel = occupant.channel
        self._channel.on_broken = self.stop
        occupant.output.follow()
        if self._tenant is not None:
            self.attach(self._tenant)

    def ancestry(self) -> list[int]:
        """What the keeper must know to make boxes for the forks of this one's occupant."""
        return [self._shell.init if self._shell is not None else -1, self.occupant_pidfd]

    @property
    def occupied(self) -> bool:
        return self._occupant is not None and self.zygote.occupants.get(self._occupant.number) is self

    @property
    def occupant_pidfd(self) -> int:
        """Of a template; else -1."""
        return -1 if self._occupant is None else self._occupant.pidfd

    # --- use --------------------------------------------------------------------------------------------------------

    def attach(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._channel.on_frame = tenant.on_frame

    def sound(self) -> bool:
        if self.dead or self._emptying or not self.zygote.there():
            return False
        return not self._companions.living or self._companions.sound

    def stands(self) -> bool:
        """Whether somebody can still move in, where nobody has yet."""
        return not self.dead and (self._shell is None or self._shell.stands())

    async def assign(self, assignment: Assignment, meanwhile: Callable[[], None]) -> list[str]:
        if self._shell is None:
            self.hold(assignment.limits, self.zygote.base_mb)
            return [str(source) for source, _ in assignment.mounts]
        if self._assigned is not assignment:
            injected = self._shell.inject(assignment.mounts, assignment.limits.tmp_mb)
            meanwhile()
            self.hold(assignment.limits, self.zygote.base_mb)  # while the keeper works
            await injected
        return [target for _, target in assignment.mounts]

    def send(self, *parts: bytes) -> None:
        write = self._channel.write
        for part in parts:
            write(part)

    def pause_channel(self, paused: bool) -> None:
        self._channel.pause(paused)

    def pause_output(self, paused: bool) -> None:
        for output in self._outputs():
            output.pause(paused)

    def drain_output(self) -> None:
        if self._occupant is not None:
            self._occupant.output.drain()
        if self._companions.living:
            for output in self._companions.outputs():
                output.drain()

    def _outputs(self) -> list[Output]:
        own = [self._occupant.output] if self._occupant is not None else []
        return own + self._companions.outputs()

    def _said(self, data: bytes) -> None:
        if self._tenant is not None:
            self._tenant.on_output(data)

    def peak_memory_mb(self) -> int:
        if self.dead or self._limits is None:
            return 0
        if self.group is None:
            used = peak_mb(self._occupant.host_pid) if self._occupant is not None else 0
        else:
            # Pages shared with the zygote are charged to none; on AWS they count, so they do here.
            used = self.zygote.base_mb + self.group.peak_mb()
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
        number = self._boxes.next_number()
        await self._companions.start(self._entry, command, number, rehearse=not self.awaited)
        return number

    async def dial(self) -> socket.socket:
        if self.dead:
            raise SandboxDied("the box is dead")
        if self._shell is None or self._boxes.host_network:
            return socket.socket()
        return await self._shell.dial()

    def companion_said(self, number: int, data: bytes) -> None:
        if self._tenant is not None:
            self._tenant.on_companion_output(number, data)

    def companion_left(self, number: int, how: Exit) -> None:
        if self._tenant is not None:
            self._tenant.on_companion_exit(number, how)
        if not self._companions.living and self._occupant_exit is not None:
            self._empty(self._occupant_exit)

    def signal(self, number: int | None, which: int) -> None:
        own = self._occupant.number if self._occupant is not None else None
        self.zygote.helper.tell({"do": "signal", "number": own if number is None else number, "signal": which})

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
        if self._companions.living and self._tenant is not None and not self.dead and not self._emptying:
            self._has_left()
            self._occupant_exit = how
            self._boxes.spawn(self._tell_occupant_exit(how, self._channel))
        else:
            self._empty(how)

    async def _tell_occupant_exit(self, how: Exit, channel: Channel) -> None:
        await channel.told()
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
        with group_may_have_gone():
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
                    await self.group.emptied()
            await channel.told()
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
            if self._shell is not None:
                # The new shell joins the old one's mounts and network before that is killed: /tmp stays.
                await self._shell.renew()
            else:
                self._kill_processes()
            if not self.dead and self.group is not None:
                self.thaw()  # v1: a frozen process can't die
                self.group.renew()  # and a throttled one takes its time
                await self.group.emptied()
                self.group.renew()
        except (SandboxDied, OSError):
            return False
        return not self.dead

    def _forget_occupant(self) -> None:
        self._has_left()
        self._companions.forget()
        self._occupant_exit = None
        self._channel.mute()
        self._channel.close()
        if self._occupant is not None:
            self._occupant.output.close()

    def _has_left(self) -> None:
        if self._occupant is not None:
            self.zygote.occupants.pop(self._occupant.number, None)

    def _end(self) -> None:
        if self.dead:
            return
        self.dead = True
        self._kill_all()
        self._forget_occupant()
        if self._occupant is not None:
            self._occupant.forget()
        for listener in self.listeners:
            self._boxes.listeners.closed(listener)
            listener.close()
        if self.group is not None:
            self.group.close()
        self._boxes.retire(self)

    def _kill_all(self) -> None:
        if self._shell is not None:
            self._shell.kill()
        else:
            self._kill_processes()
        self.thaw()  # v1: a frozen process can't die

    def _kill_processes(self) -> None:
        """At the lowest level, where there is no shell to kill."""
        for pid in (self._occupant.pid if self._occupant else 0, *self._companions.started):
            if pid:
                self.zygote.helper.tell({"do": "kill", "pid": pid})
        self._companions.started.clear()


def _heard(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()  # whoever began it may have failed meanwhile, and not wait for it any more
