"""What a stage's requests come to as metrics: `AWS/ApiGateway` (facts/apigateway.md §9).

Owns: the names, units and dimensions of an HTTP API's metrics.
"""

from collections.abc import Iterable

from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.state import ApiKey
from samovar.web.metering import Metering, Place, Series, always, client_error, server_error

_STATUS, _LATENCY, _INTEGRATION_LATENCY, _BYTES = range(4)
"""Members of a row."""
METRICS = (
    Series("Count", "Count", _STATUS, always),
    Series("4xx", "Count", _STATUS, client_error),
    Series("5xx", "Count", _STATUS, server_error),
    Series("Latency", "Milliseconds", _LATENCY),
    Series("IntegrationLatency", "Milliseconds", _INTEGRATION_LATENCY),
    Series("DataProcessed", "Bytes", _BYTES),
)


class StageMeter:
    def __init__(self, metering: Metering, key: ApiKey, stage: str, detailed: Iterable[str]) -> None:
        """`detailed`: the keys of routes that have metrics of their own."""
        self._metering = metering
        account, region, api = key
        of_stage = (("ApiId", api), ("Stage", stage))
        self._all = Place(account, region, of_stage[:1], of_stage)
        self._detailed = {
            route: Place(account, region, (*of_stage, ("Method", method), ("Resource", resource or route)))
            for route in detailed
            for method, _, resource in [route.partition(" ")]
        }

    def count(self, exchange: Exchange) -> None:
        """A request that was answered."""
        ended, started = exchange.ended, exchange.integration_started
        row = (
            exchange.status,
            round((ended - exchange.started) * 1000),
            round((ended - started) * 1000) if started else None,
            exchange.length + len(exchange.visit.request.body),
        )
        self._metering.add(self._all, exchange.routed.now, row)
        own = self._detailed.get(exchange.routed.route_key) if self._detailed else None
        if own is not None:
            self._metering.add(own, exchange.routed.now, row)
