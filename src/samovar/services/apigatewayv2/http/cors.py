"""Cross-origin requests, as an HTTP API's configuration answers them (facts/apigateway.md §9). Pure.

Rules: credentials don't go with every origin; preflights are answered by the API, whatever its routes are; CORS headers
of a target give way to those of the configuration; an origin that isn't allowed, or none, gets no headers.
"""

from typing import Any

from samovar.net.message import Request, Response
from samovar.services.apigatewayv2.errors import bad_request

Headers = list[tuple[str, str]]

_PREFIX = "access-control-"


def check(configuration: dict[str, Any] | None) -> None:
    """Raises for what no browser takes; the words are recorded of AWS (github.com/aws/aws-cdk/issues/9076)."""
    if configuration and configuration.get("AllowCredentials") and "*" in (configuration.get("AllowOrigins") or ()):
        raise bad_request("allow-credentials is not supported if 'allow-origin' is *")


class Cors:
    def __init__(self, configuration: dict[str, Any]) -> None:
        origins = configuration.get("AllowOrigins") or []
        self._anybody = "*" in origins
        self._schemes = tuple(each.removesuffix("*") for each in origins if each.endswith("://*"))
        self._origins = frozenset(origins)
        self._shared: Headers = []
        """On every answer."""
        self._preflight: Headers = []
        if configuration.get("AllowCredentials"):
            self._shared.append(("access-control-allow-credentials", "true"))
        if configuration.get("ExposeHeaders"):
            self._shared.append(("access-control-expose-headers", ",".join(configuration["ExposeHeaders"])))
        if configuration.get("AllowMethods"):
            self._preflight.append(("access-control-allow-methods", ",".join(configuration["AllowMethods"])))
        if configuration.get("AllowHeaders"):
            self._preflight.append(("access-control-allow-headers", ",".join(configuration["AllowHeaders"])))
        if configuration.get("MaxAge") is not None:
            self._preflight.append(("access-control-max-age", str(configuration["MaxAge"])))

    @staticmethod
    def asks(request: Request) -> bool:
        """Whether a browser asks before it sends a request."""
        return request.method == "OPTIONS" and {"origin", "access-control-request-method"} <= request.headers.keys()

    def preflight(self, request: Request) -> Response:
        allowed = self._allowing(request)
        return Response(204, [*allowed, *self._preflight] if allowed else [])

    def applied(self, request: Request, headers: Headers) -> Headers:
        """The headers of an answer, with the configuration's in the place of the target's own."""
        own = [(name, value) for name, value in headers if not name.lower().startswith(_PREFIX)]
        return [*own, *self._allowing(request)]

    def _allowing(self, request: Request) -> Headers:
        origin = request.headers.get("origin", "")
        if not origin or not (self._anybody or origin in self._origins or origin.startswith(self._schemes or "\0")):
            return []
        return [("access-control-allow-origin", "*" if self._anybody else origin), *self._shared]
