"""HTTP APIs at their doors: from a web request to its stage, its route, and on to its target (facts/apigateway.md §3).

Owns: which stage and which route a request means, and how large its head may be. Rule: a stage is compiled once for the
records that it follows from; on the way of a request there is no task and no await.
"""

from urllib.parse import unquote

from samovar.core.ids import short_id
from samovar.net.message import Response
from samovar.services.apigatewayv2.http.exchange import Exchange, refusal
from samovar.services.apigatewayv2.http.stages import Served, Stages
from samovar.services.apigatewayv2.records import Api, Stage
from samovar.services.apigatewayv2.route_key import DEFAULT
from samovar.services.apigatewayv2.state import ApiKey, State
from samovar.web.event_v2 import Routed
from samovar.web.front import NAMED_DEFAULT, Visit, domain_name
from samovar.web.hints import hint
from samovar.web.stamp import Stamp
from samovar.web.trace import trace_of

_HEAD_LIMIT = 10_240
"""Bytes of the request line, and of all headers together."""
_REMEMBERED = 1000
"""Stages that are kept ready: of deleted APIs, too, until then."""


class HttpSite:
    def __init__(self, state: State, stages: Stages) -> None:
        self._state = state
        self._stages = stages
        self._served: dict[tuple[str, str], Served] = {}
        self._stamp = Stamp()

    def serve(self, key: ApiKey, api: Api, visit: Visit) -> None:
        """Answer a request to one of our APIs, now or when its target has answered."""
        if api.disable_execute_api_endpoint and visit.mapping is None:
            visit.reply(_alone(visit, 403, f"API {api.api_id} isn't open under this name."))
            return
        stage, path = self._stage(key, visit)
        served = self._ready(key, api, stage) if stage is not None else None
        if served is None:
            why = f"API {api.api_id} has no stage at {visit.path}, or nothing is deployed to it."
            visit.reply(_alone(visit, 404, why))
            return
        request, now = visit.request, self._state.clock.now()
        whole = visit.path or "/"
        routed = Routed(
            key[0],
            key[2],
            visit.domain or served.domain,
            served.stage.stage_name,
            unquote(whole) if "%" in whole else whole,
            served.stage.stage_variables,
            short_id(),
            trace_of(request.headers.get("x-amzn-trace-id", ""), now),
            now,
            self._stamp(now),
        )
        if visit.guest is not None and visit.guest.certificate is not None:
            routed.authentication = {"clientCert": visit.guest.certificate}
        exchange = Exchange(visit, request, routed, served, key[1], path, self._state.clock.monotonic())
        if _head_size(exchange) > _HEAD_LIMIT:
            exchange.refuse(431)
        elif not self._state.rate.admits(key[0], key[1], exchange.started):
            exchange.refuse(429)
        else:
            served.take(exchange)

    def _stage(self, key: ApiKey, visit: Visit) -> tuple[Stage | None, str]:
        """The stage of a request, and the path below it."""
        stages = self._state.stages
        if visit.mapping is not None:
            return stages.get((*key, visit.mapping.stage)), visit.path[len(visit.mapping.base_path) :] or "/"
        path = visit.path
        first, _, rest = path[1:].partition("/")
        if first and first not in NAMED_DEFAULT:
            stage = stages.get((*key, unquote(first) if "%" in first else first))
            if stage is not None:
                return stage, f"/{rest}"
        return stages.get((*key, DEFAULT)), path or "/"

    def _ready(self, key: ApiKey, api: Api, stage: Stage) -> Served | None:
        """The stage, compiled; None where nothing was deployed to it."""
        place = (api.api_id, stage.stage_name)
        served = self._served.get(place)
        if served is not None and served.stage is stage and served.api is api:
            return served
        deployment = self._state.deployments.get((*key, stage.deployment_id or ""))
        if deployment is None:
            return None
        served = self._stages.compiled(key, api, stage, deployment, domain_name(api.api_id, key[1]))
        if len(self._served) >= _REMEMBERED:
            self._served.clear()
        self._served[place] = served
        return served


def _head_size(exchange: Exchange) -> int:
    """Bytes of the larger of the request's line and its headers."""
    request = exchange.request
    headers = request.headers
    size = len("".join([*headers, *headers.values()])) + 4 * len(headers)
    return max(size, len(request.path) + len(request.query))


def _alone(visit: Visit, status: int, why: str) -> Response:
    """The answer where no stage is."""
    refused = refusal(status)
    return Response(status, [*refused.headers, ("apigw-requestid", short_id()), hint(why)], refused.body)
