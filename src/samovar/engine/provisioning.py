"""Provisioned concurrency: environments that are ready ahead of invocations, and are kept so.

Owns: the allocations, one for each version that invocations of a qualified ARN may run: their environments, their
attempts, their status.
Refuses: whether one may have them (the service above), and where an environment is (the pool).

Rules (facts/lambda-runtime.md §7, lambda-limits.md §2, lambda-api.md §10):
- An allocation is IN_PROGRESS until it has all its environments; from then on invocations of its ARN get them (READY).
  Beyond them, or beyond ten requests a second for each of them, invocations spill over to ordinary environments.
- An init that fails is tried again, in another environment. When six have failed and none has succeeded in between, the
  allocation has FAILED, and is left alone until it is asked for anew. What was ready then stays in use.
- The first environment of an allocation comes alone: who fails, fails six times. No more than a few come at a time, of
  all allocations, so that they don't stand in the way of invocations.
- One that dies is replaced, without a word.
- Another number keeps what is there; another version replaces all at once.
- Nothing of this lasts: the service above asks again when the server starts.
"""

import logging
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Final, Protocol

import msgspec

from samovar.core.bucket import Bucket
from samovar.engine.environment import Environment
from samovar.engine.house import Told
from samovar.engine.limits import Limits, Throttle
from samovar.engine.model import PROVISIONED, InitFailure, Invocation, Version
from samovar.engine.pool import Lease, Pool
from samovar.engine.report import SANDBOX_FAILURE

log = logging.getLogger("samovar.engine")

ATTEMPTS: Final = 6
AT_ONCE: Final = 8
INIT_FAILURE: Final = "FUNCTION_ERROR_INIT_FAILURE"
_RETRY_S = 0.1
"""Before the second attempt, and twice as long before each further one."""


class Status(Enum):
    IN_PROGRESS = "IN_PROGRESS"
    READY = "READY"
    FAILED = "FAILED"


class Provisioned(msgspec.Struct, frozen=True):
    """How an allocation stands."""

    status: Status
    requested: int
    allocated: int
    """Environments that are ready."""
    available: int
    """Those of them that invocations get."""
    reason: str = ""
    """Why it has failed."""


class Use(msgspec.Struct, frozen=True):
    """How much of an allocation was busy whenever an invocation came: ProvisionedConcurrencyUtilization."""

    average: float
    maximum: float


class Share(msgspec.Struct, frozen=True):
    """Of what stands ready for an invocation."""

    busy: int
    units: int


class House(Protocol):
    """What is needed of the engine."""

    pool: Pool[Environment]

    def initialise(self, version: Version, told: Told) -> Environment | Throttle: ...
    def offer(self, environment: Environment) -> None: ...
    def retire(self, version_key: str) -> None: ...
    def later(self, seconds: float, callback: Callable[[], None]) -> None: ...


class _Allocation:
    def __init__(self, arn: str, version: Version, units: int) -> None:
        self.version = msgspec.structs.replace(version, key=f"{version.key} for {arn}", initialization=PROVISIONED)
        self.units = units
        self.status = Status.IN_PROGRESS
        self.reason = ""
        self.starting = 0
        self.ready: set[Environment] = set()
        self.in_use = False
        """It has had all its environments; from then on invocations get what there is."""
        self.failures = 0
        """Since the last success."""
        self.waits = False
        """Before its next attempt."""
        self.gone = False
        self.samples: list[int] = [0, 0, 0]
        """Since somebody asked: invocations, the sum of how many environments were busy then, and the most."""
        self.requests: Bucket | None = None

    @property
    def allocated(self) -> int:
        return min(len(self.ready), self.units)


