"""How many requests the APIs of an account take together, REST, HTTP and WebSocket, in each region (facts/apigateway.md
§12).

Owns: the buckets. Rule: the burst is half a second's worth, as it is of AWS's 10,000.
"""

from samovar.core.bucket import Bucket


class AccountRate:
    def __init__(self, per_s: int) -> None:
        """0: there is no limit."""
        self.per_s = per_s
        self.burst = per_s // 2
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def admits(self, account: str, region: str, now: float) -> bool:
        """Whether there is room for one more request; `now` by the monotonic clock."""
        if not self.per_s:
            return True
        bucket = self._buckets.get((account, region))
        if bucket is None:
            bucket = self._buckets[account, region] = Bucket(max(self.burst, 1), self.per_s)
        return bucket.take(now)

    def clear(self) -> None:
        self._buckets.clear()
