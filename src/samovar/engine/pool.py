"""Which environment an invocation gets, and which ones must go. Decides and *returns* the work to do; does none of it.

Owns: the set of living environments, what each is at (starting, busy, idle), the memory budget. What functions and
accounts may run is for `limits` to say.
Refuses: waiting. An invocation gets an environment now or is throttled now (AWS queues asynchronous ones before this).

Rules:
- `assign` has three cases: reuse the most recently used idle environment of the version (the others may grow old and be
  reaped); else start a new one, for this invocation alone; else throttle.
- An invocation has a slot of its function's share from `assign` to `release` or `discard`, also while its environment
  starts (facts/lambda-limits.md §2). One that gets a provisioned environment needs none.
- Every environment, idle or not, holds its version's memory. When a new one doesn't fit, the idle ones that were used
  least recently go first: they are all other versions', for an idle one of the same version would have been reused. If
  even all of them don't make room, none goes and the invocation is throttled.
- `keep` makes one ahead of any invocation. It holds its memory and nobody is given it, until `offer` lets invocations
  have it or somebody ends it. Neither memory nor age takes it away; nor a provisioned one that was offered. Those have
  version keys of their own: only `claim` gives them.
- An environment is in the pool from the moment it is made until the pool hands it out to be destroyed, or `discard`.
- Synchronous and O(1) for a warm `assign` and a `release`. Times are the caller's monotonic seconds.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

import msgspec

from samovar.engine.limits import Limits, Reason, Share, Slot, Throttle
from samovar.engine.model import PROVISIONED, Version

__all__ = ["Lease", "Pool", "Pooled", "Reason", "Throttle"]


class Pooled(Protocol):
    """All that the pool knows of an environment."""

    @property
    def id(self) -> str: ...
    @property
    def version_key(self) -> str: ...
    @property
    def memory_mb(self) -> int: ...


E = TypeVar("E", bound=Pooled)


class Lease(msgspec.Struct, Generic[E], frozen=True):
    """An environment for one invocation, until `release` or `discard`."""

    environment: E
    cold: bool = False
    """Just made: the caller starts it."""
    destroy: tuple[E, ...] = ()
    """Idle ones that had to go for it, out of the pool already."""


class _Group(Generic[E]):
    """The environments of one version key."""

    def __init__(self, version: Version, share: Share) -> None:
        self.name = version.function_name
        self.provisioned = version.initialization == PROVISIONED
        self.share = share
        self.retired = False
        self.most: int | None = None
        """So many may be busy or idle; None: any number."""
        self.kept: dict[str, E] = {}
        self.starting: dict[str, Slot] = {}
        self.busy: dict[str, Slot | None] = {}
        """By id, the slots of those that are; provisioned ones need none."""
        self.idle: dict[str, E] = {}
        """By id, the most recently used last."""

    def __bool__(self) -> bool:
        return bool(self.starting or self.busy or self.idle or self.kept)

    def __repr__(self) -> str:
        kept = f", {len(self.kept)} kept" if self.kept else ""
        name = f"{self.name} (provisioned)" if self.provisioned else self.name
        return f"{name}: {len(self.busy)} busy, {len(self.idle)} idle, {len(self.starting)} starting{kept}"


class Pool(Generic[E]):
    """The environments of all versions on this machine, which share one memory."""

    def __init__(self, make: Callable[[Version], E], *, limits: Limits, memory_mb: int) -> None:
        """`make` builds an environment's object, without any I/O, that the lease's owner then starts."""
        self.limits = limits
        self._make = make
        self._budget_mb = memory_mb
        self._groups: dict[str, _Group[E]] = {}
        self._idle: OrderedDict[str, tuple[E, float]] = OrderedDict()  # every idle one and since when; oldest first
        self._idle_mb = 0
        self._used_mb = 0

    @property
    def running(self) -> int:
        """Invocations admitted and not ended."""
        return sum(len(group.busy) + len(group.starting) for group in self._groups.values())

    @property
    def used_mb(self) -> int:
        """Memory that living environments hold, idle ones included."""
        return self._used_mb

    def __len__(self) -> int:
        return self.running + sum(len(group.idle) + len(group.kept) for group in self._groups.values())

    def __repr__(self) -> str:
        parts = [*map(repr, self._groups.values()), repr(self.limits)]
        return f"Pool({'; '.join(parts)})"

    def assign(self, version: Version, now: float, *, fresh: bool = False) -> Lease[E] | Throttle:
        """`fresh`: no used one, even if there is one."""
        group = self._groups.get(version.key)
        share = group.share if group is not None else self.limits.share(version)
        slot = share.lease(now)
        if isinstance(slot, Throttle):
            return slot

        # Reuse.
        if group is not None and group.idle and not fresh:
            key, environment = group.idle.popitem()
            del self._idle[key]
            self._idle_mb -= environment.memory_mb
            group.busy[key] = slot
            return Lease(environment)

        # Start, or throttle.
        lease = self._lack(version) or share.grow(now) or self._start(version)
        if isinstance(lease, Throttle):
            slot.end()
            return lease
        group = self._group(version)
        group.starting[lease.environment.id] = slot
        return lease

    def claim(self, version_key: str) -> Lease[E] | None:
        """A provisioned environment that is ready, if there is one."""
        group = self._groups.get(version_key)
        if group is None or not group.idle:
            return None
        key, environment = group.idle.popitem()
        group.busy[key] = None
        return Lease(environment)

    def busy(self, version_key: str) -> int:
        group = self._groups.get(version_key)
        return len(group.busy) if group is not None else 0

    def trim(self, version_key: str, most: int) -> tuple[E, ...]:
        """Keep no more provisioned environments than this: returns idle ones to destroy; the others as they are
        released."""
        group = self._groups.get(version_key)
        if group is None:
            return ()
        group.most = most
        surplus = max(0, len(group.busy) + len(group.idle) - most)
        return tuple(self._drop_idle(environment) for environment in list(group.idle.values())[:surplus])

    def keep(self, version: Version) -> Lease[E] | Throttle:
        """A new environment that belongs to no invocation, for whoever asks to start it."""
        lease = self._lack(version) or self._start(version)
        if isinstance(lease, Lease):
            self._group(version).kept[lease.environment.id] = lease.environment
        return lease

    def offer(self, environment: E, now: float) -> tuple[E, ...]:
        """Let invocations have one that was kept and is ready; returns it instead if its version is retired."""
        group = self._groups[environment.version_key]
        del group.kept[environment.id]
        return self._rest(group, environment, now)

    def _lack(self, version: Version) -> Throttle | None:
        """Of memory for a new environment."""
        if self._used_mb + version.memory_mb - self._budget_mb <= self._idle_mb:
            return None
        return Throttle(
            Reason.MEMORY,
            f"{version.function_name}: no memory for another environment of {version.memory_mb} MB: "
            f"{self._used_mb - self._idle_mb} of {self._budget_mb} MB are in use",
        )

    def _start(self, version: Version) -> Lease[E]:
        """A new environment, after making room for it."""
        missing_mb = self._used_mb + version.memory_mb - self._budget_mb
        environment = self._make(version)
        destroy: list[E] = []
        while missing_mb > 0:
            oldest = self._drop_oldest()
            missing_mb -= oldest.memory_mb
            destroy.append(oldest)
        self._used_mb += environment.memory_mb
        return Lease(environment, cold=True, destroy=tuple(destroy))

    def _group(self, version: Version) -> _Group[E]:
        group = self._groups.get(version.key)
        if group is None:
            group = self._groups[version.key] = _Group(version, self.limits.share(version))
        return group

    def started(self, environment: E) -> None:
        """It isn't starting any more: its invocation runs."""
        group = self._groups[environment.version_key]
        group.busy[environment.id] = group.starting.pop(environment.id)

    def release(self, environment: E, now: float) -> tuple[E, ...]:
        """End its invocation; returns the environment itself if it must be destroyed: its version is retired, say."""
        return self._rest(self._leave(environment), environment, now)

    def _rest(self, group: _Group[E], environment: E, now: float) -> tuple[E, ...]:
        surplus = group.most is not None and len(group.busy) + len(group.idle) >= group.most
        if group.retired or surplus:
            self._forget(group, environment)
            return (environment,)
        group.idle[environment.id] = environment
        if not group.provisioned:
            self._idle[environment.id] = (environment, now)
            self._idle_mb += environment.memory_mb
        return ()

    def discard(self, environment: E) -> None:
        """Forget an environment that died, whatever it was at; one that the pool has let go of already is fine."""
        group = self._groups.get(environment.version_key)
        if group is None:
            return
        if environment.id in group.idle:
            self._drop_idle(environment)
        elif group.kept.pop(environment.id, None) is not None:
            self._forget(group, environment)
        elif environment.id in group.busy or environment.id in group.starting:
            self._forget(self._leave(environment), environment)

    def retire(self, version_key: str) -> tuple[E, ...]:
        """Let a version go: returns its idle and kept environments to destroy; the others are destroyed as they are
        released."""
        group = self._groups.get(version_key)
        if group is None:
            return ()
        group.retired = True
        kept = list(group.kept.values())
        for environment in kept:
            self.discard(environment)
        return (*kept, *(self._drop_idle(environment) for environment in list(group.idle.values())))

    def reap(self, now: float, idle_timeout_s: float) -> tuple[E, ...]:
        """The environments that have been idle for `idle_timeout_s` or longer, to destroy."""
        old: list[E] = []
        while self._idle:
            _, since = next(iter(self._idle.values()))
            if now - since < idle_timeout_s:
                break
            old.append(self._drop_oldest())
        return tuple(old)

    def expel(self, environments: Iterable[E]) -> tuple[E, ...]:
        """Let go of those of `environments` that are idle; returns them, to destroy."""
        idle = [
            each
            for each in environments
            if (group := self._groups.get(each.version_key)) is not None and each.id in group.idle
        ]
        for environment in idle:
            self._drop_idle(environment)
        return tuple(idle)

    def clear(self) -> tuple[E, ...]:
        """Let every version go, for shutdown and reset; see `retire`."""
        return tuple(environment for key in list(self._groups) for environment in self.retire(key))

    def _leave(self, environment: E) -> _Group[E]:
        """Take it out of busy or starting. One that is neither was leased to nobody: a KeyError, for that is a bug."""
        group = self._groups[environment.version_key]
        among = group.busy if environment.id in group.busy else group.starting
        slot = among.pop(environment.id)
        if slot is not None:
            slot.end()
        return group

    def _drop_oldest(self) -> E:
        environment, _ = next(iter(self._idle.values()))
        return self._drop_idle(environment)

    def _drop_idle(self, environment: E) -> E:
        group = self._groups[environment.version_key]
        del group.idle[environment.id]
        if not group.provisioned:
            del self._idle[environment.id]
            self._idle_mb -= environment.memory_mb
        self._forget(group, environment)
        return environment

    def _forget(self, group: _Group[E], environment: E) -> None:
        self._used_mb -= environment.memory_mb
        if not group:
            del self._groups[environment.version_key]
