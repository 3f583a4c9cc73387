"""The seam between the pool and whoever knows how much may run: one process today, many machines later.

Owns: the words Limits, Share, Slot, Throttle, Reason. What every driver keeps is in `tests/unit/engine/test_limits.py`.

Rules (facts/lambda-limits.md §2; lambda-runtime.md §7, provisioned concurrency):
- A *slot* is a lease on one unit of concurrency, for one invocation. Ending it twice gives one unit back.
- A function with a reservation uses that alone, and always has it; 0 turns the function off. The others share what
  nobody has for himself of their account's limit in the region. A flood on one function takes nothing from another's
  reservation, nor from its provisioned concurrency.
- Provisioned concurrency that is ready is taken out of its function's reservation, or of what the others share.
- A change holds at once. What runs already isn't stopped: it counts where it would be admitted now.
- Whoever may run `n` at a time may ask `10 n` times a second.
- New environments come at a limited rate. Nobody waits for a limit: there is a slot now, or none.
"""

from enum import Enum
from typing import Protocol

import msgspec

from samovar.core.bucket import Bucket
from samovar.engine.model import Version


class Reason(Enum):
    CONCURRENCY = "concurrency"
    """As many invocations run as the account may have beside the reservations."""
    RESERVED = "reserved"
    """As many of the function run as are reserved for it."""
    RATE = "rate"
    """More requests a second than ten for each unit of the account's concurrency."""
    RESERVED_RATE = "reserved-rate"
    """The same, of a function's reservation."""
    SCALING = "scaling"
    """New environments are wanted faster than they may come."""
    MEMORY = "memory"
    """The machine has no memory for another box."""


class Throttle(msgspec.Struct, frozen=True):
    reason: Reason
    message: str
    """For the server's log."""


class Slot(Protocol):
    def end(self) -> None:
        """Give the unit back; again does nothing."""
        ...


class Share(Protocol):
    """What one function may have."""

    def lease(self, now: float) -> Slot | Throttle:
        """A unit for one invocation. `now`: monotonic seconds."""
        ...

    def grow(self, now: float) -> Throttle | None:
        """Ask for one more environment; None: it may be made."""
        ...


class Limits(Protocol):
    @property
    def limit(self) -> int:
        """Concurrent invocations of an account in a region."""
        ...

    def share(self, version: Version) -> Share:
        """That of the function that this is a version of; the same one as long as somebody holds it."""
        ...

    def reserve(self, function_arn: str, reserved: int | None) -> None:
        """Give a function this much for itself; None takes it back."""
        ...

    def rate(self, units: int) -> Bucket | None:
        """Meters the requests to something that has so many units of its own; None: they aren't limited."""
        ...

    def provision(self, function_arn: str, units: int) -> None:
        """So many environments of the function are ready ahead of invocations, which don't need slots."""
        ...
