"""From a request to a function URL to the event that its function gets: payload format 2.0 (facts/lambda-events.md §7).

Owns: the event's members and their order. Pure: the time is an argument.
"""

import base64
import re
import time
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from samovar.core.context import Context
from samovar.net.message import Request
from samovar.services.lambda_.urls import Url

_TEXT = re.compile(r"text/.*|application/(?:.*\+)?(?:json|xml)|application/(?:javascript|x-www-form-urlencoded)")
"""Media types whose bodies are handed on as text."""
_BETWEEN_CONNECTIONS = frozenset({"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"})
"""Headers that say something about the client's connection, not about its request (RFC 9110 §7.6.1)."""
SOURCE_IP = "127.0.0.1"
"""The server doesn't learn its clients' addresses; by default it listens on the loopback address only."""


class Visit(msgspec.Struct, frozen=True):
    """A request as seen from the URL it was sent to."""

    url: Url
    domain: str
    """Host name without the port."""
    path: str
    """As sent, percent-encoded, below the URL."""
    signed_by: str
    """The access key, empty for an unsigned request."""


def written(visit: Visit, request: Request, ctx: Context, trace: str, now: float) -> bytes:
    """The event as JSON."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": visit.path,
        "rawQueryString": request.query,
    }
    cookies = [each.strip() for each in request.headers.get("cookie", "").split(";") if each.strip()]
    if cookies:
        event["cookies"] = cookies
    event["headers"] = _headers(request, trace)
    parameters = _query(request.query)
    if parameters:
        event["queryStringParameters"] = parameters
    event["requestContext"] = _context(visit, request, ctx, now)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request)
    else:
        event["isBase64Encoded"] = False
    return msgspec.json.encode(event)


def _headers(request: Request, trace: str) -> dict[str, str]:
    kept = {name: value for name, value in request.headers.items() if name not in _BETWEEN_CONNECTIONS}
    before = kept.get("x-forwarded-for")
    _, _, port = kept.get("host", "").rpartition(":")
    if request.tls:
        kept["x-amzn-tls-version"], kept["x-amzn-tls-cipher-suite"] = request.tls
    return {
        **kept,
        "x-amzn-trace-id": trace.partition(";")[0],
        "x-forwarded-for": f"{before}, {SOURCE_IP}" if before else SOURCE_IP,
        "x-forwarded-port": port if port.isdecimal() else ("443" if request.tls else "80"),
        "x-forwarded-proto": "https" if request.tls else "http",
    }


def _query(query: str) -> dict[str, str]:
    """Decoded; the values of a name that comes several times are joined by commas."""
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(request: Request) -> tuple[str, bool]:
    """(body, whether it is base64)."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if _TEXT.fullmatch(media_type):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def _context(visit: Visit, request: Request, ctx: Context, now: float) -> dict[str, Any]:
    signed = visit.url.auth_type == "AWS_IAM"
    context: dict[str, Any] = {
        "accountId": ctx.account if signed else "anonymous",
        "apiId": visit.url.id,
        "authentication": None,
    }
    if signed:
        context["authorizer"] = {
            "iam": {
                "accessKey": visit.signed_by,
                "accountId": ctx.account,
                "callerId": visit.signed_by,
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": ctx.principal,
                "userId": visit.signed_by,
            }
        }
    return context | {
        "domainName": visit.domain,
        "domainPrefix": visit.url.id,
        "http": {
            "method": request.method,
            "path": visit.path,
            "protocol": "HTTP/1.0" if request.http10 else "HTTP/1.1",
            "sourceIp": SOURCE_IP,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": ctx.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }
