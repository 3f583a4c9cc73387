"""What requests come to as metrics: `AWS/ApiGateway`, by API, by stage, and by method where a stage wants that.

Owns: names, units and dimensions. Rule: a request costs an append; what has gathered is summed up when somebody fetches
it, or when there is much of it.
"""

from samovar.core.meter import MINUTE_S, Dimensions, Distribution, Meter, Metric
from samovar.services.apigateway.plane.exchange import Exchange

_NAMESPACE = "AWS/ApiGateway"
_MOST_WAITING = 10_000
"""Requests of one minute and place."""

Place = tuple[str, str, Dimensions]
"""(account, region, what the metrics are about)."""
Seen = tuple[int, int, int | None]
"""(status, latency and integration latency in ms)."""


class Counts:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._waiting: dict[tuple[Place, int], list[Seen]] = {}
        meter.sources.append(self.hand_over)

    def count(self, exchange: Exchange, detailed: bool, status: int) -> None:
        """A request that was answered. `detailed`: its method has metrics of its own."""
        api, method = exchange.api, exchange.method
        of_stage: Dimensions = (("ApiName", str(exchange.plan.settings["name"])), ("Stage", exchange.staged.name))
        seen = (status, round((exchange.ended - exchange.started) * 1000), exchange.integration_ms)
        minute = int(exchange.now) // MINUTE_S * MINUTE_S
        self._add((api.account, api.region, of_stage), minute, seen)
        if detailed and method is not None:
            own = (of_stage[0], ("Method", exchange.http_method), ("Resource", method.resource), of_stage[1])
            self._add((api.account, api.region, own), minute, seen)

    def _add(self, place: Place, minute: int, seen: Seen) -> None:
        waiting = self._waiting.setdefault((place, minute), [])
        waiting.append(seen)
        if len(waiting) >= _MOST_WAITING:
            self.hand_over()

    def hand_over(self) -> None:
        """Give the meter what has gathered; an API's own metrics are those of its stages together."""
        waiting, self._waiting = self._waiting, {}
        for ((account, region, dimensions), minute), requests in waiting.items():
            places = [dimensions, dimensions[:1]] if len(dimensions) == 2 else [dimensions]
            for name, unit, values in _series(requests):
                for each in places:
                    found = Distribution(values={})
                    found.add_all(values)
                    self._meter.gather(Metric(account, region, _NAMESPACE, name, each, unit), found, minute)


def _series(requests: list[Seen]) -> list[tuple[str, str, list[float]]]:
    """(metric, unit, its observations)."""
    return [
        ("Count", "Count", [1.0] * len(requests)),
        ("4XXError", "Count", [float(400 <= status < 500) for status, _, _ in requests]),
        ("5XXError", "Count", [float(status >= 500) for status, _, _ in requests]),
        ("Latency", "Milliseconds", [float(latency) for _, latency, _ in requests]),
        ("IntegrationLatency", "Milliseconds", [float(took) for _, _, took in requests if took is not None]),
    ]
