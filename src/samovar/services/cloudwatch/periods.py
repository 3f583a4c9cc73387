"""Periods: which observations of a metric make one datapoint (facts/cloudwatch.md §6). Pure.

Rules: the start is rounded down to the period, and to what is still kept of its age; a datapoint's time is the start of
its period; what is only kept for longer spans than the period has no datapoints in it.
"""

from typing import Final

from samovar.core.meter import Distribution
from samovar.services.cloudwatch.state import invalid

_DAY_S: Final = 86_400
_FINE: Final = (1, 5, 10, 20, 30)
_ROUNDED: Final = ((63 * _DAY_S, 3600), (15 * _DAY_S, 300))


def check(period: int) -> None:
    if period not in _FINE and (period < 60 or period % 60):
        raise invalid("The parameter Period must be 1, 5, 10, 20, 30, or any multiple of 60.")


def first(start: float, period: int, now: float) -> int:
    """Where the first period begins."""
    kept = next((span for age_s, span in _ROUNDED if now - start > age_s), 1)
    begin = int(start // kept * kept)
    return begin // period * period


def gather(points: list[tuple[int, int, Distribution]], period: int) -> list[tuple[int, Distribution]]:
    """(start of the period, what was observed in it), in the order of time."""
    found: dict[int, Distribution] = {}
    for at, span, distribution in points:
        if span <= period or span == 1:
            found.setdefault(at // period * period, Distribution(values={})).merge(distribution)
    return list(found.items())