class Provisioning:
    def __init__(self, house: House, limits: Limits) -> None:
        self._house = house
        self._limits = limits
        self._allocations: dict[str, dict[str, _Allocation]] = {}
        """By qualified ARN, then by the version key of ordinary environments: an alias may have two versions."""
        self._by_key: dict[str, _Allocation] = {}
        """By the version key of their environments."""
        self._starting = 0
        """Environments of all allocations."""

    # --- for the service --------------------------------------------------------------------------------------------

    def put(self, arn: str, shares: Sequence[tuple[Version, int]], *, anew: bool = False) -> None:
        """Have so many environments of each version ready for invocations of this ARN. What is so already stays;
        `anew` tries again where it has failed."""
        present = self._allocations.setdefault(arn, {})
        wanted = {version.key for version, units in shares if units > 0}
        for key in [key for key in present if key not in wanted]:
            self._drop(present.pop(key))
        for version, units in shares:
            if units > 0:
                self._put(present, arn, version, units, anew)

    def _put(self, present: dict[str, _Allocation], arn: str, version: Version, units: int, anew: bool) -> None:
        found = present.get(version.key)
        if found is None:
            found = present[version.key] = _Allocation(arn, version, units)
            self._by_key[found.version.key] = found
        elif found.units == units and not anew:
            return
        found.units = units
        found.status, found.reason, found.failures = Status.IN_PROGRESS, "", 0
        surplus = list(self._house.pool.trim(found.version.key, units))
        if found.in_use:
            self._tell_limits(version)
        else:
            surplus += list(found.ready)[units:]
        for environment in surplus:
            found.ready.discard(environment)
            environment.retire()
        self._advance(found)

    def remove(self, arn: str) -> None:
        """Let them go; running invocations finish."""
        for found in self._allocations.pop(arn, {}).values():
            self._drop(found)

    def _drop(self, allocation: _Allocation) -> None:
        del self._by_key[allocation.version.key]
        allocation.gone = True
        self._house.retire(allocation.version.key)
        self._tell_limits(allocation.version)

    def get(self, arn: str) -> Provisioned | None:
        found = list(self._allocations.get(arn, {}).values())
        if not found:
            return None
        statuses = {each.status for each in found}
        worst = next(each for each in (Status.FAILED, Status.IN_PROGRESS, Status.READY) if each in statuses)
        return Provisioned(
            worst,
            requested=sum(each.units for each in found),
            allocated=sum(each.allocated for each in found),
            available=sum(each.allocated for each in found if each.in_use),
            reason=next((each.reason for each in found if each.reason), ""),
        )

    def use(self, arn: str) -> Use | None:
        """Since this was asked last; None where nothing was invoked, or nothing is in use."""
        found = [each for each in self._allocations.get(arn, {}).values() if each.samples[0]]
        if not found:
            return None
        count = sum(each.samples[0] for each in found)
        average = sum(each.samples[1] / each.units for each in found) / count
        maximum = max(each.samples[2] / each.units for each in found)
        for each in found:
            each.samples = [0, 0, 0]
        return Use(average, maximum)

    # --- for invocations --------------------------------------------------------------------------------------------

    def claim(self, version: Version, invocation: Invocation, now: float) -> Lease[Environment] | None:
        """An environment that was ready for this invocation; None: it spills over."""
        found = self._for(version, invocation) if self._allocations else None
        if found is None:
            return None
        if found.requests is not None and not found.requests.take(now):
            return None
        lease = self._house.pool.claim(found.version.key)
        busy = self._busy(found)
        count, total, most = found.samples
        found.samples = [count + 1, total + busy, max(most, busy)]
        return lease

    def share(self, version: Version, invocation: Invocation) -> Share | None:
        """How much of what stands ready for this invocation is at work; None where nothing does."""
        found = self._for(version, invocation) if self._allocations else None
        return Share(self._busy(found), found.units) if found is not None else None

    def _for(self, version: Version, invocation: Invocation) -> _Allocation | None:
        """The one in use that is this invocation's."""
        shares = self._allocations.get(invocation.invoked_arn)
        if shares is None:  # by an alias: the version may have its own
            shares = self._allocations.get(f"{version.function_arn}:{version.version}", {})
        found = shares.get(version.key)
        return found if found is not None and found.in_use else None

    def _busy(self, allocation: _Allocation) -> int:
        return min(self._house.pool.busy(allocation.version.key), allocation.units)

    # --- for the engine ---------------------------------------------------------------------------------------------

    def lost(self, environment: Environment) -> None:
        """An environment has gone."""
        found = self._by_key.get(environment.version_key)
        if found is not None and environment in found.ready:
            found.ready.discard(environment)
            self._advance_later(found, _RETRY_S)

    def close(self) -> None:
        """Start nothing any more."""
        for arn in list(self._allocations):
            self.remove(arn)

    # --- pieces -----------------------------------------------------------------------------------------------------

    def _advance(self, allocation: _Allocation) -> None:
        """Start what is missing, as much as may be started at once."""
        if allocation.gone or allocation.waits or allocation.status is Status.FAILED:
            return
        if len(allocation.ready) >= allocation.units:
            self._complete(allocation)
            return
        missing = allocation.units - len(allocation.ready) if allocation.ready else 1
        while allocation.starting < missing and self._starting < AT_ONCE:
            told = _Told(self, allocation)
            started = self._house.initialise(allocation.version, told)
            if isinstance(started, Throttle):
                self._failed(allocation, started.message)
                return
            told.environment = started
            allocation.starting += 1
            self._starting += 1

    def told(self, allocation: _Allocation, environment: Environment, failure: InitFailure | None) -> None:
        allocation.starting -= 1
        self._starting -= 1
        if failure is not None:
            if failure.error_type and not allocation.gone:
                mine = failure.error_type == SANDBOX_FAILURE
                self._failed(allocation, "The execution environment could not be made." if mine else INIT_FAILURE)
        elif allocation.gone or len(allocation.ready) >= allocation.units:
            environment.retire()
        else:
            allocation.failures = 0
            allocation.ready.add(environment)
            if allocation.in_use:
                self._house.offer(environment)
        for each in list(self._by_key.values()):  # whoever waited for its turn
            self._advance(each)

    def _complete(self, allocation: _Allocation) -> None:
        allocation.status = Status.READY
        if not allocation.in_use:
            allocation.in_use = True
            for environment in list(allocation.ready):
                self._house.offer(environment)
        allocation.requests = self._limits.rate(allocation.units)
        self._tell_limits(allocation.version)

    def _failed(self, allocation: _Allocation, reason: str) -> None:
        allocation.failures += 1
        log.info("provisioned concurrency of %s: attempt %d: %s", allocation.version.key, allocation.failures, reason)
        if allocation.failures < ATTEMPTS:
            self._advance_later(allocation, _RETRY_S * 2 ** (allocation.failures - 1))
            return
        allocation.status, allocation.reason = Status.FAILED, reason
        if not allocation.in_use:
            allocation.ready.clear()
            self._house.retire(allocation.version.key)

    def _advance_later(self, allocation: _Allocation, seconds: float) -> None:
        if not allocation.waits:
            allocation.waits = True
            self._house.later(seconds, partial(self._go_on, allocation))

    def _go_on(self, allocation: _Allocation) -> None:
        allocation.waits = False
        self._advance(allocation)

    def _tell_limits(self, version: Version) -> None:
        """What invocations of the function don't need slots for."""
        arn = version.function_arn
        mine = [each for each in self._by_key.values() if each.version.function_arn == arn and each.in_use]
        self._limits.provision(arn, sum(each.units for each in mine))


class _Told:
    """Hears how the init of one environment went."""

    def __init__(self, provisioning: Provisioning, allocation: _Allocation) -> None:
        self._provisioning = provisioning
        self._allocation = allocation
        self.environment: Environment

    def __call__(self, failure: InitFailure | None) -> None:
        self._provisioning.told(self._allocation, self.environment, failure)
