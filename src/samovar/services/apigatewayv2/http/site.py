"""HTTP APIs at their doors: from a web request to its stage, its route, and on to its target (facts/apigateway.md §3).

Owns: which stage and which route a request means, and how large its head may be. Rule: a stage is compiled once for the
records that it follows from; on the way of a request there is no task and no await.
"""

from urllib.parse import unquote

import msgspec

from samovar.core.ids import short_id
from samovar.net.message import Response
from samovar.services.apigatewayv2.http.exchange import Exchange, refusal
from samovar.services.apigatewayv2.http.stages import Served, Stages
from samovar.services.apigatewayv2.records import Api, Stage
from samovar.services.apigatewayv2.route_key import DEFAULT
from samovar.services.apigatewayv2.state import ApiKey, State
from samovar.web.event_v2 import Routed
from samovar.web.front import Visit, domain_name
from samovar.web.hints import hint
from samovar.web.stamp import Stamp
from samovar.web.trace import trace_of

_HEAD_LIMIT = 10_240
"""Bytes of the request line, and of all headers together."""
_REMEMBERED = 1000
"""APIs whose stages are kept ready: deleted ones, too, until then."""


class _Door(msgspec.Struct):
    """An API's stages, ready for requests."""

    api: Api
    changes: int
    """Of the stages' table, when this was made."""
    stages: dict[str, Served | None]
    """None where nothing was deployed."""
    default: Served | None = None
    named: bool = False
    """Whether there are others than `$default`, so that paths may begin with a name."""

    def __post_init__(self) -> None:
        self.default = self.stages.get(DEFAULT)
        self.named = not self.stages.keys() <= {DEFAULT}

    def find(self, visit: Visit) -> tuple[Served | None, str]:
        """The stage of a request, and the path below it."""
        path = visit.path
        if visit.mapping is not None:
            return self.stages.get(visit.mapping.stage), path[len(visit.mapping.base_path) :] or "/"
        if self.named:
            first, _, rest = path[1:].partition("/")
            name = unquote(first) if "%" in first else first
            if name in self.stages and name != DEFAULT:
                return self.stages[name], f"/{rest}"
        return self.default, path or "/"


class HttpSite:
    def __init__(self, state: State, stages: Stages) -> None:
        self._state = state
        self._stages = stages
        self._doors: dict[str, _Door] = {}
        """By the API's id."""
        self._stamp = Stamp()

    def serve(self, key: ApiKey, api: Api, visit: Visit) -> None:
        """Answer a request to one of our APIs, now or when its target has answered."""
        if api.disable_execute_api_endpoint and visit.mapping is None:
            visit.reply(_alone(visit, 403, f"API {api.api_id} isn't open under this name."))
            return
        served, path = self._door(key, api).find(visit)
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

    def _door(self, key: ApiKey, api: Api) -> _Door:
        """The stages of an API, compiled where their records have changed."""
        door, changes = self._doors.get(api.api_id), self._state.stages.changes
        if door is not None and door.changes == changes and door.api is api:
            return door
        before = door.stages if door is not None and door.api is api else {}
        stages = {stage.stage_name: stage for _, stage in self._state.stages.items(key)}
        door = _Door(api, changes, {name: self._compiled(key, api, stages[name], before.get(name)) for name in stages})
        if len(self._doors) >= _REMEMBERED:
            self._doors.clear()
        self._doors[api.api_id] = door
        return door

    def _compiled(self, key: ApiKey, api: Api, stage: Stage, before: Served | None) -> Served | None:
        if before is not None and before.stage is stage:
            return before
        deployment = self._state.deployments.get((*key, stage.deployment_id or ""))
        if deployment is None:
            return None
        return self._stages.compiled(key, api, stage, deployment, domain_name(api.api_id, key[1]))


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
