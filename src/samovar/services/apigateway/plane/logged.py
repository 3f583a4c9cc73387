"""The variables that only an access log knows ("Variables for access logging for API Gateway" of AWS's guide).

Owns: what they are for a request that was answered. Pure. Rules: all of it is worked out here, from what the request
has left behind, so that one whose stage keeps no log pays nothing. What isn't known isn't set: a map as a whole, a web
ACL (there are none), steps that the request didn't come to.
"""

from collections.abc import Mapping
from typing import Any

from samovar.net.message import Response
from samovar.services.apigateway.plane.exchange import Exchange, look_up, text_of
from samovar.web.lambda_authorizer import Failure

_SIGNED = ("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN")
_FAILED = {
    "UNAUTHORIZED": (401, "Unauthorized"),
    "AUTHORIZER_FAILURE": (500, Failure.FAILED.value),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, Failure.MALFORMED.value),
}
_INTEGRATION = ("INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "API_CONFIGURATION_ERROR")


class Logged:
    """Looks up `$context.NAME`; everything is made when the first name is asked for."""

    def __init__(self, exchange: Exchange, response: Response) -> None:
        self._exchange = exchange
        self._response = response
        self._context: dict[str, Any] | None = None

    def __call__(self, name: str) -> str | None:
        if self._context is None:
            self._context = _made(self._exchange, self._response)
        found = look_up(self._context, name)
        return None if isinstance(found, dict) else text_of(found)


def _made(exchange: Exchange, response: Response) -> dict[str, Any]:
    body = response.body if isinstance(response.body, bytes) else b""
    integration = _integration(exchange)
    version, suite = exchange.request.tls or (None, None)
    mapping = exchange.mapping
    return {
        **exchange.context(),
        **_entered(exchange),
        "status": response.status,
        "responseLength": len(body),
        "responseLatency": round((exchange.ended - exchange.started) * 1000),
        "integration": integration,
        "integrationLatency": integration.get("latency"),
        "integrationStatus": integration.get("integrationStatus"),
        "awsEndpointRequestId": integration.get("requestId"),
        "customDomain": {
            "basePathMatched": mapping.base_path.lstrip("/") or "(none)",
            "routingRuleIdMatched": mapping.rule or None,
        } if mapping is not None else {},
        "endpointType": exchange.plan.settings["endpointConfiguration"]["types"][0],
        "tlsVersion": version,
        "cipherSuite": suite,
        "xrayTraceId": exchange.trace,
    }  # fmt: skip


def _integration(exchange: Exchange) -> dict[str, Any]:
    """Empty where none was asked."""
    if exchange.integration_ms is None or exchange.method is None:
        return {}
    refusal, kind = exchange.refusal, exchange.method.integration
    failed = refusal is not None and refusal.kind in _INTEGRATION
    own: int | None = exchange.integration_status
    if kind.of_function:
        # A function that failed, or whose answer can't be read, has run all the same.
        service = 200 if own is not None or (refusal is not None and refusal.status == 502) else None
    else:
        service = own = exchange.backend_status or own
    return {
        "error": refusal.message if failed and refusal is not None else None,
        "integrationStatus": service,
        "latency": exchange.integration_ms,
        "requestId": exchange.ctx.request_id if kind.of_function else None,
        "responseTransferMode": "STREAM" if kind.streams else "BUFFERED",
        "status": own,
        "timeToAllHeaders": exchange.integration_ms if kind.streams else None,
    }


def _entered(exchange: Exchange) -> dict[str, Mapping[str, Any]]:
    """How the steps went that say who may enter."""
    method, refusal = exchange.method, exchange.refusal
    if method is None:
        return {}
    kind = refusal.kind if refusal is not None else ""
    denied = kind == "ACCESS_DENIED"
    found: dict[str, Mapping[str, Any]] = {}
    if method.authorization == "AWS_IAM":
        known = kind not in _SIGNED
        found["authenticate"] = _step(200 if known else 403, refusal.message if refusal and not known else None)
        if not known:
            return found
    given = exchange.authorizer
    if method.authorizer is not None:
        status, error = (200, None) if given is not None or denied else _FAILED.get(kind, (None, None))
        if status is None:
            return found
        took = (given or {}).get("integrationLatency")
        asked = {"integrationStatus": 200, "requestId": exchange.ctx.request_id} if took is not None else {}
        found["authorizer"] = {**(given or {}), "error": error, "status": status, "latency": took, **asked}
        if status != 200:
            return found
    if denied or method.authorizer is not None or method.authorization == "AWS_IAM" or exchange.plan.needs_policy:
        found["authorize"] = _step(403 if denied else 200, refusal.message if refusal and denied else None)
    return found


def _step(status: int, error: str | None) -> dict[str, Any]:
    return {"status": status, "error": error, "latency": 0}
