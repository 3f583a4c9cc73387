"""From a request to a function URL to the event that its function gets: payload format 2.0 (facts/lambda-events.md §7).

Owns: what such an event has otherwise than that of an HTTP API (`web/event_v2`). Pure: the time is an argument.
"""

from typing import Any

import msgspec

from samovar.core.context import Context
from samovar.core.expressions import expression
from samovar.net.message import Request
from samovar.services.lambda_.urls import Url
from samovar.web import event_v2
from samovar.web.signers import Signer
from samovar.web.stamp import clf_time

_TEXT = expression(r"text/.*|application/(?:.*\+)?(?:json|xml)|application/(?:javascript|x-www-form-urlencoded)")
"""Media types whose bodies are handed on as text: forms too, unlike with an API."""


class Visit(msgspec.Struct, frozen=True):
    """A request as seen from the URL it was sent to."""

    url: Url
    domain: str
    """Host name without the port."""
    path: str
    """As sent, percent-encoded, below the URL."""
    signer: Signer | None = None
    """Who was let in, where that takes a signature."""


def written(visit: Visit, request: Request, ctx: Context, trace: str, now: float) -> bytes:
    """The event as JSON."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": visit.path,
        "rawQueryString": request.query,
    }
    cookies = event_v2.cookies_of(request)
    if cookies:
        event["cookies"] = cookies
    event["headers"] = event_v2.forwarded(request, trace)
    parameters = event_v2.joined(request.query)
    if parameters:
        event["queryStringParameters"] = parameters
    event["requestContext"] = _context(visit, request, ctx, now)
    if request.body:
        event["body"], event["isBase64Encoded"] = event_v2.as_text(request, _TEXT)
    else:
        event["isBase64Encoded"] = False
    return msgspec.json.encode(event)


def _context(visit: Visit, request: Request, ctx: Context, now: float) -> dict[str, Any]:
    signer = visit.signer
    context: dict[str, Any] = {
        "accountId": signer.account if signer else "anonymous",
        "apiId": visit.url.id,
        "authentication": None,
    }
    if signer:
        context["authorizer"] = {"iam": signer.shown()}
    return context | {
        "domainName": visit.domain,
        "domainPrefix": visit.url.id,
        "http": {
            "method": request.method,
            "path": visit.path,
            "protocol": "HTTP/1.0" if request.http10 else "HTTP/1.1",
            "sourceIp": event_v2.source_ip(request),
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": ctx.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": clf_time(now),
        "timeEpoch": int(now * 1000),
    }
