"""A token bucket: how AWS meters requests and growth. Pure; times are the caller's seconds, from any start."""

import math


class Bucket:
    """Holds `capacity` tokens at most, gains `per_s` a second, without steps, and is full in the beginning."""

    __slots__ = ("_at", "_tokens", "capacity", "per_s")

    def __init__(self, capacity: float, per_s: float) -> None:
        self.capacity = capacity
        self.per_s = per_s
        self._tokens = capacity
        self._at = math.inf
        """When a token was asked for, last; never yet."""

    def take(self, now: float) -> bool:
        """Whether there was a token to take."""
        if now > self._at:
            self._tokens = min(self.capacity, self._tokens + (now - self._at) * self.per_s)
        self._at = now
        if self._tokens < 1.0 - 1e-9:  # ten tenths must be one, and the sum of ten floats is a bit less
            return False
        self._tokens -= 1.0
        return True

    def resize(self, capacity: float, per_s: float) -> None:
        """A new size keeps how much has been taken."""
        self._tokens += capacity - self.capacity
        self.capacity = capacity
        self.per_s = per_s
