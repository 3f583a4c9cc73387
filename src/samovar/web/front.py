"""The door of APIs: which API a web request means, and who serves it.

    http://ID.execute-api.REGION.localhost:4566/...     the API's own host name
    http://localhost:4566/_aws/execute-api/ID/...       the same, for clients that can't resolve that name
    http://localhost:4566/restapis/ID/STAGE/_user_request_/...  likewise, as older tools for LocalStack have it
    http://api.example.com/...                          a custom domain (`Host: api.example.com`)

Owns: these forms, and the answers where no API is. Refuses: what an API does with a request; each service that has APIs
says by `join` which ids are its own. Rule: `owns` is asked for every request that the platform gets, so it must be
cheap.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from samovar.core.context import Context
from samovar.core.expressions import expression
from samovar.net.message import Reply, Request, Response
from samovar.web.hints import hint
from samovar.wire import connections

LABEL, PATH = connections.LABEL, connections.PATH
_USER_REQUEST = expression(r"/restapis/(?P<id>[^/]+)/(?P<stage>[^/]+)/_user_request_(?P<rest>/.*)?", re.DOTALL)
_REMEMBERED = 1000
"""Host names of which it is kept what they mean."""
_HOST = expression(
    rf"(?P<domain>(?P<id>[a-z0-9]+){re.escape(LABEL)}(?:(?P<region>(?!localhost\.)[a-z0-9-]+)\.)?[^:]+)(?::\d+)?"
)
"""Some tools leave the region out: `ID.execute-api.localhost.localstack.cloud`."""


class Visit(msgspec.Struct, frozen=True):
    """A request as seen from the API that it is for."""

    request: Request
    ctx: Context
    reply: Reply
    api: str
    """Its id."""
    domain: str
    """The host name it was asked under, without the port."""
    path: str
    """As sent, percent-encoded. It begins with the stage, but where a custom domain's mapping says which it is."""
    mapping: "Mapping | None" = None
    """Set on a custom domain."""
    guest: "Guest | None" = None
    """Set on a custom domain that doesn't let in everybody."""


class Mapping(msgspec.Struct, frozen=True):
    """Where a path of a custom domain leads."""

    api: str
    stage: str
    base_path: str
    """With a slash in front; empty for the domain's root."""
    rule: str = ""
    """The id of the routing rule that led there."""


Serve = Callable[[Visit], None]
"""Answers once, now or later."""

NAMED_DEFAULT = ("$default", "%24default")
"""How a path may spell the stage that has no name in paths."""

Find = Callable[[str, str], Serve | None]
"""Who serves an API, by its id and the region that was asked for (empty: any); None where it isn't one of theirs."""

PAYLOAD_LIMIT = 10 * 1024 * 1024
"""Bytes of a request's body, for every kind of API (facts/apigateway.md §12)."""


class Guest(msgspec.Struct, frozen=True):
    """A caller whom a custom domain has let in."""

    certificate: Map[str, Any] | None = None
    """`clientCert` of one that had to show its certificate."""
    endpoint: str = ""
    """The VPC endpoint through which it has come to a private domain."""


class Closed(Exception):
    """A domain doesn't let a client in; the message says why."""


class Domains(Protocol):
    """Custom domains and their mappings."""

    def known(self, domain: str) -> bool: ...

    def find(self, domain: str, request: Request) -> Mapping | None:
        """Where a request leads; None where no mapping fits."""
        ...

    def enter(self, domain: str, request: Request) -> Guest | None:
        """None: everybody is let in. Closed for who isn't."""
        ...


