"""The server's side of a template: an occupant that others are forked from. See `inside/template`.

Owns: its link, and what is forked from it, which ends when it does. To the boxes of its forks it is what a zygote is to
others. Rule: it runs a function's code, so nothing that it says is believed further than it concerns its own forks.
While nobody waits for a fork it has a function's share of the CPU.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from samovar.sandbox import spec
from samovar.sandbox.box import LinuxBox
from samovar.sandbox.helper import Answer, Helper
from samovar.sandbox.needs import Mortal
from samovar.sandbox.port import Exit


class Origin(Protocol):
    """The zygote that a template comes from."""

    kept_mb: int

    @property
    def pidfd(self) -> int: ...

    def there(self) -> bool: ...


class Template:
    def __init__(self, name: str, number: int, origin: Origin) -> None:
        self.box: LinuxBox
        self.helper: Helper = _Link(name, self)
        self.helper.on_gone = self._gone
        self.below = number
        self.base_mb = 0
        self.command: spec.Command | None = None
        self.starts_early = False
        self.occupants: dict[int, Mortal] = {}
        self.children: set[LinuxBox] = set()
        self.released = False
        self.shelf: deque[LinuxBox] = deque()
        """Boxes for forks that nobody has asked for yet."""
        self.coming = False
        """Another one is being made."""
        self._origin = origin

    @property
    def kept_mb(self) -> int:
        return self._origin.kept_mb

    @property
    def root(self) -> list[int]:
        return [self._origin.pidfd, *self.box.ancestry()]

    def there(self) -> bool:
        return self.helper.there() and self._origin.there()

    def prepared(self) -> LinuxBox | None:
        while self.shelf:
            box = self.shelf.popleft()
            if box.stands():
                return box
            box.kill()
        return None

    def keep(self, box: LinuxBox) -> None:
        if self.released:
            box.kill()
        else:
            self.shelf.append(box)

    def release(self) -> None:
        """Nothing more is forked; it ends with the last of its forks."""
        self.released = True
        while self.shelf:
            self.shelf.popleft().kill()
        if not self.children:
            self.box.kill()

    def retire(self, box: LinuxBox) -> None:
        """A fork's box has ended."""
        self.children.discard(box)
        if self.released and not self.children:
            self.box.kill()

    def heard(self, event: dict[str, Any]) -> None:
        number, status = event.get("exited"), event.get("status")
        if not isinstance(number, int) or not isinstance(status, int):
            return
        occupant = self.occupants.pop(number, None)
        if occupant is not None:
            occupant.died(_exit(status))

    def _gone(self) -> None:
        self.occupants.clear()
        self.shelf.clear()
        for box in list(self.children):  # those without an occupant at this moment as well
            box.died(Exit(signal=signal.SIGKILL))


class _Link(Helper):
    def __init__(self, name: str, template: Template) -> None:
        super().__init__(name, asyncio.get_running_loop(), template.heard)
        self._template = template
        self._asked = 0

    def request(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> "asyncio.Future[Answer]":
        self._asked += 1
        self._template.box.unthrottle()
        future = super().request(request, descriptors)
        future.add_done_callback(self._answered)
        return future

    def _answered(self, future: "asyncio.Future[Answer]") -> None:
        self._asked -= 1
        if not self._asked:
            self._template.box.throttle()


def _exit(status: int) -> Exit:
    try:
        code = os.waitstatus_to_exitcode(status & 0xFFFF)
    except ValueError:
        return Exit(signal=signal.SIGKILL)
    return Exit(signal=-code) if code < 0 else Exit(status=code)
