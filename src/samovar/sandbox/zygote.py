"""The server's side of a zygote: the process of a kind that boxes' occupants are forked from. See `inside/zygote`.

Owns: its link, its occupants, which end when it does, and the shelf of boxes that are ready. Refuses: making either,
which is `boxes`.
"""

import asyncio
import os
import signal
from collections import deque
from typing import Any

from samovar.sandbox import spec
from samovar.sandbox.box import LinuxBox
from samovar.sandbox.helper import Helper
from samovar.sandbox.needs import Mortal
from samovar.sandbox.port import Exit

RETRY_AFTER_S = 1.0
"""Helpers that can't live are not started all the time."""


class Zygote:
    def __init__(self, kind: str, loop: asyncio.AbstractEventLoop, keeper: Helper) -> None:
        self.kind = kind
        self.started_at = loop.time()
        self.ready: asyncio.Future[Zygote] = loop.create_future()
        self.warm = asyncio.Event()
        self.below = 0
        self.base_mb = 0
        self.kept_mb = 0
        """Memory for children who will want it (`samovar_sdk`): part of no limit, and of what no function has used."""
        self.command: spec.Command | None = None
        self.starts_early = False
        self.shelf: deque[LinuxBox] = deque()
        self.coming = 0
        self.occupants: dict[int, Mortal] = {}
        self.helper = Helper(f"the {kind} zygote", loop, self._event, keeper)
        self.helper.on_gone = self._gone

    @property
    def pidfd(self) -> int:
        return self.helper.process

    @property
    def root(self) -> list[int]:
        return [self.pidfd]

    def there(self) -> bool:
        return self.helper.there()

    def keep(self, box: LinuxBox) -> None:
        """On the shelf, for whoever comes."""
        if self.helper.gone:
            box.kill()
        else:
            self.shelf.append(box)

    def rests(self, now: float) -> float:
        """In how many seconds another may be started after it: at once if it was ready once, else after a while."""
        lived = self.ready.done() and self.ready.exception() is None
        return 0.0 if lived else max(0.0, self.started_at + RETRY_AFTER_S - now)

    def _event(self, event: dict[str, Any]) -> None:
        if "ready" in event:
            self.kept_mb = event["kept_mb"]
            self.warm.set()
        elif "exited" in event:
            occupant = self.occupants.pop(event["exited"], None)
            if occupant is not None:
                occupant.died(_exit(event["status"]))

    def _gone(self) -> None:
        self.warm.set()
        while self.shelf:  # those without an occupant as well
            self.shelf.popleft().kill()
        for occupant in list(self.occupants.values()):
            occupant.died(Exit(signal=signal.SIGKILL))
        self.occupants.clear()


def _exit(status: int) -> Exit:
    code = os.waitstatus_to_exitcode(status)
    return Exit(signal=-code) if code < 0 else Exit(status=code)
