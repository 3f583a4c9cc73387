"""The event of payload format 2.0, as HTTP APIs send it to functions (facts/apigateway.md §9, lambda-events.md §7).

Owns: the members, their order, and what is left out. Pure: the time is an argument.
"""

import base64
import re
from typing import Any, TypeVar

import msgspec

from samovar.core.expressions import expression
from samovar.net.message import Request
from samovar.wire import text

_TEXT = expression(r"text/.*|application/(?:.*\+)?(?:json|xml)|application/javascript")
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
    time: str
    """The same in words, see `web/stamp`."""
    route_key: str = ""
    parameters: dict[str, str] = {}
    """Of the path, decoded."""
    authorizer: dict[str, Any] | None = None
    """`{"jwt": ...}`, `{"lambda": ...}` or `{"iam": ...}`."""
    authentication: dict[str, Any] | None = None
    """`{"clientCert": ...}` of a client that had to show its certificate."""


class Http(msgspec.Struct, rename="camel"):
    method: str
    path: str
    protocol: str
    source_ip: str
    user_agent: str


class RequestContext(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    account_id: str
    api_id: str
    authentication: dict[str, Any] | None = None
    authorizer: dict[str, Any] | None = None
    domain_name: str
    domain_prefix: str
    http: Http
    request_id: str
    route_key: str
    stage: str
    time: str
    time_epoch: int


class Described(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What the events of functions and of authorizers have in common; what a request doesn't have is left out."""

    version: str
    route_key: str
    raw_path: str
    raw_query_string: str
    cookies: list[str] | None = None
    headers: dict[str, str]
    query_string_parameters: dict[str, str] | None = None
    request_context: RequestContext
    path_parameters: dict[str, str] | None = None
    stage_variables: dict[str, str] | None = None


class Event(Described, rename="camel", omit_defaults=True, kw_only=True):
    body: str | None = None
    is_base64_encoded: bool


D = TypeVar("D", bound=Described)


def written(routed: Routed, request: Request) -> bytes:
    """The event as JSON."""
    body, encoded = as_text(request) if request.body else (None, False)
    return msgspec.json.encode(described(Event, routed, request, body=body, is_base64_encoded=encoded))


def described(kind: type[D], routed: Routed, request: Request, **members: Any) -> D:
    """An event of some kind, with members of its own."""
    headers = forwarded(request, routed.trace)
    cookies = cookies_of(request) if headers.pop("cookie", None) else None
    return kind(
        version="2.0",
        route_key=routed.route_key,
        raw_path=routed.path,
        raw_query_string=request.query,
        cookies=cookies or None,
        headers=headers,
        query_string_parameters=joined(request.query) or None if request.query else None,
        request_context=_context(routed, request),
        path_parameters=routed.parameters or None,
        stage_variables=routed.variables or None,
        **members,
    )


def cookies_of(request: Request) -> list[str]:
    return [each.strip() for each in request.headers.get("cookie", "").split(";") if each.strip()]


def forwarded(request: Request, trace: str) -> dict[str, str]:
    """The headers of a request, and those that say which way it has come."""
    kept = dict(request.headers)
    if not _BETWEEN_CONNECTIONS.isdisjoint(kept):
        kept = {name: value for name, value in kept.items() if name not in _BETWEEN_CONNECTIONS}
    before, source = kept.get("x-forwarded-for"), request.peer or LOOPBACK
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


def _context(routed: Routed, request: Request) -> RequestContext:
    return RequestContext(
        account_id=routed.account,
        api_id=routed.api,
        authentication=routed.authentication,
        authorizer=routed.authorizer,
        domain_name=routed.domain,
        domain_prefix=routed.domain.partition(".")[0],
        http=Http(
            request.method,
            routed.path,
            "HTTP/1.0" if request.http10 else "HTTP/1.1",
            source_ip(request),
            request.headers.get("user-agent", ""),
        ),
        request_id=routed.request_id,
        route_key=routed.route_key,
        stage=routed.stage,
        time=routed.time,
        time_epoch=int(routed.now * 1000),
    )
