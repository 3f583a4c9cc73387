"""What requests come to as metrics: `AWS/ApiGateway`, by API, by stage, and by method where a stage wants that.

Owns: names, units and dimensions.
"""

from samovar.core.meter import Meter
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.web.metering import Metering, Place, Series, always, client_error, server_error

_STATUS, _LATENCY, _INTEGRATION_LATENCY, _FROM_CACHE = range(4)
"""Members of a row."""
_METRICS = (
    Series("Count", "Count", _STATUS, always),
    Series("4XXError", "Count", _STATUS, client_error),
    Series("5XXError", "Count", _STATUS, server_error),
    Series("Latency", "Milliseconds", _LATENCY),
    Series("IntegrationLatency", "Milliseconds", _INTEGRATION_LATENCY),
    Series("CacheHitCount", "Count", _FROM_CACHE),
    Series("CacheMissCount", "Count", _FROM_CACHE, lambda hit: float(not hit)),
)
_MOST_PLACES = 10_000


class Counts:
    def __init__(self, meter: Meter) -> None:
        self._metering = Metering(meter, "AWS/ApiGateway", _METRICS)
        self._places: dict[tuple[str, ...], Place] = {}

    def count(self, exchange: Exchange, detailed: bool, status: int) -> None:
        """A request that was answered. `detailed`: its method has metrics of its own."""
        row = (
            status,
            round((exchange.ended - exchange.started) * 1000),
            exchange.integration_ms,
            exchange.from_cache,
        )
        self._metering.add(self._place(exchange), exchange.now, row)
        if detailed and exchange.method is not None:
            self._metering.add(self._place(exchange, exchange.method.resource, exchange.http_method), exchange.now, row)

    def _place(self, exchange: Exchange, *of_method: str) -> Place:
        """The stage's and the API's together, or a method's (its resource, and which it is)."""
        api = exchange.api
        named = (api.account, api.region, str(exchange.plan.settings["name"]), exchange.staged.name, *of_method)
        found = self._places.get(named)
        if found is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            found = self._places[named] = _made(*named)
        return found


def _made(account: str, region: str, api: str, stage: str, resource: str = "", method: str = "") -> Place:
    of_stage = (("ApiName", api), ("Stage", stage))
    if method:
        return Place(account, region, (*of_stage, ("Method", method), ("Resource", resource)))
    return Place(account, region, of_stage[:1], of_stage)
