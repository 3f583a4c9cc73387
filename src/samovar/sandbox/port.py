"""The seam between the engine and whatever runs boxes: today Linux namespaces, later a microVM.

Rules, kept for every driver (models: open-lambda's safe sandbox):
 1. A box is used by one owner at a time, on the event loop.
 2. After `kill` it is dead: every further call does nothing.
 3. `on_exit` comes exactly once per occupant, however it ended, also when the driver itself breaks; not after `kill`.
 4. What comes out of a box (`on_frame`, `on_output`, `on_companion_output`) is hostile.
 5. Companions are further processes beside the occupant; they end with it. Where some still run when the occupant has
    exited, its owner is told (`on_occupant_exit`) and decides when to `stop` them; `on_exit` follows then, or when the
    last of them has gone.
"""

import socket
from collections.abc import Callable
from typing import Protocol

import msgspec

from samovar.sandbox.spec import Assignment, Command


class Exit(msgspec.Struct, frozen=True):
    """How an occupant ended: an exit status, or the signal that killed it."""

    status: int = 0
    signal: int = 0
    out_of_memory: bool = False
    box_gone: bool = False
    """The box went with it, and can't be started again."""
    unread: bool = False
    """It certainly hadn't read all that was sent to it."""


class SandboxDied(Exception):
    """A box could not be made or has broken; the reason is the text. Caught only by the engine's environment."""


class NotLaunched(SandboxDied):
    """The box is fine, but none of the command's programs could be started in it; the text names the last one, and
    says why."""


class NoProgram(NotLaunched):
    """None of the command's programs is there; the text names the last one."""


class NoDirectory(NotLaunched):
    """The command's working directory isn't there; the text says why."""


class Tenant(Protocol):
    """Who owns a box: what it hears of it."""

    def on_frame(self, kind: int, content: memoryview) -> None:
        """A whole frame from the occupant. The memory is only valid during the call."""

    def on_output(self, data: bytes) -> None:
        """What the occupant wrote to its output."""

    def on_companion_output(self, number: int, data: bytes) -> None:
        """What a companion wrote to its output."""

    def on_companion_exit(self, number: int, how: Exit) -> None:
        """A companion has exited by itself; the others, and the occupant, go on."""

    def on_occupant_exit(self, how: Exit) -> None:
        """The occupant has exited, companions still run."""

    def on_exit(self, how: Exit) -> None:
        """The occupant is gone, and everything that it had started; the box can be started again unless it's gone."""


class Box(Protocol):
    """A sealed place for one process tree, with a channel to it."""

    id: str

    @property
    def occupied(self) -> bool:
        """Whether it has an occupant that lives."""
        ...

    def attach(self, tenant: Tenant) -> None: ...

    def sound(self) -> bool:
        """Whether it is there, and what it depends on: also what has just gone, and will be told of in a moment."""

    async def assign(self, assignment: Assignment, meanwhile: Callable[[], None]) -> list[str]:
        """Give the box to a function: host folders appear in it. Returns where the occupant finds each.

        `meanwhile`: called while they are made to appear where they were asked for, unless they have already.

        One that is to appear at `/`, the first of them, takes the place of the root of the box's kind; it has folders
        /dev, /proc, /tmp and /mnt and files /etc/hosts and /etc/resolv.conf, may have /var/runtime/ca-certs, and the
        box needs mounts of its own.
        """

    def send(self, *parts: bytes) -> None:
        """Bytes of one frame to the occupant."""

    def pause_channel(self, paused: bool) -> None:
        """Stop or go on reading the occupant's frames: while stopped, its writes wait when the socket is full."""

    def pause_output(self, paused: bool) -> None:
        """Stop or go on reading the occupant's output: while stopped, it blocks when the pipe is full."""

    def drain_output(self) -> None:
        """Hand over (`on_output`) what has been written so far."""

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def throttle(self) -> None:
        """From now on, hold the occupant to its share of the CPU."""

    def peak_memory_mb(self) -> int:
        """The most memory used since the box was assigned."""

    def stop(self) -> None:
        """Kill the occupant and whatever it has started; /tmp and the mounts stay. `on_exit` follows."""

    async def start(self, command: Command | None = None) -> None:
        """Put an occupant into an empty box: the command, or what its kind has for all.

        Raises SandboxDied, and NotLaunched when there is no such program.
        """

    async def accompany(self, command: Command) -> int:
        """Start a companion, before the occupant or beside it; returns its number. Raises as `start` does."""

    async def dial(self) -> socket.socket:
        """A TCP socket that connects to what listens inside the box; not connected yet. Raises SandboxDied."""

    def signal(self, number: int | None, which: int) -> None:
        """Send a signal to a companion, or to the occupant (None); whoever has gone doesn't get it."""

    def kill(self) -> None:
        """Destroy the box. Nothing is heard of it any more."""


class Boxes(Protocol):
    """The driver."""

    host_network: bool
    """Whether its boxes have the host's network, for want of their own or by choice."""

    async def warm(self, kind: str) -> None:
        """Have boxes of this kind at hand."""

    async def take(self, kind: str, assignment: Assignment) -> Box:
        """A box with a fresh occupant: from the shelf, or made now, for what it will be assigned to. Raises
        SandboxDied."""

    @property
    def forks(self) -> bool:
        """Whether an occupant can be forked from another."""
        ...

    async def take_template(self, kind: str) -> Box:
        """A box whose occupant may offer itself as a template: others are then forked from it. Raises SandboxDied."""

    async def fork(self, origin: Box) -> Box:
        """A box of its own for a fork of a template, which is its occupant already. Raises SandboxDied.

        It ends when the template does. Companions can't be started in it.
        """

    def can_fork(self, origin: Box) -> bool:
        """Whether a template is there to be forked."""
        ...

    def release(self, origin: Box) -> None:
        """Nothing more will be forked from a template: it ends with the last of its forks."""

    async def close(self) -> None: ...
