"""What is counted: observations in memory, gathered by the minute, for whoever keeps metrics.

Owns: `Meter`, the port through which every room reports, and `Distribution`, what a minute of one metric comes to.
Refuses: keeping (`services/cloudwatch`) and knowing what is counted. Rules: reporting costs a look into a dict and a
few additions, never a wait; what isn't fetched when the server dies is lost, as metrics may be.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from samovar.core.clock import Clock

MINUTE_S = 60
_MOST_VALUES = 400
"""Different values that a distribution tells apart before it rounds them."""
_DIGITS = (3, 2, 1)
_MOST_WAITING = 100_000
"""Metrics of which observations may wait: beyond that nobody is fetching them."""

Dimensions = tuple[tuple[str, str], ...]
"""(name, value) in the order of names."""


class Distribution(msgspec.Struct, omit_defaults=True, rename={"values": "v", "count": "n", "total": "s"}):
    """Observations, summed up. Goes to disk: members may only be added, with defaults."""

    count: float = 0.0
    total: float = 0.0
    low: float = 0.0
    high: float = 0.0
    values: dict[float, float] | None = {}
    """Value -> how often; None where only sums were reported, so that nobody knows."""

    def add(self, value: float, times: float = 1.0) -> None:
        if not self.count:
            self.low = self.high = value
        elif value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value
        self.count += times
        self.total += value * times
        values = self.values
        if values is not None:
            values[value] = values.get(value, 0.0) + times
            if len(values) > _MOST_VALUES:
                self._round()

    def add_all(self, values: Sequence[float]) -> None:
        """Many at once, which costs a tenth for each."""
        self.add_counted(Counter(values))

    def add_counted(self, times: Mapping[float, float]) -> None:
        """The same; how often each value came."""
        if times:
            total = sum([value * count for value, count in times.items()])
            values = {float(value): float(count) for value, count in times.items()}
            self.merge(Distribution(sum(times.values()), total, min(times), max(times), values))

    def include(self, count: float, total: float, low: float, high: float) -> None:
        """Observations of which only this is known; the values are another matter."""
        if not self.count:
            self.low, self.high = low, high
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.count += count
        self.total += total

    def merge(self, other: "Distribution") -> None:
        if not other.count:
            return
        self.include(other.count, other.total, other.low, other.high)
        if self.values is None or other.values is None:
            self.values = None
            return
        for value, times in other.values.items():
            self.values[value] = self.values.get(value, 0.0) + times
        if len(self.values) > _MOST_VALUES:
            self._round()

    def _round(self) -> None:
        """Fewer digits, until the values are few: a percentile may be half a percent off, sums stay exact."""
        for digits in _DIGITS:
            rounded: dict[float, float] = {}
            for value, times in (self.values or {}).items():
                near = float(f"{value:.{digits - 1}e}")
                rounded[near] = rounded.get(near, 0.0) + times
            self.values = rounded
            if len(rounded) <= _MOST_VALUES:
                return


class Metric(msgspec.Struct, frozen=True):
    """Which series an observation belongs to."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: Dimensions = ()
    unit: str = "None"


class Point(msgspec.Struct, frozen=True):
    """Of one metric in one span of time."""

    metric: Metric
    at: int
    """Epoch seconds, where the span begins."""
    span: int
    """Seconds."""
    distribution: Distribution


class Meter:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[tuple[Metric, int, int], Distribution] = {}
        self.sources: list[Callable[[], None]] = []
        """Who gathers by itself: called before everything is taken, to hand over (`gather`) what it has."""

    def add(
        self,
        account: str,
        region: str,
        namespace: str,
        name: str,
        dimensions: Iterable[tuple[str, str]],
        value: float = 1.0,
        unit: str = "Count",
    ) -> None:
        """One observation, of now. `dimensions` in any order."""
        metric = Metric(account, region, namespace, name, tuple(sorted(dimensions)), unit)
        self.observe(metric, value)

    def observe(self, metric: Metric, value: float = 1.0, times: float = 1.0) -> None:
        self._distribution(metric, int(self._clock.now()) // MINUTE_S * MINUTE_S).add(value, times)

    def gather(self, metric: Metric, found: Distribution, at: int, span: int = MINUTE_S) -> None:
        """Many observations of a span of time that begins at `at` (epoch seconds)."""
        self._distribution(metric, at, span).merge(found)

    @property
    def crowded(self) -> bool:
        """Whether what is left should be for the platform's own."""
        return len(self._waiting) > _MOST_WAITING // 2

    def _distribution(self, metric: Metric, at: int, span: int = MINUTE_S) -> Distribution:
        key = (metric, at, span)
        found = self._waiting.get(key)
        if found is None:
            found = Distribution(values={})
            if len(self._waiting) < _MOST_WAITING:
                self._waiting[key] = found
        return found

    def take(self) -> list[Point]:
        """All that was reported since the last time."""
        for source in self.sources:
            source()
        taken, self._waiting = self._waiting, {}
        return [Point(metric, at, span, found) for (metric, at, span), found in taken.items()]
