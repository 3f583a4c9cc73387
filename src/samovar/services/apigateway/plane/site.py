"""The door of REST APIs: the order of the steps, and the one place where a Refusal becomes an answer.

    arrive     stage, size, private endpoint
    route      resource, then method (facts/apigateway.md §3)
    enter      throttles, authorizer, resource policy, API key
    validate
    integrate  and answer

Rule: no task and no await of its own; a step that waits calls back.
"""

from collections.abc import Callable
from functools import partial

from samovar.core.clock import Clock
from samovar.net.message import Response
from samovar.services.apigateway.plane import content, execution_log
from samovar.services.apigateway.plane.cache import Cache, Place, warned
from samovar.services.apigateway.plane.entering import Entrance
from samovar.services.apigateway.plane.exchange import METHODS, Exchange
from samovar.services.apigateway.plane.refusals import KINDS, Refusal
from samovar.services.apigateway.plane.stages import Stage, Stages
from samovar.services.apigateway.plane.telling import Teller
from samovar.services.apigateway.state import Api, Rest
from samovar.web.front import Guest, Serve, Visit, forbidden
from samovar.web.hints import hint
from samovar.web.stamp import Stamp
from samovar.web.trace import trace_of


class RestSite:
    def __init__(
        self, state: Rest, stages: Stages, entrance: Entrance, cache: Cache, teller: Teller, clock: Clock
    ) -> None:
        self._state = state
        self._stages = stages
        self._entrance = entrance
        self._cache = cache
        self._teller = teller
        self._clock = clock
        self._monotonic = clock.monotonic
        self._stamp = Stamp()

    def find(self, id: str, region: str) -> Serve | None:
        """For `Front.join`."""
        api = self._state.anywhere(id)
        return partial(self._serve, api) if api is not None and region in ("", api.region) else None

    def _serve(self, api: Api, visit: Visit) -> None:
        if visit.mapping is not None:
            name, path = visit.mapping.stage, visit.path
            below = path[len(visit.mapping.base_path) :]
            if not name:  # the caller says the stage
                name, _, below = below.removeprefix("/").partition("/")
                below = f"/{below}"
        else:
            name, _, below = visit.path.removeprefix("/").partition("/")
            path = below = f"/{below}"
        stage = self._stages.find(api, name)
        settings = api.definition.settings
        closed = settings["disableExecuteApiEndpoint"] and visit.mapping is None
        private = settings["endpointConfiguration"]["types"] == ["PRIVATE"] and visit.request.source is None
        if stage is None or closed or private:
            why = f"API {api.id} has no stage {name}." if stage is None else f"API {api.id} isn't open under this name."
            visit.reply(forbidden(visit.ctx.request_id, why))
            return
        request, now = visit.request, self._clock.now()
        exchange = Exchange(
            request,
            visit.ctx,
            visit.reply,
            api,
            stage.now(),
            now,
            visit.domain,
            visit.path,
            self._monotonic(),
            path,
            below or "/",
            self._stamp(now),
            trace_of(request.headers.get("x-amzn-trace-id", ""), now),
        )
        exchange.answered = partial(self._teller.end, exchange, stage)
        if visit.mapping is not None:
            exchange.mapping = visit.mapping
        if visit.guest is not None or request.source is not None:
            _note_way(exchange, visit.guest)
        self._guard(exchange, self._arrive, stage)

    def _guard(self, exchange: Exchange, step: Callable[..., None], *args: object) -> None:
        try:
            step(exchange, *args)
        except Refusal as refusal:
            self._refuse(exchange, refusal)

    def _arrive(self, exchange: Exchange, stage: Stage) -> None:
        if len(exchange.body) > content.LARGEST:
            raise Refusal("REQUEST_TOO_LARGE")
        found = exchange.plan.routes.find(exchange.routed)
        methods, exchange.parameters = found if found else ({}, {})
        method = methods.get(exchange.http_method)
        if method is None and exchange.http_method in METHODS:
            method = methods.get("ANY")
        if method is None:
            why = f"No method {exchange.http_method} is deployed for {exchange.routed}."
            raise Refusal("MISSING_AUTHENTICATION_TOKEN", hint=why)
        exchange.take(method, stage.settings(method.resource, method.name))
        self._teller.begin(exchange)
        if not self._stages.admits(exchange.api, exchange.started) or not stage.admits(exchange):
            raise Refusal("THROTTLED")
        self._entrance.enter(exchange, partial(self._entered, exchange, stage))

    def _entered(self, exchange: Exchange, stage: Stage, refusal: Refusal | None) -> None:
        if refusal is not None:
            self._refuse(exchange, refusal)
        else:
            execution_log.begun(exchange)
            self._guard(exchange, self._integrate, stage)

    def integrate(self, exchange: Exchange) -> None:
        """From validation to the answer, for whoever tries an API out."""
        self._guard(exchange, self._integrate, None)

    def _integrate(self, exchange: Exchange, stage: Stage | None) -> None:
        self._open_body(exchange)
        method = exchange.settled
        method.validation.check(exchange)
        place = self._cache.place(exchange, stage) if stage is not None else None
        kept = self._cache.find(place) if place is not None else None
        exchange.from_cache = kept is not None if place is not None else None
        if kept is not None:
            self._came(exchange, place, kept)
        else:
            began = self._monotonic()
            method.integration.start(exchange, partial(self._integrated, exchange, place, began))

    @staticmethod
    def _open_body(exchange: Exchange) -> None:
        coding = exchange.request.headers.get("content-encoding")
        if coding and exchange.plan.settings.get("minimumCompressionSize") is not None:
            opened = content.decompress(exchange.body, coding)
            if opened is None:
                raise Refusal("BAD_REQUEST_BODY", "Could not parse request body into bytes")
            exchange.body = opened

    def _integrated(self, exchange: Exchange, place: Place | None, began: float, answer: Response | Refusal) -> None:
        exchange.integration_ms = round((self._monotonic() - began) * 1000)
        exchange.integration_status = answer.status if isinstance(answer, Response) else None
        self._came(exchange, place, answer)

    def _came(self, exchange: Exchange, place: Place | None, answer: Response | Refusal) -> None:
        if isinstance(answer, Refusal):
            self._refuse(exchange, answer)
            return
        if place is not None:
            self._cache.keep(place, answer)
            answer = warned(answer) if place.warns else answer
        headers = [*answer.headers, *self._own_headers(exchange)]
        if exchange.settled.integration.traced:
            headers.append(("X-Amzn-Trace-Id", exchange.trace.partition(";")[0]))
        self._send(exchange, Response(answer.status, headers, answer.body))

    def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        exchange.refusal = refusal
        accept = exchange.request.headers.get("accept", "")
        rendered = exchange.plan.responses.render(refusal, accept, exchange.value)
        error = ("x-amzn-ErrorType", KINDS[refusal.kind].error)
        headers = [*rendered.headers, *self._own_headers(exchange), error]
        if refusal.hint:
            headers.append(hint(refusal.hint))
        self._send(exchange, Response(rendered.status, headers, rendered.body))

    @staticmethod
    def _own_headers(exchange: Exchange) -> list[tuple[str, str]]:
        return [("x-amzn-RequestId", exchange.ctx.request_id), ("x-amz-apigw-id", exchange.extended_id)]

    @staticmethod
    def _send(exchange: Exchange, response: Response) -> None:
        smallest = exchange.plan.settings.get("minimumCompressionSize")
        body = response.body
        if smallest is not None and isinstance(body, bytes) and len(body) >= smallest and body:
            response = _squeezed(response, body, exchange.request.headers.get("accept-encoding", ""))
        exchange.reply(response)
        exchange.answered(response)


def _squeezed(response: Response, body: bytes, accepted: str) -> Response:
    """In a coding that the client takes, where it isn't in one already."""
    coded = any(name.lower() == "content-encoding" for name, _ in response.headers)
    squeezed = content.compress(body, accepted) if not coded else None
    if squeezed is None:
        return response
    return Response(response.status, [*response.headers, ("Content-Encoding", squeezed[1])], squeezed[0])


def _note_way(exchange: Exchange, guest: Guest | None) -> None:
    """What is told of a caller by the way that it has come: over a custom domain, or from inside."""
    if guest is not None and guest.certificate is not None:
        exchange.caller["clientCert"] = guest.certificate
    ids = exchange.api.definition.settings["endpointConfiguration"].get("vpcEndpointIds") or [""]
    endpoint = guest.endpoint if guest is not None else ids[0]
    if endpoint:
        exchange.caller["vpceId"] = endpoint
