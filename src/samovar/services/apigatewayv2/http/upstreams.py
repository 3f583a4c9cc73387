"""Web servers as targets: HTTP_PROXY (facts/apigateway.md §9).

Owns: where a request goes, which headers go along in either direction. Rule: the request goes through as it is, but for
what a proxy must change; so does the answer, up to the payload limit.
"""

import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from samovar.net.message import Response
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.integrations import filled
from samovar.services.apigatewayv2.records import Integration, Stage
from samovar.web.answer_v2 import sendable
from samovar.web.event_v2 import source_ip
from samovar.web.front import PAYLOAD_LIMIT
from samovar.web.upstream import UpstreamError, end_to_end
from samovar.web.urls import Urls

Spawn = Callable[[Exchange, Coroutine[Any, Any, None]], None]

_VARIABLE = re.compile(r"\{([A-Za-z0-9._$-]+)\+?\}")
_OWN = frozenset({"content-length", "date", "expect", "host", "max-forwards"})
"""Headers that whoever sends a message says itself."""


class UpstreamTarget:
    def __init__(self, urls: Urls, spawn: Spawn, stage: Stage, integration: Integration) -> None:
        self._urls = urls
        self._spawn = spawn
        self._url = filled(integration.integration_uri or "", stage.stage_variables)
        self._is_plain = _VARIABLE.search(self._url) is None
        method = integration.integration_method or "ANY"
        self._method = "" if method == "ANY" else method
        self._server_name = (integration.tls_config or {}).get("ServerNameToVerify", "")
        self._maps_path = "overwrite:path" in (integration.request_parameters or {})

    def handle(self, exchange: Exchange) -> None:
        self._spawn(exchange, self._forward(exchange))

    async def _forward(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            answer = await self._urls.send(
                self._method or request.method, self._target(exchange), _sent(exchange), request.body, self._server_name
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
        exchange.answer(Response(answer.status, headers, body))

    def _target(self, exchange: Exchange) -> str:
        parameters = exchange.routed.parameters
        url = self._url
        if not self._is_plain:
            url = _VARIABLE.sub(lambda found: quote(parameters.get(found[1], ""), safe="/:@!$&'()*+,;=~-._"), url)
        if self._maps_path:
            scheme, _, rest = url.partition("://")
            url = f"{scheme}://{rest.partition('/')[0]}{quote(exchange.routed.path, safe='/:@!$&()*+,;=~-._%')}"
        if exchange.request.query:
            url += ("&" if "?" in url else "?") + exchange.request.query
        return url


def _sent(exchange: Exchange) -> list[tuple[str, str]]:
    """The client's headers, and which way the request has come."""
    request = exchange.request
    host = request.headers.get("host", "")
    return [
        *((name, value) for name, value in end_to_end(request.lines()) if _passes(name.lower())),
        ("Forwarded", f"for={source_ip(request)};host={host};proto=http"),
        ("Via", "HTTP/1.1 AmazonAPIGateway"),
        ("X-Amzn-Trace-Id", exchange.routed.trace.partition(";")[0]),
    ]


def _passes(name: str) -> bool:
    return name not in _OWN and not name.startswith("x-forwarded-")
