"""A stage, made ready for requests: its routes, its limits, what it adds to answers (facts/apigateway.md §3, §9).

Owns: the order of what a request passes: CORS, the route, its limit, its authorizer, its target.
"""

from collections.abc import Callable
from functools import partial

from samovar.core.bucket import Bucket
from samovar.core.clock import Clock
from samovar.core.meter import Meter
from samovar.net.message import Response
from samovar.services.apigatewayv2.http.context import variable
from samovar.services.apigatewayv2.http.cors import Cors
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.http.gates import Gate, Gates
from samovar.services.apigatewayv2.http.metering import METRICS, StageMeter
from samovar.services.apigatewayv2.http.routing import Routing
from samovar.services.apigatewayv2.http.targets import Handler, Targets
from samovar.services.apigatewayv2.records import Api, Deployment, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.services.apigatewayv2.throttling import bucket
from samovar.web.access_log import AccessLogs, Format
from samovar.web.hints import hint
from samovar.web.metering import Metering


class Way:
    """A route, ready to be taken."""

    __slots__ = ("bucket", "gate", "handle", "route_key")

    def __init__(self, route_key: str, handle: Handler, gate: Gate | None, bucket: Bucket | None) -> None:
        self.route_key = route_key
        self.handle = handle
        self.gate = gate
        self.bucket = bucket


class Served:
    """A stage, ready for requests, and the records that it was made from."""

    def __init__(
        self,
        api: Api,
        stage: Stage,
        domain: str,
        routing: Routing[Way],
        monotonic: Callable[[], float],
        meter: StageMeter | None = None,
        journal: "Journal | None" = None,
    ) -> None:
        self.api = api
        self.stage = stage
        self.domain = domain
        self._routing = routing
        self._cors = Cors(api.cors_configuration) if api.cors_configuration else None
        self.now = monotonic
        self._meter = meter
        self._journal = journal

    def take(self, exchange: Exchange) -> None:
        """Send a request on its way."""
        request = exchange.request
        if self._cors is not None and Cors.asks(request):
            exchange.answer(self._cors.preflight(request))
            return
        found = self._routing.find(request.method, exchange.path)
        if found is None:
            exchange.refuse(404, headers=[hint(f"No route for {request.method} {exchange.path} is deployed.")])
            return
        way, exchange.routed.parameters = found
        exchange.routed.route_key = way.route_key
        if way.bucket is not None and not way.bucket.take(exchange.started):
            exchange.refuse(429)
        elif way.gate is not None:
            way.gate(exchange, way.handle)
        else:
            way.handle(exchange)

    def close(self, exchange: Exchange, response: Response) -> Response:
        """What an answer gets before it leaves."""
        exchange.ended = self.now()
        headers = response.headers
        if self._cors is not None and not Cors.asks(exchange.visit.request):
            headers = self._cors.applied(exchange.visit.request, headers)
        if self._meter is not None:
            self._meter.count(exchange)
        if self._journal is not None:
            self._journal.write(exchange)
        return Response(
            response.status, [*headers, ("apigw-requestid", exchange.routed.request_id)], response.body
        )


class Journal:
    """A stage's access log."""

    def __init__(self, logs: AccessLogs, group: str, stream: str, format: str) -> None:
        self._logs = logs
        self._group = group
        self._stream = stream
        self._format = Format(format)

    def write(self, exchange: Exchange) -> None:
        self._logs.write(self._group, self._stream, self._format.line(partial(variable, exchange)))


class Stages:
    """Makes stages ready."""

    def __init__(self, clock: Clock, targets: Targets, gates: Gates, logs: AccessLogs, meter: Meter) -> None:
        self._clock = clock
        self._logs = logs
        self._metering = Metering(meter, "AWS/ApiGateway", METRICS)
        self._targets = targets
        self._gates = gates

    def compiled(self, key: ApiKey, api: Api, stage: Stage, deployment: Deployment, domain: str) -> Served:
        integrations = {each.integration_id: each for each in deployment.snapshot.integrations}
        authorizers = {each.authorizer_id: each for each in deployment.snapshot.authorizers}
        ways, detailed = [], []
        for route in deployment.snapshot.routes:
            integration = integrations.get((route.target or "").removeprefix("integrations/"))
            handle = self._targets.handler(key, stage, route, integration)
            settings = {**stage.default_route_settings, **stage.route_settings.get(route.route_key, {})}
            if settings.get("DetailedMetricsEnabled"):
                detailed.append(route.route_key)
            gate = self._gates.gate(key, stage, route, authorizers)
            ways.append((route.route_key, Way(route.route_key, handle, gate, bucket(stage, route.route_key))))
        return Served(
            api,
            stage,
            domain,
            Routing(ways),
            self._clock.monotonic,
            StageMeter(self._metering, key, stage.stage_name, detailed),
            self._journal(api, stage),
        )

    def _journal(self, api: Api, stage: Stage) -> Journal | None:
        settings = stage.access_log_settings or {}
        group, format = settings.get("DestinationArn", ""), settings.get("Format", "")
        return Journal(self._logs, group, f"{api.api_id}/{stage.stage_name}", format) if group and format else None
