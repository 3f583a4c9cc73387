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
        self._methods: dict[tuple[str, ...], Place] = {}

    def count(self, exchange: Exchange, status: int) -> None:
        """A request that was answered."""
        row = (
            status,
            round((exchange.ended - exchange.started) * 1000),
            exchange.integration_ms,
            exchange.from_cache,
        )
        staged, settings = exchange.staged, exchange.settings
        if staged.place is not None:
            self._metering.add(staged.place, exchange.now, row)
        if settings is not None and settings.get("metricsEnabled"):
            self._metering.add(self._of_method(exchange), exchange.now, row)

    def _of_method(self, exchange: Exchange) -> Place:
        api, method = exchange.api, (exchange.resource, exchange.http_method)
        named = (api.account, api.region, str(exchange.plan.settings["name"]), exchange.staged.name, *method)
        found = self._methods.get(named)
        if found is None:
            if len(self._methods) >= _MOST_PLACES:
                self._methods.clear()
            found = self._methods[named] = _made(*named)
        return found


def of_stage(account: str, region: str, api: str, stage: str) -> Place:
    """A stage's and its API's together, by their names."""
    dimensions = (("ApiName", api), ("Stage", stage))
    return Place(account, region, dimensions[:1], dimensions)


def _made(account: str, region: str, api: str, stage: str, resource: str, method: str) -> Place:
    return Place(account, region, (("ApiName", api), ("Stage", stage), ("Method", method), ("Resource", resource)))
