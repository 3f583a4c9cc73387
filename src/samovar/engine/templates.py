"""The templates: for each version that has one, the initialised environment whose forks become its environments.

Owns: which versions have templates, making one once for all who wait, and when it goes. Refuses: running anything.

- With SnapStart a version has one from its publication on; `--fork-warm` gives one to every function in Python, at its
  first cold start. One that was lost is made again when it is needed.
- A version that can't be forked faithfully isn't tried again; one whose template failed to initialise is, but not at
  once: its environments initialise in full, and tell whoever invokes what is wrong.
- It is an environment of the pool, and holds its memory; one that wasn't published goes when it is long out of use.
"""

import asyncio
from typing import Protocol

from samovar.core.clock import Clock
from samovar.engine.environment import Environment
from samovar.engine.house import Told
from samovar.engine.lifecycle import State
from samovar.engine.limits import Throttle
from samovar.engine.model import NOT_FORKABLE, ON_DEMAND, SNAP_START, InitFailure, Version
from samovar.sandbox.port import Box, Boxes

_RETRY_AFTER_S = 10.0


class House(Protocol):
    boxes: Boxes
    clock: Clock

    def initialise(self, version: Version, told: Told, *, copied: bool = False) -> Environment | Throttle: ...
    def forkable(self, version: Version) -> bool:
        """Whether its runtime can be forked once it has initialised."""
        ...

    def let_go(self, environment: Environment) -> None:
        """Take one that was kept out of the pool, and end it."""


class Templates:
    def __init__(self, house: House, *, fork_warm: bool) -> None:
        """`fork_warm`: also for functions without SnapStart."""
        self._house = house
        self._fork_warm = fork_warm
        self._entries: dict[str, _Entry] = {}

    async def get(self, version: Version) -> Box | None:
        """What to fork an environment of this version from; None when it is to be initialised in full."""
        if not self._wanted(version):
            return None
        entry = self._entries.get(version.key)
        if entry is None or entry.lost(self._house.clock.monotonic()):
            entry = self._make(version, None)
        await entry.made.wait()
        entry.used_at = self._house.clock.monotonic()
        return entry.box

    def publish(self, version: Version, told: Told) -> None:
        """Make the template of a version with SnapStart; `told` hears, once, when that is done, or what failed."""
        if self._wanted(version):
            self._make(version, told)
        else:
            self._try(version, told)

    def _try(self, version: Version, told: Told) -> None:
        """Initialise one that can't be forked, with extensions for example: to be published is still to have
        initialised once (facts/lambda-runtime.md §7). Its invocations then initialise environments of their own."""

        def heard(failure: InitFailure | None) -> None:
            told(failure)
            if failure is None and not isinstance(made, Throttle):
                self._house.let_go(made)

        made = self._house.initialise(version, heard)
        if isinstance(made, Throttle):
            told(InitFailure(""))

    def retire(self, version_key: str) -> None:
        """Its environment goes with the others of the version."""
        self._entries.pop(version_key, None)

    def reap(self, idle_s: float) -> None:
        now = self._house.clock.monotonic()
        for key, entry in list(self._entries.items()):
            if not entry.lasts and entry.made.is_set() and now - entry.used_at >= idle_s:
                del self._entries[key]
                if entry.box is not None and entry.environment is not None:
                    self._house.let_go(entry.environment)

    def _wanted(self, version: Version) -> bool:
        if version.initialization != SNAP_START and not (self._fork_warm and version.initialization == ON_DEMAND):
            return False
        return self._house.forkable(version)

    def _make(self, version: Version, told: Told | None) -> "_Entry":
        entry = self._entries[version.key] = _Entry(version, told, self._house)
        made = self._house.initialise(version, entry.heard, copied=True)
        if isinstance(made, Throttle):
            entry.heard(InitFailure(""))
        else:
            entry.environment = made
        return entry


class _Entry:
    def __init__(self, version: Version, told: Told | None, house: House) -> None:
        self.lasts = version.initialization == SNAP_START
        self.environment: Environment | None = None
        self.made = asyncio.Event()
        self.used_at = house.clock.monotonic()
        self._told = told
        self._house = house
        self._failed = False
        self._impossible = False

    @property
    def box(self) -> Box | None:
        """The template, while it lives."""
        environment = self.environment
        if environment is None or environment.state is not State.TEMPLATE or environment.box is None:
            return None
        # Its end may be known to those who would fork it first.
        return environment.box if self._house.boxes.can_fork(environment.box) else None

    def lost(self, now: float) -> bool:
        """Whether another may be made."""
        if not self.made.is_set() or self._impossible or self.box is not None:
            return False
        return not self._failed or now - self.used_at >= _RETRY_AFTER_S

    def heard(self, failure: InitFailure | None) -> None:
        self._impossible = failure is not None and failure.error_type == NOT_FORKABLE
        self._failed = failure is not None
        self.used_at = self._house.clock.monotonic()
        self.made.set()
        if self._told is not None:
            self._told(None if self._impossible else failure)
