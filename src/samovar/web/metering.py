"""What requests come to as metrics, for every service in front of functions: APIs and load balancers.

Owns: gathering. Refuses: names, units and dimensions, which each service has of its own. Rules:

1. A request costs an append. What has gathered is summed up when somebody fetches metrics, or when there is much of it.
2. A value that a request doesn't have is None, and isn't counted.
"""

from collections.abc import Sequence

from samovar.core.meter import MINUTE_S, Dimensions, Distribution, Meter, Metric

_MOST_WAITING = 10_000
"""Rows of one minute and place."""

Row = tuple[float | None, ...]
"""A value for each metric, in their order."""


class Place:
    """Whose metrics these are: what they are about, once or several times (an API, and its stage)."""

    __slots__ = ("account", "dimensions", "region")

    def __init__(self, account: str, region: str, *dimensions: Sequence[tuple[str, str]]) -> None:
        """Each of `dimensions` in any order."""
        self.account = account
        self.region = region
        self.dimensions: tuple[Dimensions, ...] = tuple(tuple(sorted(each)) for each in dimensions)


class Metering:
    def __init__(self, meter: Meter, namespace: str, metrics: Sequence[tuple[str, str]]) -> None:
        """`metrics`: (name, unit) of each value of a row."""
        self._meter = meter
        self._namespace = namespace
        self._metrics = tuple(metrics)
        self._waiting: dict[tuple[Place, int], list[Row]] = {}
        meter.sources.append(self.hand_over)

    def add(self, place: Place, now: float, row: Row) -> None:
        """`now`: epoch seconds. Keep a place and come again with it: each has sums of its own until then."""
        at = (place, int(now) // MINUTE_S * MINUTE_S)
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
            for (name, unit), column in zip(self._metrics, zip(*rows, strict=True), strict=True):
                values = [float(value) for value in column if value is not None]
                if not values:
                    continue
                found = Distribution(values={})
                found.add_all(values)
                for dimensions in place.dimensions:
                    metric = Metric(place.account, place.region, self._namespace, name, dimensions, unit)
                    self._meter.gather(metric, found, minute)
