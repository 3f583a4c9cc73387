"""Web servers as targets: HTTP_PROXY (facts/apigateway.md §9).

Owns: where a request goes, which headers go along in either direction. Rule: the request goes through as it is, but for
what a proxy must change; so does the answer, up to the payload limit.
"""

import re
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from urllib.parse import quote

from samovar.core.context import Acting
from samovar.core.errors import AwsError
from samovar.net.message import Response
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.integrations import filled
from samovar.services.apigatewayv2.records import Integration, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.web.calls import UpstreamError, end_to_end, length_of_unsent
from samovar.web.event_v2 import proto_of, source_ip
from samovar.web.fields import sendable
from samovar.web.front import PAYLOAD_LIMIT
from samovar.web.functions import PRINCIPAL
from samovar.web.urls import Urls

Spawn = Callable[[Exchange, Coroutine[Any, Any, None]], None]

_VARIABLE = re.compile(r"\{([A-Za-z0-9._$-]+)\+?\}")
_SAFE = "/:@!$&'()*+,;=~-._"
_OWN = frozenset({"content-length", "date", "expect", "host", "max-forwards"})
"""Headers that whoever sends a message says itself."""


class Where(Protocol):
    """Where requests go."""

    async def url(self, exchange: Exchange) -> str:
        """Without the query; UpstreamError where it can't be said."""
        ...


class UpstreamTarget:
    def __init__(self, urls: Urls, spawn: Spawn, where: Where, integration: Integration) -> None:
        self._urls = urls
        self._spawn = spawn
        self._where = where
        method = integration.integration_method or "ANY"
        self._method = "" if method == "ANY" else method
        self._server_name = (integration.tls_config or {}).get("ServerNameToVerify", "")

    def handle(self, exchange: Exchange) -> None:
        self._spawn(exchange, self._forward(exchange))

    async def _forward(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            url = await self._where.url(exchange)
            if request.query:
                url += ("&" if "?" in url else "?") + request.query
            answer = await self._urls.send(
                self._method or request.method, url, _sent(exchange), request.body, self._server_name
            )
            exchange.integration_status = answer.status
            body = await answer.body.read(PAYLOAD_LIMIT)
        except UpstreamError as error:
            exchange.refuse(503, why=str(error))
            return
        if body is None:
            exchange.refuse(500, why="The answer is too large")
            return
        headers = [line for line in end_to_end(answer.headers) if line[0].lower() not in _OWN and sendable(*line)]
        if request.method == "HEAD":
            headers += length_of_unsent(answer.headers, body)
        exchange.answer(Response(answer.status, headers, body))


class Web:
    """The integration's own URL, with path parameters in it."""

    def __init__(self, stage: Stage, integration: Integration) -> None:
        self._url = filled(integration.integration_uri or "", stage.stage_variables)
        self._is_plain = _VARIABLE.search(self._url) is None
        scheme, _, rest = self._url.partition("://")
        self._server = f"{scheme}://{rest.partition('/')[0]}"
        self._maps_path = maps_path(integration)

    async def url(self, exchange: Exchange) -> str:
        if self._maps_path:
            return self._server + sent_path(exchange)
        if self._is_plain:
            return self._url
        parameters = exchange.routed.parameters
        return _VARIABLE.sub(lambda found: quote(parameters.get(found[1], ""), safe=_SAFE), self._url)


class Private:
    """A listener of a load balancer, behind a VPC link: it gets the request's own path."""

    def __init__(self, acting: Acting, key: ApiKey, integration: Integration) -> None:
        self._acting = acting
        self._account, self._region, _ = key
        self._listener = integration.integration_uri or ""

    async def url(self, exchange: Exchange) -> str:
        ctx = self._acting(self._account, self._region, PRINCIPAL, "", exchange.routed.trace)
        try:
            found = await ctx.call("elbv2", "DescribeListeners", {"ListenerArns": [self._listener]})
        except AwsError as error:
            raise UpstreamError(error.message) from None
        [listener] = found["Listeners"]
        name = listener["LoadBalancerArn"].split("/")[-2]
        # Every listener is reached through the platform's own port, under its name.
        endpoint = await self._acting.endpoint()
        return f"{endpoint}/_aws/elb/{name}:{listener['Port']}{sent_path(exchange)}"


def maps_path(integration: Integration) -> bool:
    return "overwrite:path" in (integration.request_parameters or {})


def sent_path(exchange: Exchange) -> str:
    """The path of a request as its target gets it, with the stage, or what a mapping made of it."""
    return quote(exchange.routed.path, safe=_SAFE)


def _sent(exchange: Exchange) -> list[tuple[str, str]]:
    """The client's headers, and which way the request has come."""
    request = exchange.request
    host = request.headers.get("host", "")
    return [
        *((name, value) for name, value in end_to_end(request.lines()) if _passes(name.lower())),
        ("Forwarded", f"for={source_ip(request)};host={host};proto={proto_of(request)}"),
        ("Via", "HTTP/1.1 AmazonAPIGateway"),
        ("X-Amzn-Trace-Id", exchange.routed.trace.partition(";")[0]),
    ]


def _passes(name: str) -> bool:
    return name not in _OWN and not name.startswith("x-forwarded-")
