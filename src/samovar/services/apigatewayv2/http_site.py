"""HTTP APIs at their doors: from a web request to its stage, its route, and on to its target (facts/apigateway.md §3).

Owns: which stage and which route a request means. Rule: a stage is compiled once for the records that it follows from;
on the way of a request there is no task and no await.
"""

from urllib.parse import unquote

import msgspec

from samovar.net.message import Response
from samovar.services.apigatewayv2.exchange import Exchange, refusal, trace_of
from samovar.services.apigatewayv2.integrations import Handler, Integrations
from samovar.services.apigatewayv2.records import Api, Deployment, Stage
from samovar.services.apigatewayv2.route_key import DEFAULT
from samovar.services.apigatewayv2.routing import Routing
from samovar.services.apigatewayv2.state import ApiKey, State
from samovar.web.event_v2 import Routed
from samovar.web.front import Visit, domain_name


class Way(msgspec.Struct, frozen=True):
    """A route, ready to be taken."""

    route_key: str
    handle: Handler


class Served(msgspec.Struct, frozen=True):
    """A stage, ready for requests, and the records that it was made from."""

    api: Api
    stage: Stage
    deployment: Deployment
    routing: Routing[Way]


class HttpSite:
    def __init__(self, state: State, integrations: Integrations) -> None:
        self._state = state
        self._integrations = integrations
        self._served: dict[tuple[str, str], Served] = {}

    def serve(self, key: ApiKey, api: Api, visit: Visit) -> None:
        """Answer a request to one of our APIs, now or when its target has answered."""
        stage, path = self._stage(key, visit)
        if stage is None or (api.disable_execute_api_endpoint and visit.mapping is None):
            visit.reply(_alone(visit, 403 if stage else 404))
            return
        served = self._ready(key, api, stage)
        found = served.routing.find(visit.request.method, path) if served else None
        if found is None:
            visit.reply(_alone(visit, 404))
            return
        way, parameters = found
        now = self._state.clock.now()
        routed = Routed(
            account=key[0],
            api=api.api_id,
            domain=visit.domain or domain_name(api.api_id, key[1]),
            stage=stage.stage_name,
            route_key=way.route_key,
            path=visit.path or "/",
            parameters=parameters,
            variables=stage.stage_variables,
            request_id=visit.ctx.request_id,
            trace=trace_of(visit.request.headers.get("x-amzn-trace-id", ""), now),
            now=now,
        )
        way.handle(Exchange(visit, routed))

    def _stage(self, key: ApiKey, visit: Visit) -> tuple[Stage | None, str]:
        """The stage of a request, and the path below it."""
        stages = self._state.stages
        if visit.mapping is not None:
            return stages.get((*key, visit.mapping.stage)), visit.path[len(visit.mapping.base_path) :] or "/"
        first, _, rest = visit.path[1:].partition("/")
        stage = stages.get((*key, unquote(first))) if first else None
        if stage is not None:
            return stage, f"/{rest}"
        return stages.get((*key, DEFAULT)), visit.path or "/"

    def _ready(self, key: ApiKey, api: Api, stage: Stage) -> Served | None:
        """The stage, compiled; None where nothing was deployed to it."""
        place = (api.api_id, stage.stage_name)
        served = self._served.get(place)
        if served is not None and served.stage is stage and served.api is api:
            return served
        deployment = self._state.deployments.get((*key, stage.deployment_id or ""))
        if deployment is None:
            return None
        served = self._served[place] = self._compiled(key, api, stage, deployment)
        return served

    def _compiled(self, key: ApiKey, api: Api, stage: Stage, deployment: Deployment) -> Served:
        integrations = {each.integration_id: each for each in deployment.snapshot.integrations}
        ways = []
        for route in deployment.snapshot.routes:
            integration = integrations.get((route.target or "").removeprefix("integrations/"))
            handle = self._integrations.handler(key, stage, route, integration)
            ways.append((route.route_key, Way(route.route_key, handle)))
        return Served(api, stage, deployment, Routing(ways))


def _alone(visit: Visit, status: int) -> Response:
    """The answer where no route is."""
    refused = refusal(status)
    return Response(status, [*refused.headers, ("apigw-requestid", visit.ctx.request_id)], refused.body)
