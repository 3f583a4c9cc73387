"""The event of payload format 2.0, as HTTP APIs send it to functions (facts/apigateway.md §9, lambda-events.md §7).

Owns: the members, their order, and what is left out. Pure: the time is an argument.
"""

import base64
import re
import time
from typing import Any

import msgspec

from samovar.net.message import Request
from samovar.wire import text

_TEXT = re.compile(r"text/.*|application/(?:.*\+)?(?:json|xml)|application/javascript")
"""Media types whose bodies are handed on as text; a form is not among them, as on AWS."""
_BETWEEN_CONNECTIONS = frozenset({"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"})
"""Headers that say something about the client's connection, not about its request (RFC 9110 §7.6.1)."""
LOOPBACK = "127.0.0.1"


class Routed(msgspec.Struct):
    """What the API has made of a request so far."""

    account: str
    api: str
    domain: str
    stage: str
    path: str
    """With the stage, decoded: HTTP APIs decode `rawPath`, unlike function URLs."""
    variables: dict[str, str]
    """Of the stage."""
    request_id: str
    trace: str
    now: float
    route_key: str = ""
    parameters: dict[str, str] = {}
    """Of the path, decoded."""
    authorizer: dict[str, Any] | None = None
    """`{"jwt": ...}`, `{"lambda": ...}` or `{"iam": ...}`."""


def written(routed: Routed, request: Request) -> bytes:
    """The event as JSON."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": routed.route_key,
        "rawPath": routed.path,
        "rawQueryString": request.query,
    }
    described(event, routed, request)
    body = request.body
    if body:
        event["body"], event["isBase64Encoded"] = as_text(request)
    else:
        event["isBase64Encoded"] = False
    return msgspec.json.encode(event)


def described(event: dict[str, Any], routed: Routed, request: Request) -> None:
    """Add what the events of functions and of authorizers have in common."""
    cookies = cookies_of(request)
    if cookies:
        event["cookies"] = cookies
    event["headers"] = forwarded(request, routed.trace)
    event["headers"].pop("cookie", None)
    query = joined(request.query)
    if query:
        event["queryStringParameters"] = query
    event["requestContext"] = _context(routed, request)
    if routed.parameters:
        event["pathParameters"] = routed.parameters
    if routed.variables:
        event["stageVariables"] = routed.variables


def cookies_of(request: Request) -> list[str]:
    return [each.strip() for each in request.headers.get("cookie", "").split(";") if each.strip()]


def forwarded(request: Request, trace: str) -> dict[str, str]:
    """The headers of a request, and those that say which way it has come."""
    kept = {name: value for name, value in request.headers.items() if name not in _BETWEEN_CONNECTIONS}
    before, source = kept.get("x-forwarded-for"), source_ip(request)
    if request.tls:
        kept["x-amzn-tls-version"], kept["x-amzn-tls-cipher-suite"] = request.tls
    kept["x-amzn-trace-id"] = trace.partition(";")[0]
    kept["x-forwarded-for"] = f"{before}, {source}" if before else source
    kept["x-forwarded-port"] = port_of(request)
    kept["x-forwarded-proto"] = proto_of(request)
    return kept


def port_of(request: Request) -> str:
    """The port that the client has asked."""
    _, _, port = request.headers.get("host", "").rpartition(":")
    return port if port.isdecimal() else ("443" if request.tls else "80")


def proto_of(request: Request) -> str:
    return "https" if request.tls else "http"


def source_ip(request: Request) -> str:
    return request.peer or LOOPBACK


def joined(query: str) -> dict[str, str]:
    """Decoded; the values of a name that comes several times are joined by commas."""
    found: dict[str, str] = {}
    for name, value in text.pairs(query):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def as_text(request: Request, texts: re.Pattern[str] = _TEXT) -> tuple[str, bool]:
    """(body, whether it is base64); `texts`: the media types that are handed on as text."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if texts.fullmatch(media_type):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def clf_time(now: float) -> str:
    """`12/Mar/2020:19:03:58 +0000`."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now))


def _context(routed: Routed, request: Request) -> dict[str, Any]:
    context: dict[str, Any] = {"accountId": routed.account, "apiId": routed.api}
    if routed.authorizer is not None:
        context["authorizer"] = routed.authorizer
    return context | {
        "domainName": routed.domain,
        "domainPrefix": routed.domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": routed.path,
            "protocol": "HTTP/1.0" if request.http10 else "HTTP/1.1",
            "sourceIp": source_ip(request),
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": routed.request_id,
        "routeKey": routed.route_key,
        "stage": routed.stage,
        "time": clf_time(routed.now),
        "timeEpoch": int(routed.now * 1000),
    }
