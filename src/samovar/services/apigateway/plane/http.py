"""HTTP and HTTP_PROXY: requests to somebody else's server (facts/apigateway.md §4).

Owns: what is sent, and what of the answer comes back. The connection is `web/upstream`'s.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from samovar.net.message import Response
from samovar.services.apigateway.plane import content, execution_log, headers
from samovar.services.apigateway.plane.exchange import Done, Exchange
from samovar.services.apigateway.plane.mapping import Mappings, Outgoing, RequestMapping, ResponseMapping, Returned
from samovar.services.apigateway.plane.ports import Ports, filled
from samovar.services.apigateway.plane.private import Application, Network, Way
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.plane.streaming import PassedOn
from samovar.services.apigateway.state import Shape
from samovar.web.calls import Answer, Lines, UpstreamError, length_of_unsent

_SAFE = "/:@!$&'()*+,;=~-._"


class _Http:
    """What both kinds have in common."""

    of_function = False

    def __init__(self, shape: Shape, ports: Ports) -> None:
        self._url: str = shape["uri"]
        self._method: str = shape["httpMethod"]
        self._timeout_ms: int = shape["timeoutInMillis"]
        self._verify = not (shape.get("tlsConfig") or {}).get("insecureSkipVerification")
        self._ports = ports
        self._private: Way | None = None
        if shape.get("connectionType") == "VPC_LINK":
            target, link = shape.get("integrationTarget") or "", shape.get("connectionId") or ""
            self._private = Application(target, ports.endpoint) if target else Network(link, ports.link)

    async def _ask(self, exchange: Exchange, method: str, url: str, lines: Lines, body: bytes) -> Answer:
        """The head of the answer."""
        execution_log.sending(exchange, url, body)
        host, name, tls = "", "", None
        if self._private is not None:
            name = urlsplit(url).hostname or ""
            url, host = await self._private.address(exchange, url)
        if url.startswith("https:") and exchange.staged.certificate:
            tls = await self._ports.certificates.context(exchange.api, exchange.staged.certificate, self._verify)
        try:
            answer = await self._ports.urls.send(
                method, url, lines, body, server_name=name, verify=self._verify, host=host, tls=tls
            )
        except UpstreamError as why:
            raise _unheard(exchange, why) from None
        exchange.backend_status = answer.status
        execution_log.received(exchange, answer.status, answer.headers)
        return answer

    async def _send(self, exchange: Exchange, method: str, url: str, lines: Lines, body: bytes) -> Returned:
        answer = await self._ask(exchange, method, url, lines, body)
        try:
            read = await answer.body.read(content.LARGEST)
        except UpstreamError as why:
            raise _unheard(exchange, why) from None
        if read is None:
            exchange.say(f"Execution failed: the answer is larger than {content.LARGEST} bytes")
            raise Refusal("INTEGRATION_FAILURE")
        exchange.show("Endpoint response body before transformations", read)
        return Returned(answer.status, answer.headers, read, str(answer.status))

    def _address(self, exchange: Exchange, path: Mapping[str, str], query: list[tuple[str, str]]) -> str:
        """The URL with its variables in their places, and the query behind its own."""
        url = filled(self._url, exchange.variables)
        for name, value in path.items():
            for variable in (f"{{{name}}}", f"{{{name}+}}"):
                url = url.replace(variable, quote(value, safe=_SAFE))
        parts = urlsplit(url)
        both = [*parse_qsl(parts.query, keep_blank_values=True), *query]
        return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", urlencode(both), ""))


def _unheard(exchange: Exchange, why: UpstreamError) -> Refusal:
    exchange.say(f"Execution failed due to an internal error: {why}")
    return Refusal("INTEGRATION_FAILURE", "Network error communicating with endpoint")


class Http(_Http):
    traced = True
    streams = False

    def __init__(self, shape: Shape, declared: Mapping[str, Any], ports: Ports) -> None:
        super().__init__(shape, ports)
        self._request = RequestMapping(shape, to_aws=False)
        self._response = ResponseMapping(shape, declared)

    def start(self, exchange: Exchange, done: Done) -> None:
        sent = self._request.apply(exchange)
        self._ports.tasks.start(exchange, self._run(exchange, sent), self._timeout_ms, done)

    async def _run(self, exchange: Exchange, sent: Outgoing) -> Response:
        lines = [*sent.headers]
        named = {name.lower() for name, _ in lines}
        type = exchange.request.headers.get("content-type", "application/json")
        for name, value in (
            ("Accept", "application/json"),
            ("User-Agent", f"AmazonAPIGateway_{exchange.api.id}"),
            ("X-Amzn-Apigateway-Api-Id", exchange.api.id),
            ("X-Amzn-Trace-Id", exchange.trace),
            ("Content-Type", type),
        ):
            if name.lower() not in named:
                lines.append((name, value))
        method = exchange.http_method if self._method == "ANY" else self._method
        url = self._address(exchange, sent.path, sent.query)
        returned = await self._send(exchange, method, url, lines, sent.body)
        return self._response.answer(exchange, returned)


class HttpProxy(_Http):
    traced = False

    def __init__(self, shape: Shape, ports: Ports) -> None:
        super().__init__(shape, ports)
        self._mappings = Mappings.of_request(shape.get("requestParameters") or {})
        self.streams = shape.get("responseTransferMode") == "STREAM"

    def start(self, exchange: Exchange, done: Done) -> None:
        self._ports.tasks.start(exchange, self._run(exchange), self._timeout_ms, done)

    async def _run(self, exchange: Exchange) -> Response:
        def mapped(part: str) -> list[tuple[str, str]]:
            return self._mappings.of(part, exchange.value, exchange.body)

        lines = headers.to_backend(exchange.forwarded())
        own = mapped("header")
        named = {name.lower() for name, _ in own}
        lines = [(name, value) for name, value in lines if name.lower() not in named] + own
        method = exchange.http_method if self._method == "ANY" else self._method
        url = self._address(exchange, dict(mapped("path")), [*exchange.query, *mapped("querystring")])
        if self.streams:
            answer = await self._ask(exchange, method, url, lines, exchange.body)
            return Response(answer.status, headers.from_backend(answer.headers), PassedOn(answer.body))
        returned = await self._send(exchange, method, url, lines, exchange.body)
        passed = headers.from_backend(returned.headers)
        if exchange.request.method == "HEAD":
            passed += length_of_unsent(returned.headers, returned.body)
        return Response(returned.status, passed, returned.body)
