"""How many invocations may run at a time: of an account in a region, and of a function that has some for itself.

Owns: the limit of accounts, the reservations, the counts. Refuses: environments and memory (`pool`). Pure, O(1).

Rules (facts/lambda-limits.md §2):
- A function with a reservation uses that alone, and always has it; 0 turns the function off.
- The others share what nobody has reserved of their account's limit in the region.
- A reservation holds at once. What runs already isn't stopped: it counts where it would be admitted now.
"""

from enum import Enum
from weakref import WeakValueDictionary

import msgspec

from samovar.core import arn
from samovar.engine.model import Version


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


class _Account:
    """What the functions of an account in a region share."""

    __slots__ = ("__weakref__", "running", "shared")

    def __init__(self, shared: int) -> None:
        self.shared = shared
        """The limit less the reservations."""
        self.running = 0
        """Invocations of the functions without a reservation."""


class Quota:
    """What one function may run: its reservation, or its part of the account's."""

    __slots__ = ("__weakref__", "_account", "_name", "_reserved", "_running")

    def __init__(self, name: str, account: _Account) -> None:
        self._name = name
        self._account = account
        self._reserved: int | None = None
        self._running = 0

    def __repr__(self) -> str:
        return f"{self._name}: {self._running} of {self._reserved} reserved"

    def refusal(self) -> Throttle | None:
        """Why no further invocation may begin now; None when one may."""
        if self._reserved is None:
            account = self._account
            if account.running < account.shared:
                return None
            return Throttle(Reason.CONCURRENCY, f"{self._name}: {account.running} invocations run already")
        if self._running < self._reserved:
            return None
        return Throttle(Reason.RESERVED, f"{self._name}: {self._running} of {self._reserved} reserved run already")

    def begin(self) -> None:
        self._running += 1
        if self._reserved is None:
            self._account.running += 1

    def end(self) -> None:
        self._running -= 1
        if self._reserved is None:
            self._account.running -= 1

    def reserve(self, reserved: int | None) -> None:
        account = self._account
        if self._reserved is None:
            account.running -= self._running
        account.shared += (self._reserved or 0) - (reserved or 0)
        self._reserved = reserved
        if reserved is None:
            account.running += self._running


class Concurrency:
    """The quotas of all functions. One lives as long as somebody holds it: an environment, or its reservation."""

    def __init__(self, limit: int) -> None:
        """`limit`: of every account in every region."""
        self.limit = limit
        self._quotas: WeakValueDictionary[str, Quota] = WeakValueDictionary()
        """By the ARN of the function."""
        self._reserved: dict[str, Quota] = {}
        self._accounts: WeakValueDictionary[tuple[str, str], _Account] = WeakValueDictionary()
        """By account and region."""

    def __repr__(self) -> str:
        accounts = [account for _, account in sorted(self._accounts.items())]
        used = [account for account in accounts if account.running or account.shared != self.limit]
        shared = [f"{account.running} of {account.shared}" for account in used] or [f"0 of {self.limit}"]
        return "; ".join([*map(repr, self._reserved.values()), *shared])

    def quota(self, version: Version) -> Quota:
        """The quota of the function that this is a version of."""
        return self._quota(version.function_arn, version.account, version.region)

    def reserve(self, function_arn: str, reserved: int | None) -> None:
        """Give a function this much for itself; None takes it back."""
        parsed = arn.parse(function_arn)
        assert parsed is not None, f"{function_arn!r} is no ARN"
        quota = self._quota(function_arn, parsed.account, parsed.region)
        quota.reserve(reserved)
        if reserved is None:
            self._reserved.pop(function_arn, None)
        else:
            self._reserved[function_arn] = quota

    def _quota(self, function_arn: str, account: str, region: str) -> Quota:
        found = self._quotas.get(function_arn)
        if found is None:
            shared = self._accounts.get((account, region)) or _Account(self.limit)
            self._accounts[account, region] = shared
            found = self._quotas[function_arn] = Quota(function_arn.rpartition(":")[2], shared)
        return found
