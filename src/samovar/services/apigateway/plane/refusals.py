"""Gateway responses: what an API answers when it doesn't come to an integration's answer (facts/apigateway.md §6).

Owns: the types, their statuses and texts, and rendering them with what an API has configured. Rules: an API's own type
goes before its DEFAULT_4XX or DEFAULT_5XX, that before what is built in; status, headers and templates are replaced
each as a whole. Templates substitute `$context`, `$stageVariables` and `$method.request`; they are no VTL.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from samovar.services.apigateway import expressions
from samovar.services.apigateway.expressions import Mapped, Source
from samovar.services.apigateway.state import Shape
from samovar.web.fields import sendable

Headers = list[tuple[str, str]]


class Kind(msgspec.Struct, frozen=True):
    """A type of gateway response, as it is built in."""

    status: int | None
    error: str
    """`x-amzn-ErrorType`."""
    message: str | None
    spaced: bool = False
    """Its body is written with a blank after the colon, as by the part of AWS that runs integrations."""
    member: str = "message"


KINDS: Mapping[str, Kind] = {
    "ACCESS_DENIED": Kind(403, "AccessDeniedException", "User is not authorized to access this resource",
                          member="Message"),
    "API_CONFIGURATION_ERROR": Kind(500, "InternalServerErrorException", "Internal server error", True),
    "AUTHORIZER_CONFIGURATION_ERROR": Kind(500, "AuthorizerConfigurationException", None),
    "AUTHORIZER_FAILURE": Kind(500, "AuthorizerFailureException", None),
    "BAD_REQUEST_BODY": Kind(400, "BadRequestException", "Invalid request body", True),
    "BAD_REQUEST_PARAMETERS": Kind(400, "BadRequestException", "Bad request parameters", True),
    "EXPIRED_TOKEN": Kind(403, "ExpiredTokenException", "The security token included in the request is expired"),
    "INTEGRATION_FAILURE": Kind(504, "InternalServerErrorException", "Internal server error", True),
    "INTEGRATION_TIMEOUT": Kind(504, "InternalServerErrorException", "Endpoint request timed out", True),
    "INVALID_API_KEY": Kind(403, "ForbiddenException", "Forbidden"),
    "INVALID_SIGNATURE": Kind(403, "InvalidSignatureException", "The request signature we calculated does not match "
                              "the signature you provided."),
    "MISSING_AUTHENTICATION_TOKEN": Kind(403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    "QUOTA_EXCEEDED": Kind(429, "LimitExceededException", "Limit Exceeded"),
    "REQUEST_TOO_LARGE": Kind(413, "RequestTooLargeException", "HTTP content length exceeded 10485760 bytes."),
    "RESOURCE_NOT_FOUND": Kind(404, "ResourceNotFoundException", "Resource not found"),
    "THROTTLED": Kind(429, "TooManyRequestsException", "Too Many Requests"),
    "UNAUTHORIZED": Kind(401, "UnauthorizedException", "Unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": Kind(415, "BadRequestException", "Unsupported Media Type", True),
    "WAF_FILTERED": Kind(403, "ForbiddenException", "Forbidden"),
}  # fmt: skip
DEFAULTS: Mapping[str, Kind] = {"DEFAULT_4XX": Kind(None, "", ""), "DEFAULT_5XX": Kind(None, "", "")}
TYPES = tuple(sorted([*KINDS, *DEFAULTS]))
TEMPLATE = '{"message":$context.error.messageString}'

_NAMES = re.compile(
    r"\$\{?(?:(?P<context>context)\.(?P<key>\w+(?:\.\w+)*)|(?P<variables>stageVariables)\.(?P<variable>\w+)"
    r"|method\.request\.(?P<part>header|querystring|path)\.(?P<name>[\w-]+))\}?"
)


class Refusal(Exception):
    """A step refuses the request. `status` is for what AWS answers with another one than its type's."""

    def __init__(
        self, kind: str, message: str | None = None, *, status: int | None = None, details: str = "", hint: str = ""
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.message = KINDS[kind].message if message is None else message
        self.status = status
        self.details = details
        """For `$context.error.validationErrorString` and logs."""
        self.hint = hint
        """For whoever looks at the answer's headers (`web/hints`)."""


Value = Callable[[Source], str | None]
"""Looks a source up in the request that is refused."""


class Rendered(msgspec.Struct, frozen=True):
    status: int
    headers: Headers
    body: bytes


class _Own(msgspec.Struct, frozen=True):
    """One gateway response of an API, compiled."""

    status: int | None
    headers: list[Mapped]
    templates: dict[str, list[str | Source]]


class Responses:
    """The gateway responses of one deployment."""

    def __init__(self, configured: Mapping[str, Shape]) -> None:
        self._own = {
            kind: _Own(
                int(shape["statusCode"]) if shape.get("statusCode") else None,
                expressions.gateway(shape.get("responseParameters") or {}),
                {type: _compiled(text) for type, text in (shape.get("responseTemplates") or {}).items()},
            )
            for kind, shape in configured.items()
        }

    def render(self, refusal: Refusal, accept: str, value: Value) -> Rendered:
        kind = KINDS[refusal.kind]
        assert kind.status is not None
        fallback = "DEFAULT_4XX" if kind.status < 500 else "DEFAULT_5XX"
        if refusal.kind == "REQUEST_TOO_LARGE":
            own: list[_Own] = []
        else:
            own = [self._own[name] for name in (refusal.kind, fallback) if name in self._own]
        status = next(
            (each.status for each in own if each.status and each.status >= 200), refusal.status or kind.status
        )
        mapped = next((each.headers for each in own if each.headers), [])
        templates = next((each.templates for each in own if each.templates), None)
        found = ((each.name, value(each.source)) for each in mapped)
        headers = [(name, text) for name, text in found if text is not None and sendable(name, text)]
        if templates is None:
            return Rendered(status, [*headers, ("Content-Type", "application/json")], _built_in(kind, refusal))
        type = _chosen(templates, accept)
        body = "".join(each if isinstance(each, str) else value(each) or "" for each in templates[type])
        return Rendered(status, [*headers, ("Content-Type", type)], body.encode())


def _built_in(kind: Kind, refusal: Refusal) -> bytes:
    separators = (", ", ": ") if kind.spaced else (",", ":")
    return json.dumps({kind.member: refusal.message}, separators=separators).encode()


def _chosen(templates: Mapping[str, Any], accept: str) -> str:
    wanted = accept.partition(",")[0].partition(";")[0].strip()
    for type in (wanted, "application/json"):
        if type in templates:
            return type
    return next(iter(templates))


def _compiled(text: str) -> list[str | Source]:
    parts: list[str | Source] = []
    at = 0
    for found in _NAMES.finditer(text):
        parts.append(text[at : found.start()])
        if found["context"]:
            parts.append(Source("context", found["key"]))
        elif found["variables"]:
            parts.append(Source("stageVariables", found["variable"]))
        else:
            parts.append(Source(found["part"], found["name"]))
        at = found.end()
    return [*parts, text[at:]]