class Front:
    def __init__(self) -> None:
        self.domains: Domains | None = None
        self._finds: list[tuple[Find, str]] = []
        self._hosts: dict[str, tuple[str, str, str]] = {}

    def join(self, find: Find, too_large: str = "Request Entity Too Large") -> None:
        """From now on `find` is asked for APIs as well; `too_large`: what they say to a body beyond the limit."""
        self._finds.append((find, too_large))

    def is_api(self, host: str) -> bool:
        """Whether a host name, without a port, is that of an API that there is."""
        named = self._hosts.get(host) or self._read(host)
        return named is not None and any(find(named[0], named[1]) is not None for find, _ in self._finds)

    @staticmethod
    def claims(host: str, path: str) -> bool:
        """Whether a request is for an API; `host` as sent, in lower case.

        What is below `@connections` is for the management API, at the address of a stage.
        """
        if connections.split(path) is not None:
            return False
        if LABEL in host or path.startswith(PATH):
            return True
        return path.startswith("/restapis/") and _USER_REQUEST.fullmatch(path) is not None

    def owns(self, host: str, path: str) -> bool:
        """The same of a custom domain."""
        domains = self.domains
        if domains is None or not domains.known(host.partition(":")[0]):
            return False
        return connections.split(path) is None

    def admit(self, method: str, path: str, headers: Map[str, str]) -> int | Response:
        """The largest body of a request to an API, or the refusal of one that is larger."""
        if int(headers.get("content-length", 0)) <= PAYLOAD_LIMIT:
            return PAYLOAD_LIMIT
        api, region, _, _ = self._named(headers.get("host", "").lower(), path)
        text = next((text for find, text in self._finds if find(api, region)), "Request Entity Too Large")
        return Response(413, [("Content-Type", "application/json")], msgspec.json.encode({"message": text}))

    def serve(self, request: Request, ctx: Context, reply: Reply) -> None:
        """Answer a request to an API, now or later."""
        host = request.headers.get("host", "").lower()
        api, region, domain, path = self._named(host, request.path)
        mapping = guest = None
        if not api and self.domains is not None:
            domain = host.partition(":")[0]
            try:
                guest = self.domains.enter(domain, request)
            except Closed as refused:
                reply(forbidden(ctx.request_id, str(refused)))
                return
            mapping = self.domains.find(domain, request)
            api = mapping.api if mapping is not None else ""
        for find, _ in self._finds:
            serve = find(api, region)
            if serve is not None:
                serve(Visit(request, ctx, reply, api, domain, path, mapping, guest))
                return
        where = f" in {region}" if region else ""
        found = f"There is no API {api}{where}." if api else "No mapping of this domain fits the path."
        reply(forbidden(ctx.request_id, found))

    def _named(self, host: str, path: str) -> tuple[str, str, str, str]:
        """(id, region, domain, the path from there on) of the API that a request names; empty what it doesn't say."""
        named = self._hosts.get(host) or self._read(host)
        if named is not None:
            return (*named, path)
        below = _below(path)
        return (below[0], "", "", below[1]) if below is not None else ("", "", "", path)

    def _read(self, host: str) -> tuple[str, str, str] | None:
        found = _HOST.fullmatch(host)
        if found is None:
            return None
        if len(self._hosts) >= _REMEMBERED:
            self._hosts.clear()
        named = self._hosts[host] = (found["id"], found["region"] or "", found["domain"])
        return named


def _below(path: str) -> tuple[str, str] | None:
    """(id, the path from there on) of the API that a path names."""
    if path.startswith(PATH):
        api, _, rest = path.removeprefix(PATH).partition("/")
        return api, _unnamed(f"/{rest}")
    named = _USER_REQUEST.fullmatch(path)
    return (named["id"], _unnamed(f"/{named['stage']}{named['rest'] or ''}")) if named is not None else None


def _unnamed(path: str) -> str:
    """Without `$default`, which tools write where a stage stands: no host's path names it."""
    stage, _, rest = path[1:].partition("/")
    return f"/{rest}" if stage in NAMED_DEFAULT else path


def address(api: str, region: str, endpoint: str, scheme: str = "") -> str:
    """Where an API is reached by whoever reaches the platform at `endpoint`.

    Names below `localhost` are the machine's own (RFC 6761 §6.3); from elsewhere the path form leads here.
    """
    parts = urlsplit(endpoint)
    scheme = scheme or parts.scheme
    if parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return f"{scheme}://{parts.netloc}{PATH}{api}"
    port = f":{parts.port}" if parts.port else ""
    return f"{scheme}://{domain_name(api, region)}{port}"


def domain_name(api: str, region: str) -> str:
    """The host name of an API's own."""
    return f"{api}{LABEL}{region}.localhost"


def forbidden(request_id: str, why: str) -> Response:
    """There is no such API, or not under this name (facts/apigateway.md §0.3)."""
    headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", request_id), hint(why)]
    return Response(403, [*headers, ("x-amzn-ErrorType", "ForbiddenException")], b'{"message":"Forbidden"}')
