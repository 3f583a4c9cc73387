"""What requests come to as metrics, for every service in front of functions: APIs and load balancers.

Owns: gathering. Refuses: names, units and dimensions, which each service has of its own. Rules:

1. A request costs an append. What has gathered is summed up when somebody fetches metrics, or when there is much of it,
   value by value and not request by request.
2. A value that a request doesn't have is None, and isn't counted.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from samovar.core.meter import MINUTE_S, Dimensions, Distribution, Meter, Metric

_MOST_WAITING = 10_000
"""Rows of one minute and place."""

Row = tuple[Any, ...]
"""What there is to know of a request, in the order of which the series speak; what comes often should look the same."""


def always(value: object) -> float:
    return 1.0


def client_error(status: int) -> float:
    return float(400 <= status < 500)


def server_error(status: int) -> float:
    return float(status >= 500)


class Series(msgspec.Struct, frozen=True):
    """One metric."""

    name: str
    unit: str
    column: int
    """Which member of the rows it is about."""
    reading: Callable[[Any], float | None] = float
    """What such a value, which isn't None, counts as."""
    about: int | None = None
    """Which dimensions of a place it goes to; None: all."""


class Place:
    """Whose metrics these are: what they are about, once or several times (an API, and its stage)."""

    __slots__ = ("account", "dimensions", "region")

    def __init__(self, account: str, region: str, *dimensions: Sequence[tuple[str, str]]) -> None:
        """Each of `dimensions` in any order."""
        self.account = account
        self.region = region
        self.dimensions: tuple[Dimensions, ...] = tuple(tuple(sorted(each)) for each in dimensions)


class Metering:
    def __init__(self, meter: Meter, namespace: str, metrics: Sequence[Series]) -> None:
        self._meter = meter
        self._namespace = namespace
        self._metrics = tuple(metrics)
        self._waiting: dict[tuple[Place, float], list[Row]] = {}
        """By place and minute."""
        meter.sources.append(self.hand_over)

    def add(self, place: Place, now: float, row: Row) -> None:
        """`now`: epoch seconds. Keep a place and come again with it: each has sums of its own until then."""
        at = (place, now // MINUTE_S)
        waiting = self._waiting.get(at)
        if waiting is None:
            waiting = self._waiting[at] = []
        waiting.append(row)
        if len(waiting) >= _MOST_WAITING:
            self.hand_over()

    def hand_over(self) -> None:
        """Give the meter what has gathered."""
        waiting, self._waiting = self._waiting, {}
        for (place, minute), rows in waiting.items():
            columns = [Counter(column) for column in zip(*rows, strict=True)]
            for series in self._metrics:
                found = _summed(columns[series.column], series)
                if found.count:
                    self._gather(place, series, found, int(minute) * MINUTE_S)

    def _gather(self, place: Place, series: Series, found: Distribution, at: int) -> None:
        for number, dimensions in enumerate(place.dimensions):
            if series.about in (None, number):
                metric = Metric(place.account, place.region, self._namespace, series.name, dimensions, series.unit)
                self._meter.gather(metric, found, at)


def _summed(column: Counter[Any], series: Series) -> Distribution:
    counted: Counter[float] = Counter()
    for value, times in column.items():
        read = series.reading(value) if value is not None else None
        if read is not None:
            counted[read] += times
    found = Distribution(values={})
    found.add_counted(counted)
    return found
