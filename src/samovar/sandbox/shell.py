"""The shell of a box: its namespaces with what is mounted in them, held by an init that only waits to be killed.

Owns: that init, the doors (descriptors of the namespaces, where a template forks the occupant). The keeper makes it.
Rule: once killed it stays so. What the keeper still makes for it then is killed as well, and whoever waited for it gets
SandboxDied.
"""

import asyncio
import contextlib
import os
import select
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from samovar.sandbox import spec
from samovar.sandbox.helper import Helper
from samovar.sandbox.inside import link
from samovar.sandbox.port import SandboxDied

TMP_MB: Final = 512
"""Of /tmp, until a box is assigned to a function that wants another size."""
STREAMS: Final = (spec.ENDPOINT_PORT, spec.CONTROL_PORT, spec.NAMED_PORT)
DATAGRAMS: Final = (spec.NAMES_PORT,)
PORTS: Final = (*STREAMS, *DATAGRAMS)


class Shell:
    def __init__(self, keeper: Helper, *, network: bool, below: int) -> None:
        """`network`: whether it has one of its own. `below`: the number of the template that its occupant is forked
        from, and then enters by doors; else 0."""
        self.init = -1
        """Its pidfd."""
        self._keeper = keeper
        self.network = network
        self._below = below
        self._count = (5 if network else 4) if below else 0
        self._doors: list[int] = []
        self._begun: list[int] = []
        """What the keeper wants to have back to furnish it."""
        self._killed = False

    def begin(self) -> "asyncio.Future[Any]":
        """Ask for its init, in a pid namespace that processes can be forked into before the rest is there. Below a
        template there is all of it at once, when it is furnished."""
        if self._below:
            nothing = asyncio.get_running_loop().create_future()
            nothing.set_result(None)
            return nothing
        asked = self._keeper.request({"do": "init"})
        asked.add_done_callback(self._began)
        return asked

    def _began(self, asked: "asyncio.Future[Any]") -> None:
        if asked.cancelled() or asked.exception() is not None:
            return
        _, (told, self.init, begins) = asked.result()
        self._begun = [told, begins]
        if self._killed:
            self.kill()

    async def furnish(
        self, root: Sequence[int], mounts: Sequence[tuple[Path, str]] = (), tmp_mb: int = TMP_MB
    ) -> list[socket.socket]:
        """Make its other namespaces, from a zygote's root, with host folders in it as `inject` has them appear, but for
        `/`, and none below a template; returns what listens in it, in the order of `PORTS`."""
        self._must_live()
        plan = {"tmp_mb": tmp_mb, "streams": STREAMS, "datagrams": DATAGRAMS, "network": self.network}
        if self._below:
            _, made = await self._keeper.ask({"do": "shell", "furnish": plan, "below": self._below}, root)
            return [socket.socket(fileno=fd) for fd in self._take_over(made)]
        begun, self._begun = self._begun, []
        try:
            request = {"do": "furnish", "furnish": plan, "mounts": _plan(mounts)}
            _, made = await self._keeper.ask(request, [*root, *begun])
        finally:
            link.close_all(begun)
        if self._killed:
            link.close_all(made)
        self._must_live()
        return [socket.socket(fileno=fd) for fd in made]

    async def renew(self) -> None:
        """Put another in its place, in the same mounts and network: /tmp stays, and nobody is in it."""
        request = {"do": "reshell", "network": self.network, "below": self._below}
        _, made = await self._keeper.ask(request, [self.init])
        old, doors = self.init, self._doors
        self._take_over(made)
        link.close_all(doors)
        _kill(old)

    def _must_live(self) -> None:
        if self._killed:
            raise SandboxDied("the box has ended meanwhile")

    def _take_over(self, made: list[int]) -> list[int]:
        if self._killed:
            _kill(made[0])
            link.close_all(made[1:])
        self._must_live()
        self.init, self._doors = made[0], made[1 : 1 + self._count]
        return made[1 + self._count :]

    def take_doors(self) -> list[int]:
        """They are the caller's from then on."""
        doors, self._doors = self._doors, []
        return doors

    def inject(self, mounts: Sequence[tuple[Path, str]], tmp_mb: int) -> "asyncio.Future[Any]":
        """Begin to let host folders appear in it, read-only, and to give it a /tmp of that size."""
        size = tmp_mb if tmp_mb != TMP_MB else None
        return self._keeper.request({"do": "inject", "mounts": _plan(mounts), "tmp_mb": size}, [self.init])

    async def dial(self) -> socket.socket:
        """A socket that connects in its network."""
        _, made = await self._keeper.ask({"do": "dial"}, [self.init])
        return socket.socket(fileno=made[0])

    def stands(self) -> bool:
        """Whether its init is there; one of a nursery goes with that."""
        if self.init < 0:
            return False
        poll = select.poll()
        poll.register(self.init, select.POLLIN)
        return not poll.poll(0)

    def kill(self) -> None:
        """With its init, the kernel kills everything in its pid namespace."""
        self._killed = True
        if self.init >= 0:
            _kill(self.init)
            self.init = -1
        link.close_all([*self._begun, *self.take_doors()])
        self._begun = []


def _plan(mounts: Sequence[tuple[Path, str]]) -> list[list[str]]:
    return [[str(source), target] for source, target in mounts]


def _kill(pidfd: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)
