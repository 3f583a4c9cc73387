"""Target tracking: from a use per minute to a capacity. Pure.

Rules (the Application Auto Scaling guide, "Target tracking"; alarms as AWS names them for Lambda):
- The high alarm: above the target in three minutes. The low one: below nine tenths of it in fifteen.
- A minute without invocations has no value, and doesn't count: without traffic nothing scales in.
- Out: as much as brings the use back to the target, one at least. In: as far as the use stays below the target.
"""

import math
from collections.abc import Sequence
from typing import Final

OUT_MINUTES: Final = 3
IN_MINUTES: Final = 15
_LOOKS_BACK: Final = 2
"""Minutes more than an alarm needs, so that a missing one doesn't silence it."""
KEEP_MINUTES: Final = IN_MINUTES + _LOOKS_BACK
_LOW: Final = 0.9


def alarm_high(values: Sequence[float | None], target: float) -> bool:
    """`values`: by minute, the newest last."""
    found = _present(values, OUT_MINUTES)
    return len(found) == OUT_MINUTES and all(value > target for value in found)


def alarm_low(values: Sequence[float | None], target: float) -> bool:
    found = _present(values, IN_MINUTES)
    return len(found) == IN_MINUTES and all(value < target * _LOW for value in found)


def scaled_out(current: int, use: float, target: float) -> int:
    return max(current + 1, _needed(current, use, target))


def scaled_in(current: int, use: float, target: float) -> int:
    return min(current, _needed(current, use, target))


def last(values: Sequence[float | None]) -> float:
    """The newest there is."""
    return next((value for value in reversed(values) if value is not None), 0.0)


def _needed(current: int, use: float, target: float) -> int:
    return math.ceil(round(current * use / target, 6))


def _present(values: Sequence[float | None], minutes: int) -> list[float]:
    return [value for value in values[-minutes - _LOOKS_BACK :] if value is not None][-minutes:]
