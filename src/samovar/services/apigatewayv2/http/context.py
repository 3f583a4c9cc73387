"""`$context` of an HTTP API: what is known of a request, in words (facts/apigateway.md §5, §9).

Owns: the variables. Rule: one that isn't set is None, which an access log writes as `-`.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.web.event_v2 import source_ip


def variable(exchange: Exchange, name: str) -> str | None:
    """The value of `$context.NAME`."""
    read = _VARIABLES.get(name)
    if read is not None:
        return read(exchange) or None
    if name.startswith("authorizer."):
        return _authorizer(exchange, name.removeprefix("authorizer."))
    return _identity(exchange, name.removeprefix("identity.")) if name.startswith("identity.") else None


def _authorizer(exchange: Exchange, name: str) -> str | None:
    """What the authorizer said of the caller: a claim, or a member of its context."""
    given = exchange.routed.authorizer or {}
    if name.startswith("claims."):
        return _text(given.get("jwt", {}).get("claims", {}).get(name.removeprefix("claims.")))
    return _text(given.get("lambda", {}).get(name))


def _identity(exchange: Exchange, name: str) -> str | None:
    if name.startswith("clientCert."):
        return _text(_look_up(exchange.routed.authentication, name))
    iam = (exchange.routed.authorizer or {}).get("iam") or {}
    return _text(iam.get({"caller": "callerId", "user": "userId"}.get(name, name)))


def _look_up(found: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _quoted(exchange: Exchange) -> str:
    return msgspec.json.encode(exchange.error).decode() if exchange.error else ""


def _number(value: int) -> str:
    return str(value) if value else ""


def _own_status(exchange: Exchange) -> int:
    """What the target has answered: a function's own status, where a function did."""
    if not exchange.integration_status or exchange.error:
        return exchange.integration_status if not exchange.integration_request_id else 0
    return exchange.unmapped or exchange.status


def _response_type(exchange: Exchange) -> str:
    """As gateway responses of REST APIs are called; HTTP APIs have none that could be configured."""
    if not exchange.error:
        return ""
    if exchange.integration_started:
        return "INTEGRATION_TIMEOUT" if exchange.status == 503 else "INTEGRATION_FAILURE"
    if exchange.status == 500:
        return "AUTHORIZER_FAILURE" if exchange.authorizer_error else "API_CONFIGURATION_ERROR"
    return _TYPES.get(exchange.status, "DEFAULT_4XX")


_TYPES = {
    401: "UNAUTHORIZED",
    403: "ACCESS_DENIED",
    404: "RESOURCE_NOT_FOUND",
    413: "REQUEST_TOO_LARGE",
    429: "THROTTLED",
}

_VARIABLES: dict[str, Callable[[Exchange], str]] = {
    "accountId": lambda exchange: exchange.routed.account,
    "apiId": lambda exchange: exchange.routed.api,
    "authorizer.error": lambda exchange: exchange.authorizer_error,
    "authorizer.status": lambda exchange: _number(exchange.authorizer_status),
    "awsEndpointRequestId": lambda exchange: exchange.integration_request_id,
    "customDomain.basePathMatched": lambda exchange: (
        exchange.visit.mapping.base_path.lstrip("/") or "(none)" if exchange.visit.mapping else ""
    ),
    "customDomain.routingRuleIdMatched": lambda exchange: exchange.visit.mapping.rule if exchange.visit.mapping else "",
    "dataProcessed": lambda exchange: str(len(exchange.request.body) + exchange.length),
    "domainName": lambda exchange: exchange.routed.domain,
    "domainPrefix": lambda exchange: exchange.routed.domain.partition(".")[0],
    "error.message": lambda exchange: exchange.error,
    "error.messageString": _quoted,
    "error.responseType": lambda exchange: _response_type(exchange),
    "extendedRequestId": lambda exchange: exchange.routed.request_id,
    "httpMethod": lambda exchange: exchange.request.method,
    "identity.sourceIp": lambda exchange: source_ip(exchange.request),
    "identity.userAgent": lambda exchange: exchange.request.headers.get("user-agent", ""),
    "integration.error": lambda exchange: exchange.integration_error,
    "integration.integrationStatus": lambda exchange: _number(exchange.integration_status),
    "integration.latency": lambda exchange: exchange.integration_latency,
    "integration.requestId": lambda exchange: exchange.integration_request_id,
    "integration.status": lambda exchange: _number(_own_status(exchange)),
    "integrationErrorMessage": lambda exchange: exchange.integration_error,
    "integrationLatency": lambda exchange: exchange.integration_latency,
    "integrationStatus": lambda exchange: _number(exchange.integration_status),
    "path": lambda exchange: exchange.routed.path,
    "protocol": lambda exchange: "HTTP/1.0" if exchange.request.http10 else "HTTP/1.1",
    "requestId": lambda exchange: exchange.routed.request_id,
    "requestTime": lambda exchange: exchange.routed.time,
    "requestTimeEpoch": lambda exchange: str(int(exchange.routed.now * 1000)),
    "responseLatency": lambda exchange: exchange.latency,
    "responseLength": lambda exchange: str(exchange.length),
    "routeKey": lambda exchange: exchange.routed.route_key,
    "cipherSuite": lambda exchange: (exchange.request.tls or ("", ""))[1],
    "tlsVersion": lambda exchange: (exchange.request.tls or ("", ""))[0],
    "stage": lambda exchange: exchange.routed.stage,
    "status": lambda exchange: _number(exchange.status),
    "xrayTraceId": lambda exchange: exchange.routed.trace,
}
