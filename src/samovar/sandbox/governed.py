"""A box as its control groups hold it: frozen or not, with how much of the CPU.

Owns: the group, once it is there, and the limits that the box's function has. Rule: the group goes with the keeper,
whose guardian removes it; then nothing is held any more, and nobody is told here.
"""

import contextlib

from samovar.sandbox import cgroup
from samovar.sandbox.port import SandboxDied
from samovar.sandbox.spec import BoxLimits

_LEAST_MB = 16
_USUAL_MB = 128
"""Of most functions."""


class Governed:
    def __init__(self) -> None:
        self.group: cgroup.Group | None = None
        self.dead = False
        self._limits: BoxLimits | None = None
        self._emptying = False
        """Its processes are on their way out, and have to run for that."""

    def hold(self, limits: BoxLimits, shared_mb: int) -> None:
        """To a function's limits. `shared_mb`: memory that counts towards them and isn't charged to the group. Raises
        SandboxDied."""
        self._limits = limits
        self._hold_memory(limits.memory_mb, shared_mb)

    def hold_ahead(self, shared_mb: int) -> None:
        """To the memory of most functions, before it is known whose it will be: there is nothing left to do then, as a
        rule. See `hold`."""
        self._hold_memory(_USUAL_MB, shared_mb)

    def _hold_memory(self, memory_mb: int, shared_mb: int) -> None:
        if self.group is None:
            return
        try:
            self.group.limit(max(memory_mb - shared_mb, _LEAST_MB))
        except OSError as error:
            raise SandboxDied(f"a box could not be limited: {error}") from error

    def freeze(self) -> None:
        if self.group is not None and not self.dead and not self._emptying:
            with group_may_have_gone():
                self.group.freeze()

    def thaw(self) -> None:
        if self.group is not None and self.group.frozen:
            with group_may_have_gone():
                self.group.thaw()

    def throttle(self) -> None:
        group, cpus = self.group, None if self._limits is None else self._limits.cpus
        if group is None or group.throttled or cpus is None or self.dead:
            return
        with group_may_have_gone():
            group.throttle(cpus)

    def unthrottle(self) -> None:
        """All the CPU there is again, for a template while somebody waits for a fork."""
        with group_may_have_gone():
            if self.group is not None and not self.dead and self.group.throttled:
                self.group.renew()


def group_may_have_gone() -> contextlib.AbstractContextManager[None]:
    """With the keeper, whose guardian has removed it: the box's own end is then heard in a moment."""
    return contextlib.suppress(OSError)
