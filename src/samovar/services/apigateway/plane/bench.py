"""A bench for trying an API out: TestInvokeMethod and TestInvokeAuthorizer (facts/apigateway.md §2).

Owns: the request that never was, and the execution log in AWS's words. What is tried is the API as it is described now,
deployed or not; authorizers, keys and throttles are passed by.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from samovar.core.context import Context
from samovar.net.message import BrokenOff, Closable, Request, Response
from samovar.services.apigateway.plane import content, execution_log
from samovar.services.apigateway.plane.authorizers import FunctionAuthorizer
from samovar.services.apigateway.plane.exchange import Exchange, Staged
from samovar.services.apigateway.plane.planning import Planner
from samovar.services.apigateway.plane.pools import PoolAuthorizer
from samovar.services.apigateway.plane.ports import Ports
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.plane.routes import Routes
from samovar.services.apigateway.plane.site import RestSite
from samovar.services.apigateway.state import Api, Resource, Shape
from samovar.web.signers import Signer
from samovar.web.trace import trace_of

STAGE, CLIENT, API_KEY = "test-invoke-stage", "test-invoke-source-ip", "test-invoke-api-key"
_OF_A_CALL = ("x-amzn-RequestId", "x-amz-apigw-id")
"""Headers of an answer to a client; nobody has called."""


class Sent(msgspec.Struct, frozen=True):
    """A request to try."""

    method: str
    path: str
    """With the query; empty for the resource's own path."""
    lines: Sequence[tuple[str, str]]
    body: str
    variables: Mapping[str, str]


class Tried(msgspec.Struct, frozen=True):
    response: Response
    log: str
    latency_ms: int


class Bench:
    def __init__(self, site: RestSite, planner: Planner, ports: Ports, user_id: Callable[[Context], str]) -> None:
        """`user_id`: the unique id of who calls."""
        self._user_id = user_id
        self._site = site
        self._planner = planner
        self._ports = ports
        self._clock = ports.clock

    async def method(self, ctx: Context, api: Api, resource: Resource, shape: Shape, sent: Sent) -> Tried:
        """The answer of a method, as integration and mappings make it."""
        definition = api.definition
        exchange = self._exchange(ctx, api, sent, definition.path(resource))
        exchange.take(self._planner.method(definition, resource.id, exchange.resource, shape))
        routes: Routes[str] = Routes()
        routes.add(exchange.resource, exchange.resource)
        found = routes.find(exchange.path)
        exchange.parameters = found[1] if found else {}
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        exchange.reply = lambda response: None if answered.done() else answered.set_result(response)
        execution_log.begun(exchange)
        started = self._clock.monotonic()
        self._site.integrate(exchange)
        response = await _whole(await answered)
        latency_ms = round((self._clock.monotonic() - started) * 1000)
        response = Response(
            response.status, [line for line in response.headers if line[0] not in _OF_A_CALL], response.body
        )
        execution_log.completed(exchange, response)
        return Tried(response, self._log(exchange), latency_ms)

    async def authorizer(
        self, ctx: Context, api: Api, shape: Shape, sent: Sent
    ) -> tuple[Exchange, Refusal | None, str]:
        """(what the authorizer said is in the exchange, or the refusal; the log)."""
        exchange = self._exchange(ctx, api, sent, sent.path.partition("?")[0] or "/")
        heard: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        assert exchange.log is not None
        try:
            if shape["type"] == "COGNITO_USER_POOLS":
                PoolAuthorizer(shape, (), self._ports.keyring, self._clock).ask(exchange, heard.set_result)
            else:
                authorizer = FunctionAuthorizer(shape, self._ports)
                authorizer.ask_as(exchange, authorizer.identity(exchange), 0, heard.set_result)
            refusal = await heard
        except Refusal as refused:
            refusal = refused
        return exchange, refusal, self._log(exchange)

    def _exchange(self, ctx: Context, api: Api, sent: Sent, resource: str) -> Exchange:
        path, _, query = (sent.path or resource).partition("?")
        headers = {name.lower(): value for name, value in sent.lines}
        request = Request(sent.method, path, query, headers, sent.body.encode(errors="replace"))
        request.fields = [(name.encode(errors="replace"), value.encode(errors="replace")) for name, value in sent.lines]
        request.peer = CLIENT
        staged = Staged(STAGE, "", self._planner.plan(api.definition), sent.variables)
        now = self._clock.now()
        exchange = Exchange(
            request,
            ctx,
            lambda response: None,
            api,
            staged,
            now,
            "testPrefix.testDomainName",
            path,
            self._clock.monotonic(),
            path=path,
            routed=path,
            trace=trace_of("", now),
            resource=resource,
            log=[],
        )
        exchange.caller |= self._tester(ctx)
        return exchange

    def _tester(self, ctx: Context) -> dict[str, str | None]:
        """Whoever tries it is its caller."""
        key = ctx.session.access_key if ctx.session else None  # of a lasting one a context doesn't know
        who = Signer(key or "", ctx.account, ctx.principal, self._user_id(ctx)).identity()
        return {**who, "accessKey": key, "apiKey": API_KEY, "apiKeyId": f"{API_KEY}-id"}

    def _log(self, exchange: Exchange) -> str:
        moment = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(exchange.now))
        lines = [f"Execution log for request {exchange.ctx.request_id}"]
        return "\n".join([*lines, *(f"{moment} : {line}" for line in exchange.log or ())]) + "\n"


async def _whole(response: Response) -> Response:
    """The answer with its body, which may still stream: as much of it as fits."""
    body = response.body
    if isinstance(body, bytes):
        return response
    parts, size = [], 0
    try:
        async for part in body:
            parts.append(part)
            size += len(part)
            if size > content.LARGEST:
                break
    except BrokenOff:
        pass  # what came of it is shown
    finally:
        if isinstance(body, Closable):
            body.close()
    return Response(response.status, response.headers, b"".join(parts)[: content.LARGEST])
