"""Boxes made of Linux namespaces: the driver behind `port.Boxes`.

Owns: the keeper, the zygotes, the shelf of boxes that are ready. See `box` for one box, `inside/` for the far side.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from samovar.sandbox import cgroup, spec
from samovar.sandbox.box import LinuxBox, Listeners
from samovar.sandbox.helper import Helper
from samovar.sandbox.network import Network, Reach, Router
from samovar.sandbox.port import Box, Exit, SandboxDied
from samovar.sandbox.processes import anonymous_mb
from samovar.sandbox.shell import TMP_MB
from samovar.sandbox.spec import Assignment, Isolation, ZygoteSpec
from samovar.sandbox.template import Template
from samovar.sandbox.zygote import RETRY_AFTER_S, Zygote

log = logging.getLogger("samovar.sandbox")

_STARTS_AT_ONCE = 3
_WARM_WITHIN_S = 60.0
_REFILL_AFTER_S = 0.05
"""Longer than a function takes to initialise that makes some clients of boto3: it would share its cores with what makes
the next box."""
_KEEPER_WITHIN_S = 3.0
_FORKS_AHEAD = 2
_FORKS_AFTER_S = 0.02
_REMOVE_AGAIN_S = 1.0


class LinuxBoxes:
    """Makes boxes. One per server."""

    def __init__(
        self,
        isolation: Isolation,
        make_groups: Callable[[], cgroup.Groups] | None,
        root: Path,
        scratch: Path | None,
        network: Network,
        user_namespace: bool,
        shelf: int,
        describe: Callable[[str], ZygoteSpec],
        listeners: Listeners,
    ) -> None:
        """`root`: an empty folder. `scratch`: one for /tmp on disk, None for /tmp in memory.

        `user_namespace`: whether boxes may have one. `shelf`: boxes kept ready per kind. `describe`: the zygote of a
        kind.
        """
        self.isolation = isolation
        self.groups: cgroup.Groups | None = None
        self._make_groups = make_groups
        self.network = network
        self.host_network = network.reach is Reach.HOST
        self._way: asyncio.Task[Router] | None = None
        self.listeners = listeners
        self._root = root
        self._scratch = scratch
        self._user_namespace = user_namespace and isolation is not Isolation.PROCESS
        self._shelf_size = shelf
        self._describe = describe
        self._loop = asyncio.get_running_loop()
        self._zygotes: dict[str, Zygote] = {}
        self._starts = asyncio.Semaphore(_STARTS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._free_uids: list[int] = []
        self._next_uid = spec.FIRST_UID
        self._last_number = 0
        self.living: set[LinuxBox] = set()
        self._templates: dict[Box, Template] = {}
        self.closing = False
        self._keeper_started = asyncio.Event()
        self._guardians: list[subprocess.Popen[bytes]] = []
        self._left: list[cgroup.Groups] = []
        """Of keepers that have gone, until they are cleared up."""
        self._start_keeper()

    @property
    def isolated(self) -> bool:
        return self.isolation is not Isolation.PROCESS

    @property
    def forks(self) -> bool:
        # A fork gets into its box by the power that it has in a user namespace.
        return self._user_namespace or not self.isolated

    def _start_keeper(self) -> None:
        if self.closing:
            return
        self.groups = self._make_groups() if self._make_groups is not None else None
        self._keeper_started.set()
        self.keeper = Helper("the keeper", self._loop, lambda event: None)
        self.keeper.on_gone = self._keeper_gone
        folders = self.groups.folders() if self.groups else []
        config = {
            "isolated": self.isolated,
            "network": not self.host_network,
            "root": os.geteuid() == 0,
            "cgroups": [str(folder) for folder in folders],
            "tmp_mb": TMP_MB,
            "scratch": str(self._scratch) if self._scratch and self.isolated else None,
        }
        far = self.keeper.far_end
        script = str(spec.INSIDE / "keeper.py")
        process = subprocess.Popen(
            [sys.executable, "-E", "-s", "-S", "-B", script, str(far.fileno()), json.dumps(config)],
            pass_fds=[far.fileno()],
            stdin=subprocess.DEVNULL,
            env={},
        )
        far.close()
        self.keeper.follows(process.pid)
        self._guardians.append(process)

    def begin_way(self) -> None:
        """Ask for the way to the outside that the network's plan asks for, before the first box is made. It comes
        while the server does something else; `open_way` waits for it."""
        if os.geteuid() == 0:
            self._way = self._open_router()

    async def open_way(self) -> None:
        """Raises SandboxDied, and there is no way then, where the machine doesn't allow it."""
        try:
            if self._way is None:
                raise SandboxDied("a way out takes root")
            await asyncio.shield(self._way)
        except SandboxDied:
            self.network = Network(Reach.PLATFORM)
            self._way = None
            raise

    def _open_router(self) -> "asyncio.Task[Router]":
        router = Router(self.network, self._loop, partial(self._router_gone, self.keeper))
        return self._loop.create_task(router.open(router.begin(self.keeper)))

    def _router_gone(self, keeper: Helper) -> None:
        """What boxes had of a network went with it: they go as well, and all begins anew."""
        if self.keeper is keeper and not keeper.gone and not self.closing:
            log.error("the router has gone")
            keeper.close()

    async def way(self) -> Router | None:
        """What gives boxes their way out; None where they have none. Raises SandboxDied where they should have one."""
        return await asyncio.shield(self._way) if self._way is not None else None

    async def warm(self, kind: str) -> None:
        """Start the kind's zygote if it isn't there, and fill its shelf; returns when the zygote is ready."""
        zygote = await self._zygote(kind)
        self._refill(zygote)

    async def take(self, kind: str, assignment: Assignment) -> "LinuxBox":
        zygote = self._zygotes.get(kind) if self.keeper.there() else None
        if zygote is None or not zygote.there() or not zygote.ready.done():
            zygote = await self._zygote(kind)
        while zygote.shelf:
            box = zygote.shelf.popleft()
            if box.sound():
                # Later: now the machine's cores are for the box that was taken.
                self._loop.call_later(_REFILL_AFTER_S, self._refill, zygote)
                return box
        box = await self._make(zygote, assignment)
        self._refill(zygote)
        return box

    def next_number(self) -> int:
        """A name for an occupant: what comes late from an earlier one is then known for what it is."""
        self._last_number += 1
        return self._last_number

    async def close(self) -> None:
        """Kill every box and helper; returns when nothing is left of them."""
        if self.closing:
            return
        self.closing = True
        for task in list(self._tasks):
            task.cancel()
        for box in list(self.living):
            box.kill()
        for zygote in self._zygotes.values():
            zygote.helper.close()
        if self._way is not None:
            self._way.cancel()
            if self._way.done() and not self._way.cancelled() and self._way.exception() is None:
                self._way.result().helper.close()
        self.keeper.close()
        for guardian in self._guardians:
            await asyncio.to_thread(guardian.wait)
        for groups in (*self._left, *([self.groups] if self.groups else [])):
            await asyncio.to_thread(groups.remove)

    def _keeper_gone(self) -> None:
        """All boxes went with it, and its guardian clears up after them. A new one begins with nothing."""
        if self.closing:
            return
        self._keeper_started.clear()
        log.error("the keeper has gone, and every environment with it; starting another")
        for box in list(self.living):
            box.died(Exit(signal=signal.SIGKILL))
        for zygote in self._zygotes.values():
            zygote.helper.close()
        self._zygotes.clear()
        if self.groups is not None:
            self._left.append(self.groups)
            self.spawn(self._clear_up(self._guardians[-1], self.groups))
        if self.keeper.answered:
            self._start_keeper()
            self._reopen_way()
        else:  # one that can't live is not tried all the time
            self._loop.call_later(RETRY_AFTER_S, self._start_keeper)
            self._loop.call_later(RETRY_AFTER_S, self._reopen_way)

    def _reopen_way(self) -> None:
        if self._way is None or self.closing:
            return
        if self._way.done() and self._way.exception() is None:
            self._way.result().helper.close()
        self._way = self._open_router()
        self._way.add_done_callback(_say_why_not)

    async def _clear_up(self, guardian: subprocess.Popen[bytes], groups: cgroup.Groups) -> None:
        await asyncio.to_thread(guardian.wait)
        await asyncio.to_thread(groups.remove)  # it may have been killed itself
        self._guardians.remove(guardian)
        self._left.remove(groups)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _zygote(self, kind: str) -> Zygote:
        if not self.keeper.there() and not self.closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._keeper_started.wait(), _KEEPER_WITHIN_S)
        zygote = self._zygotes.get(kind)
        if zygote is not None and not zygote.there():
            await asyncio.sleep(zygote.rests(self._loop.time()))
            zygote = self._zygotes.get(kind)  # somebody else may have started another meanwhile
        if self.keeper.gone:
            raise SandboxDied("the keeper has gone")  # and all ends, or another one couldn't be had in time
        if zygote is None or zygote.helper.gone:
            zygote = self._zygotes[kind] = Zygote(kind, self._loop, self.keeper)
            self.spawn(self._start_zygote(zygote))
        return await asyncio.shield(zygote.ready)

    async def _start_zygote(self, zygote: Zygote) -> None:
        try:
            plan = await asyncio.to_thread(self._describe, zygote.kind)  # may compile what it describes
            plan.cache.mkdir(parents=True, exist_ok=True)
            plan.cache.chmod(0o755)  # mkdir's mode is subject to the umask
            zygote.command = plan.command if self.isolated else spec.command_on_host(plan)
            zygote.starts_early = bool(plan.module or plan.command)
            lines = self.network.files()
            root = spec.root_plan(plan, self._root, self.host_network, lines) if self.isolated else None
            request = spec.zygote_request(plan, root, self._user_namespace)
            far = zygote.helper.far_end
            _, made = await self.keeper.ask(request, [far.fileno(), sys.stderr.fileno()])
            far.close()
            zygote.helper.is_process(made[0])
            async with asyncio.timeout(_WARM_WITHIN_S):
                await zygote.warm.wait()
            if zygote.helper.gone:
                raise SandboxDied(f"the {zygote.kind} zygote died at its start; see the server's error output")
            zygote.base_mb = anonymous_mb(zygote.pidfd) - zygote.kept_mb if plan.module else 0
            zygote.ready.set_result(zygote)
        except (SandboxDied, TimeoutError, OSError) as error:
            zygote.helper.close()
            if not isinstance(error, SandboxDied):
                error = SandboxDied(f"the {zygote.kind} zygote: {error or 'it did not get ready in time'}")
            zygote.ready.set_exception(error)
            zygote.ready.exception()  # it may be that nobody waits

    def _refill(self, zygote: Zygote) -> None:
        while len(zygote.shelf) + zygote.coming < self._shelf_size and not self.closing:
            zygote.coming += 1
            self.spawn(self._put_on_shelf(zygote))

    async def _put_on_shelf(self, zygote: Zygote) -> None:
        try:
            zygote.keep(await self._make(zygote, None))
        except SandboxDied:
            pass  # whoever needs a box makes the next attempt, and hears the reason
        finally:
            zygote.coming -= 1

    async def take_template(self, kind: str) -> "LinuxBox":
        zygote = await self._zygote(kind)
        template = Template(f"a template of {kind}", self.next_number(), zygote)
        box = template.box = LinuxBox(self, zygote, self._uid(), awaited=True, offspring=template.helper)
        try:
            await self._build(box)
        except SandboxDied:
            template.helper.close()
            raise
        finally:
            template.helper.far_end.close()
        template.helper.is_process(os.dup(box.occupant_pidfd))
        self._templates[box] = template
        return box

    async def fork(self, origin: Box) -> "LinuxBox":
        template = self._templates.get(origin)
        if template is None or not self.can_fork(origin):
            raise SandboxDied("the template has gone")
        if not template.base_mb:
            template.base_mb = anonymous_mb(template.box.occupant_pidfd) - template.kept_mb
        box = template.prepared() or await self._shell(template)
        try:
            await box.start()
        except SandboxDied:
            box.kill()
            raise
        self._loop.call_later(_FORKS_AFTER_S, self._prepare_forks, template)
        return box

    def can_fork(self, origin: Box) -> bool:
        template = self._templates.get(origin)
        return template is not None and not template.released and template.helper.there() and template.box.sound()

    def release(self, origin: Box) -> None:
        template = self._templates.get(origin)
        if template is not None:
            template.release()

    async def _shell(self, template: Template) -> LinuxBox:
        """A box for a fork that is yet to come."""
        box = LinuxBox(self, template, None, awaited=True)
        template.children.add(box)
        async with self._starts:
            await self._build(box)
        return box

    def _prepare_forks(self, template: Template) -> None:
        """A box is half of what a restore takes."""
        if not template.coming and len(template.shelf) < min(self._shelf_size, _FORKS_AHEAD) and not self.closing:
            template.coming = True
            self.spawn(self._prepare_fork(template))

    async def _prepare_fork(self, template: Template) -> None:
        try:
            template.keep(await self._shell(template))
        except SandboxDied:
            return  # whoever needs a fork makes the next attempt, and hears the reason
        finally:
            template.coming = False
        self._prepare_forks(template)

    async def _make(self, zygote: Zygote, assignment: Assignment | None) -> "LinuxBox":
        """`assignment`: None for the shelf."""
        async with self._starts:
            box = LinuxBox(self, zygote, self._uid(), awaited=assignment is not None)
            await self._build(box, assignment)
            return box

    async def _build(self, box: LinuxBox, assignment: Assignment | None = None) -> None:
        self.living.add(box)
        try:
            await box.build(assignment)
        except (OSError, SandboxDied) as error:
            box.kill()
            raise SandboxDied(str(error)) from error

    def _uid(self) -> int | None:
        if os.geteuid() != 0 or not self.isolated:
            return None  # without mounts of its own, another user couldn't even read the function's code
        if self._free_uids:
            return self._free_uids.pop()
        self._next_uid += 1
        return self._next_uid

    def retire(self, box: "LinuxBox") -> None:
        """The last of a box: its groups are removed when its processes are gone, and then its user may be used
        again."""
        self.living.discard(box)
        box.forget_way()
        if isinstance(box.zygote, Template):
            box.zygote.retire(box)
        template = self._templates.pop(box, None)
        if template is not None:
            template.helper.close()
        if box.group is not None and not self.closing:
            self.spawn(self._remove(box, box.group))

    async def _remove(self, box: "LinuxBox", group: cgroup.Group) -> None:
        while not await asyncio.to_thread(group.remove):  # noqa: ASYNC110 - nobody would tell
            await asyncio.sleep(_REMOVE_AGAIN_S)  # its processes take their time to die
        if box.uid is not None:
            self._free_uids.append(box.uid)


def _say_why_not(way: asyncio.Task[Router]) -> None:
    if not way.cancelled() and way.exception() is not None:
        log.error("the router could not be started again: %s", way.exception())
