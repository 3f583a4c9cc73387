"""Where an environment lives: the box that it has, or none yet, or none any more.

Owns: finding a box, making it this version's, giving it up. Refuses: what runs in it (`startup`), and when.
Rule: nothing was sent to a runtime while a box is being made, so another one may be tried when it dies.
"""

import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from samovar.engine.house import House
from samovar.engine.launch import Launch
from samovar.engine.model import Version
from samovar.sandbox.port import Box, SandboxDied, Tenant
from samovar.sandbox.spec import Assignment, BoxLimits

log = logging.getLogger("samovar.engine")

MB_PER_CPU = 1769
"""facts/lambda-runtime.md §7: the memory size that comes with one vCPU."""
_BOXES_TRIED = 3
"""When a helper dies, those that depend on it may go one after the other."""


class Resident(Tenant, Protocol):
    """The environment, as its housing sees it."""

    @property
    def homeless(self) -> bool:
        """Whether it still wants the box that is being made."""
        ...

    def moved_into(self, box: Box) -> None: ...


class Housing:
    def __init__(self, house: House[Any], version: Version, launch: Launch, resident: Resident) -> None:
        self.box: Box | None = None
        self.forked = False
        """Its runtimes are forks of a template."""
        self.copied = False
        """It is to be a template itself."""
        self.paths: list[str] = []
        """Where the function finds its code and layers."""
        self._house = house
        self._version = version
        self._launch = launch
        self._resident = resident

    @property
    def there(self) -> Box:
        """The box, for those who know that there is one."""
        assert self.box is not None
        return self.box

    async def find(self, foretell: Callable[[list[str]], None], *, forks: bool) -> None:
        """Take a box and make it this version's, unless its resident has gone meanwhile. `foretell`: called with the
        paths where code and layers will be, before they are there. `forks`: a fork of the version's template will do.
        Raises SandboxDied when none is to be had."""
        for left in reversed(range(_BOXES_TRIED)):
            try:
                await self._move_in(foretell, forks)
                return
            except SandboxDied as died:
                if not left or not self._resident.homeless:
                    raise
                log.warning("%s: %s; trying another box, as nothing was sent to a runtime", self._resident, died)

    async def _move_in(self, foretell: Callable[[list[str]], None], forks: bool) -> None:
        version = self._version
        self._leave()
        memory_mb = version.memory_mb + self._launch.extra_mb
        limits = BoxLimits(memory_mb, version.memory_mb / MB_PER_CPU, version.ephemeral_mb)
        assignment = Assignment(self._house.mounts(version), limits)
        box = await self._choose(assignment, forks)
        if not self._resident.homeless:
            box.kill()
            return
        self.box = box
        box.attach(self._resident)
        self._resident.moved_into(box)
        coming = self._launch.paths([target for _, target in assignment.mounts])
        self.paths = self._launch.paths(await box.assign(assignment, partial(foretell, coming)))

    async def _choose(self, assignment: Assignment, forks: bool) -> Box:
        boxes, kind = self._house.boxes, self._launch.kind
        if self.copied:
            return await boxes.take_template(kind)
        origin = await self._house.template(self._version) if forks else None
        self.forked = origin is not None
        return await (boxes.take(kind, assignment) if origin is None else boxes.fork(origin))

    def _leave(self) -> None:
        if self.box is not None:
            self._house.moves_out(self.box.id)
            self.box.kill()
            self.box = None

    def give_up(self) -> None:
        """The environment ends. Its forks may live on where it was a template."""
        if self.box is not None and self.copied:
            self._house.moves_out(self.box.id)
            self._house.boxes.release(self.box)
            self.box = None
        self._leave()

    async def dial(self) -> socket.socket:
        """A socket of its own network, not connected yet. Raises SandboxDied."""
        if self.box is None:
            raise SandboxDied("there is no box")
        return await self.box.dial()
