"""The limits of one process: how many invocations may run at a time, how fast they may come, and grow.

Owns: the limit of accounts, the reservations, the counts, the rates. It is a driver of `limits`, whose rules it keeps.
Refuses: environments and memory (`pool`). Pure, O(1).
"""

from typing import Final
from weakref import WeakValueDictionary

import msgspec

from samovar.core import arn
from samovar.core.bucket import Bucket
from samovar.engine.limits import Reason, Throttle
from samovar.engine.model import Version

REQUESTS_PER_UNIT: Final = 10
"""A second (facts/lambda-limits.md §1, request rate)."""


class Growth(msgspec.Struct, frozen=True):
    """How fast environments may come: `at_once` of them, then `per_s`. Today's rule is a function's, 1,000 every 10 s;
    that of before November 2023 an account's, 500 a minute after the burst (facts/lambda-limits.md §1)."""

    at_once: int = 1000
    per_s: float = 100.0
    of_account: bool = False

    @classmethod
    def burst(cls, at_once: int) -> "Growth":
        return cls(at_once, 500 / 60, of_account=True)

    def bucket(self) -> Bucket:
        return Bucket(self.at_once, self.per_s)


class Rates(msgspec.Struct, frozen=True):
    growth: Growth = Growth()
    requests: bool = True
    """Whether requests are limited to ten a second for each unit."""


class _Account:
    """What the functions of an account in a region share."""

    __slots__ = ("__weakref__", "growth", "requests", "running", "shared")

    def __init__(self, shared: int, rates: Rates) -> None:
        self.shared = shared
        """The limit less what functions have for themselves."""
        self.running = 0
        """Invocations of the functions without a reservation."""
        self.requests = _requests(shared) if rates.requests else None
        self.growth = rates.growth.bucket()

    def give(self, units: int) -> None:
        self.shared += units
        _resize(self.requests, self.shared)


class FunctionShare:
    """What one function may run: its reservation, or its part of the account's."""

    __slots__ = ("__weakref__", "_account", "_growth", "_name", "_provisioned", "_requests", "_reserved", "_running")

    def __init__(self, name: str, account: _Account, rates: Rates) -> None:
        self._name = name
        self._account = account
        self._reserved: int | None = None
        self._provisioned = 0
        self._running = 0
        self._requests = _requests(0) if rates.requests else None
        """Of the reservation."""
        self._growth = account.growth if rates.growth.of_account else rates.growth.bucket()

    def __repr__(self) -> str:
        return f"{self._name}: {self._running} of {self._own} reserved"

    @property
    def _own(self) -> int:
        """What of the reservation is there for invocations that need slots."""
        return max(0, (self._reserved or 0) - self._provisioned)

    def lease(self, now: float) -> "FunctionSlot | Throttle":
        account = self._account
        if self._reserved is None:
            if account.running >= account.shared:
                return Throttle(Reason.CONCURRENCY, f"{self._name}: {account.running} invocations run already")
            if account.requests is not None and not account.requests.take(now):
                rate = account.shared * REQUESTS_PER_UNIT
                return Throttle(Reason.RATE, f"{self._name}: more than {rate} requests a second")
            account.running += 1
        else:
            own = self._own
            if self._running >= own:
                return Throttle(Reason.RESERVED, f"{self._name}: {self._running} of {own} reserved run already")
            if self._requests is not None and not self._requests.take(now):
                return Throttle(
                    Reason.RESERVED_RATE, f"{self._name}: more than {own * REQUESTS_PER_UNIT} requests a second"
                )
        self._running += 1
        return FunctionSlot(self)

    def grow(self, now: float) -> Throttle | None:
        if self._growth.take(now):
            return None
        return Throttle(
            Reason.SCALING,
            f"{self._name}: new environments come faster than {self._growth.capacity:g} at once and "
            f"{self._growth.per_s:g} a second",
        )

    def ended(self) -> None:
        """A slot was."""
        self._running -= 1
        if self._reserved is None:
            self._account.running -= 1

    def reserve(self, reserved: int | None) -> None:
        account = self._account
        before = self._claim
        if self._reserved is None:
            account.running -= self._running
        self._reserved = reserved
        if reserved is None:
            account.running += self._running
        account.give(before - self._claim)
        _resize(self._requests, self._own)

    def provision(self, units: int) -> None:
        before = self._claim
        self._provisioned = units
        self._account.give(before - self._claim)
        _resize(self._requests, self._own)

    @property
    def _claim(self) -> int:
        """What of the account's limit is this function's alone."""
        return self._provisioned if self._reserved is None else self._reserved


class FunctionSlot(msgspec.Struct, eq=False):
    share: FunctionShare | None

    def end(self) -> None:
        share, self.share = self.share, None
        if share is not None:
            share.ended()


class Concurrency:
    """The shares of all functions. One lives as long as somebody holds it: an environment, or what it has for itself.

    See `limits.Limits`.
    """

    def __init__(self, limit: int, rates: Rates | None = None) -> None:
        """`limit`: of every account in every region."""
        self.limit = limit
        self._rates = rates or Rates()
        self._shares: WeakValueDictionary[str, FunctionShare] = WeakValueDictionary()
        """By the ARN of the function."""
        self._reserved: dict[str, FunctionShare] = {}
        self._provisioned: dict[str, FunctionShare] = {}
        self._accounts: WeakValueDictionary[tuple[str, str], _Account] = WeakValueDictionary()
        """By account and region."""

    def __repr__(self) -> str:
        accounts = [account for _, account in sorted(self._accounts.items())]
        used = [account for account in accounts if account.running or account.shared != self.limit]
        shared = [f"{account.running} of {account.shared}" for account in used] or [f"0 of {self.limit}"]
        return "; ".join([*map(repr, self._reserved.values()), *shared])

    def share(self, version: Version) -> FunctionShare:
        return self._share(version.function_arn, version.account, version.region)

    def reserve(self, function_arn: str, reserved: int | None) -> None:
        share = self._named(function_arn)
        share.reserve(reserved)
        _hold(self._reserved, function_arn, share, reserved is not None)

    def rate(self, units: int) -> Bucket | None:
        return _requests(units) if self._rates.requests else None

    def provision(self, function_arn: str, units: int) -> None:
        share = self._named(function_arn)
        share.provision(units)
        _hold(self._provisioned, function_arn, share, units > 0)

    def _named(self, function_arn: str) -> FunctionShare:
        parsed = arn.parse(function_arn)
        assert parsed is not None, f"{function_arn!r} is no ARN"
        return self._share(function_arn, parsed.account, parsed.region)

    def _share(self, function_arn: str, account: str, region: str) -> FunctionShare:
        found = self._shares.get(function_arn)
        if found is None:
            shared = self._accounts.get((account, region)) or _Account(self.limit, self._rates)
            self._accounts[account, region] = shared
            found = self._shares[function_arn] = FunctionShare(function_arn.rpartition(":")[2], shared, self._rates)
        return found


def _hold(held: dict[str, FunctionShare], function_arn: str, share: FunctionShare, needed: bool) -> None:
    if needed:
        held[function_arn] = share
    else:
        held.pop(function_arn, None)


def _requests(units: int) -> Bucket:
    return Bucket(units * REQUESTS_PER_UNIT, units * REQUESTS_PER_UNIT)


def _resize(requests: Bucket | None, units: int) -> None:
    if requests is not None:
        requests.resize(units * REQUESTS_PER_UNIT, units * REQUESTS_PER_UNIT)
