"""Statistics: what a distribution comes to (facts/cloudwatch.md §6). Pure.

Owns: the names of statistics and how they are made. Rules: a percentile is the smallest value that so many of the
observations don't exceed; trimmed statistics leave out observations by rank, or by value; where only sums were
reported, what asks for ranks has no value, unless all observations are equal.
"""

from collections.abc import Callable
from functools import partial

from samovar.core.expressions import expression
from samovar.core.meter import Distribution

Measure = Callable[[Distribution], float | None]

BASIC: dict[str, Measure] = {
    "SampleCount": lambda found: found.count,
    "Sum": lambda found: found.total,
    "Average": lambda found: found.total / found.count,
    "Minimum": lambda found: found.low,
    "Maximum": lambda found: found.high,
}
_SHORT = expression(r"(p|tm|wm|tc|ts)(100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]{1,10})?)")
_LONG = expression(r"(TM|WM|TC|TS|PR)\(([^:()]*):([^:()]*)\)")
_BOUND = expression(r"(-?[0-9]+(?:\.[0-9]+)?)(%?)")

Weighted = list[tuple[float, float]]
"""(value, how often), in order."""


def parse(name: str) -> Measure | None:
    """None when there is no such statistic."""
    if name in BASIC:
        return BASIC[name]
    if name.lower() == "iqm":
        return partial(_trimmed, "TM", 25.0, 75.0)
    short = _SHORT.fullmatch(name)
    if short:
        kind, share = short[1], float(short[2])
        return partial(_percentile, share) if kind == "p" else partial(_trimmed, kind.upper(), 0.0, share)
    long = _LONG.fullmatch(name)
    return _of_range(long[1], long[2].strip(), long[3].strip()) if long else None


def _of_range(kind: str, first: str, last: str) -> Measure | None:
    bounds = [_BOUND.fullmatch(text) for text in (first, last) if text]
    if not bounds or None in bounds:
        return None
    percent = {found[2] for found in bounds if found}
    if len(percent) > 1:
        return None
    by_rank = percent == {"%"}
    low = float(first.rstrip("%")) if first else (0.0 if by_rank else float("-inf"))
    high = float(last.rstrip("%")) if last else (100.0 if by_rank else float("inf"))
    if low >= high or (by_rank and not 0 <= low < high <= 100):
        return None
    if kind == "PR":
        return None if by_rank else partial(_share, low, high)
    return partial(_trimmed, kind, low, high) if by_rank else partial(_bounded, kind, low, high)


def _weighted(found: Distribution) -> Weighted | None:
    if found.values is not None:
        return sorted(found.values.items())
    return [(found.low, found.count)] if found.low == found.high else None


def _at(values: Weighted, share: float) -> float:
    """The value below which, itself included, there is this percentage."""
    wanted, seen = share / 100 * sum(times for _, times in values), 0.0
    for value, times in values:
        seen += times
        if seen >= wanted * (1 - 1e-12):
            return value
    return values[-1][0]


def _percentile(share: float, found: Distribution) -> float | None:
    values = _weighted(found)
    return _at(values, share) if values else None


def _trimmed(kind: str, low: float, high: float, found: Distribution) -> float | None:
    """Of the observations from one rank to another, in percent."""
    values = _weighted(found)
    if not values:
        return None
    if kind == "WM":
        return _clipped(values, _at(values, low) if low else values[0][0], _at(values, high))
    count = sum(times for _, times in values)
    first, last, seen = low / 100 * count, high / 100 * count, 0.0
    inside: Weighted = []
    for value, times in values:
        share = min(seen + times, last) - max(seen, first)
        if share > 0:
            inside.append((value, share))
        seen += times
    return _sum_up(kind, inside)


def _bounded(kind: str, low: float, high: float, found: Distribution) -> float | None:
    """Of the observations above one value and up to another."""
    values = _weighted(found)
    if not values:
        return None
    if kind == "WM":
        return _clipped(values, low, high)
    return _sum_up(kind, [(value, times) for value, times in values if low < value <= high])


def _share(low: float, high: float, found: Distribution) -> float | None:
    """The percentage of observations above one value and up to another."""
    values = _weighted(found)
    if not values:
        return None
    return 100 * sum(times for value, times in values if low < value <= high) / found.count


def _clipped(values: Weighted, low: float, high: float) -> float:
    total = sum(min(max(value, low), high) * times for value, times in values)
    return total / sum(times for _, times in values)


def _sum_up(kind: str, values: Weighted) -> float | None:
    count = sum(times for _, times in values)
    if kind == "TC":
        return count
    total = sum(value * times for value, times in values)
    if kind == "TS":
        return total
    return total / count if count else None
