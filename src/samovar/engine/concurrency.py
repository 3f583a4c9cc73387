"""How many invocations may run at a time: of an account in a region, and of a function that has some for itself.

Owns: the counts, the limit of accounts, the reservations. Refuses: environments and memory (`pool`). Pure, O(1).

Rules (facts/lambda-limits.md §2):
- A function with a reservation uses that alone, and always has it; 0 turns the function off.
- The others share what nobody has reserved of their account's limit in the region.
- A reservation holds at once. What runs already isn't stopped: it counts where it would be admitted now.
"""

from enum import Enum
from typing import TypeVar

import msgspec

from samovar.core import arn
from samovar.engine.model import Version

Scope = tuple[str, str]
"""Account, region."""


K = TypeVar("K")


class Reason(Enum):
    CONCURRENCY = "concurrency"
    """As many invocations run as the account may have beside the reservations: ConcurrentInvocationLimitExceeded."""
    RESERVED = "reserved"
    """As many of the function run as are reserved for it: ReservedFunctionConcurrentInvocationLimitExceeded."""
    MEMORY = "memory"
    """The machine has no memory for another box."""


class Throttle(msgspec.Struct, frozen=True):
    reason: Reason
    message: str
    """For the server's log."""


class Concurrency:
    def __init__(self, limit: int) -> None:
        """`limit`: of every account in every region."""
        self.limit = limit
        self.running = 0
        """Of all accounts together."""
        self._running: dict[str, int] = {}
        """By the ARN of the function."""
        self._unreserved: dict[Scope, int] = {}
        """How many of those run without a reservation."""
        self._reserved: dict[str, int] = {}
        self._reserved_in: dict[Scope, int] = {}
        """Sum of the reservations."""

    def __repr__(self) -> str:
        reservations = [
            f"{function.rpartition(':')[2]}: {self._running.get(function, 0)} of {reserved} reserved"
            for function, reserved in self._reserved.items()
        ]
        scopes = sorted(self._unreserved.keys() | self._reserved_in.keys())
        shared = [f"{self._unreserved.get(scope, 0)} of {self._shared(scope)}" for scope in scopes]
        return "; ".join([*reservations, *(shared or [f"0 of {self.limit}"])])

    def refusal(self, version: Version) -> Throttle | None:
        """Why no further invocation of the function may begin now; None when one may."""
        reserved = self._reserved.get(version.function_arn)
        if reserved is not None:
            running = self._running.get(version.function_arn, 0)
            if running < reserved:
                return None
            return Throttle(Reason.RESERVED, f"{version.function_name}: {running} of {reserved} reserved run already")
        scope = (version.account, version.region)
        running = self._unreserved.get(scope, 0)
        if running < self._shared(scope):
            return None
        return Throttle(Reason.CONCURRENCY, f"{version.function_name}: {running} invocations run already")

    def begin(self, version: Version) -> None:
        self._count(version.function_arn, (version.account, version.region), 1)

    def end(self, version: Version) -> None:
        self._count(version.function_arn, (version.account, version.region), -1)

    def reserve(self, function_arn: str, reserved: int | None) -> None:
        """Give the function this much for itself; None takes it back."""
        parsed = arn.parse(function_arn)
        assert parsed is not None, f"{function_arn!r} is no ARN"
        scope = (parsed.account, parsed.region)
        before = self._reserved.pop(function_arn, None)
        if reserved is not None:
            self._reserved[function_arn] = reserved
        _add(self._reserved_in, scope, (reserved or 0) - (before or 0))
        if (before is None) is not (reserved is None):
            running = self._running.get(function_arn, 0)
            _add(self._unreserved, scope, running if reserved is None else -running)

    def _shared(self, scope: Scope) -> int:
        return self.limit - self._reserved_in.get(scope, 0)

    def _count(self, function_arn: str, scope: Scope, change: int) -> None:
        self.running += change
        _add(self._running, function_arn, change)
        if function_arn not in self._reserved:
            _add(self._unreserved, scope, change)


def _add(counts: dict[K, int], key: K, change: int) -> None:
    """Change a count; zero isn't kept, so that functions that have gone leave nothing."""
    count = counts.get(key, 0) + change
    if count:
        counts[key] = count
    else:
        counts.pop(key, None)
