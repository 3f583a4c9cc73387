"""What a stage's requests come to as metrics: `AWS/ApiGateway` (facts/apigateway.md §9).

Owns: the names, units and dimensions of an HTTP API's metrics. Rule: a request costs an append; what has gathered is
summed up and reported in one go, some moments later.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

from samovar.core.meter import Meter, Metric
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.state import ApiKey

_NAMESPACE = "AWS/ApiGateway"
_EVERY_S = 0.5
_UNITS = {
    "Count": "Count",
    "4xx": "Count",
    "5xx": "Count",
    "Latency": "Milliseconds",
    "IntegrationLatency": "Milliseconds",
    "DataProcessed": "Bytes",
}

Request = tuple[str, int, float, float | None, int]
"""(route key if the route has metrics of its own, status, latency and integration latency in ms, bytes)."""


class StageMeter:
    def __init__(self, meter: Meter, key: ApiKey, stage: str, detailed: Iterable[str]) -> None:
        """`detailed`: the keys of routes that have metrics of their own."""
        self._meter = meter
        account, region, api = key
        self._account, self._region = account, region
        self._detailed = frozenset(detailed)
        self._all = ((("ApiId", api),), (("ApiId", api), ("Stage", stage)))
        self._waiting: list[Request] = []

    def count(self, exchange: Exchange) -> None:
        """A request that was answered."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(_EVERY_S, self._report)
        route = exchange.routed.route_key
        started = exchange.integration_started
        self._waiting.append(
            (
                route if route in self._detailed else "",
                exchange.status,
                round((exchange.ended - exchange.started) * 1000),
                round((exchange.ended - started) * 1000) if started else None,
                exchange.length + len(exchange.visit.request.body),
            )
        )

    def _report(self) -> None:
        waiting, self._waiting = self._waiting, []
        for dimensions in self._all:
            self._sum_up(dimensions, waiting)
        for route in {request[0] for request in waiting if request[0]}:
            method, _, resource = route.partition(" ")
            of_route = (*self._all[1], ("Method", method), ("Resource", resource or route))
            self._sum_up(of_route, [request for request in waiting if request[0] == route])

    def _sum_up(self, dimensions: tuple[tuple[str, str], ...], requests: list[Request]) -> None:
        values: dict[str, Counter[float]] = {name: Counter() for name in _UNITS}
        for _, status, latency, integration, size in requests:
            values["Count"][1] += 1
            values["4xx"][400 <= status < 500] += 1
            values["5xx"][status >= 500] += 1
            values["Latency"][latency] += 1
            values["DataProcessed"][size] += 1
            if integration is not None:
                values["IntegrationLatency"][integration] += 1
        for name, unit in _UNITS.items():
            metric = Metric(self._account, self._region, _NAMESPACE, name, tuple(sorted(dimensions)), unit)
            for value, times in values[name].items():
                self._meter.observe(metric, float(value), times)
