"""How often an account may call Lambda's control plane in a region: by setting, for nobody wants it by chance.

Facts: lambda-limits.md §1 (GetFunction 100 a second, GetPolicy 15, everything else 15 together; Invoke has limits of
its own), lambda-api.md §11 (CallerRateLimitExceeded). Rule: a call that is refused has done nothing.
"""

from collections.abc import Mapping
from typing import Final

from samovar.core.bucket import Bucket
from samovar.core.clock import Clock
from samovar.core.context import Context, Operation, Params
from samovar.core.errors import AwsError
from samovar.core.service import fold

_OWN: Final = {fold("GetFunction"): 100, fold("GetPolicy"): 15}
_TOGETHER: Final = 15


class CallRates:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        """By account, region, and the operation that has a rate of its own (or nothing)."""

    def limit(self, operations: Mapping[str, Operation]) -> dict[str, Operation]:
        """The operations as callers reach them."""
        return {name: self._limited(name, operation) for name, operation in operations.items()}

    def _limited(self, name: str, operation: Operation) -> Operation:
        async def limited(ctx: Context, params: Params) -> Params:
            self._take(ctx, name)
            return await operation(ctx, params)

        return limited

    def _take(self, ctx: Context, name: str) -> None:
        own = name if name in _OWN else ""
        key = (ctx.account, ctx.region, own)
        bucket = self._buckets.get(key)
        if bucket is None:
            rate = _OWN.get(own, _TOGETHER)
            bucket = self._buckets[key] = Bucket(rate, rate)
        if not bucket.take(self._clock.monotonic()):
            raise AwsError("TooManyRequestsException", "Rate exceeded", Reason="CallerRateLimitExceeded", Type="User")
