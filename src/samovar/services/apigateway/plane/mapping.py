"""From a client's request to what an integration gets, and from its answer to the client's (facts/apigateway.md §4,
§5).

Owns: parameter mappings, the choice of templates, passthrough, content handling, selection patterns, overrides. All of
it is compiled once for a deployment. Rule: what isn't there, is empty, or would break a head apart, isn't sent.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from samovar.net.message import Response
from samovar.services.apigateway import expressions
from samovar.services.apigateway.expressions import Mapped, Source
from samovar.services.apigateway.plane import content, headers
from samovar.services.apigateway.plane.content import NotBase64, media_type
from samovar.services.apigateway.plane.exchange import Exchange, text_of
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.plane.templates import Template
from samovar.services.apigateway.state import Shape
from samovar.web import jsonpath
from samovar.web.fields import sendable
from samovar.web.jsonpath import JsonPathError
from samovar.web.patterns import Pattern

Pairs = list[tuple[str, str]]
Value = Callable[[Source], str | None]


class Mappings:
    """Parameter mappings of one direction."""

    def __init__(self, mapped: list[Mapped]) -> None:
        self._mapped = mapped
        self._paths = {each.source.name: _path(each.source.name) for each in mapped if each.source.kind == "body"}

    @classmethod
    def of_request(cls, parameters: Mapping[str, str]) -> "Mappings":
        return cls(expressions.requests(parameters))

    @classmethod
    def of_response(cls, parameters: Mapping[str, str]) -> "Mappings":
        return cls(expressions.responses(parameters))

    @property
    def names(self) -> list[str]:
        """Of the headers that it sets."""
        return [each.name for each in self._mapped if each.part == "header"]

    def of(self, part: str, value: Value, body: bytes) -> Pairs:
        """The mappings into a `part` (`header`, `querystring`, `path`); `value` looks up all that isn't of the body."""
        found = []
        for each in self._mapped:
            if each.part == part:
                source = each.source
                text = value(source) if source.kind != "body" else self._of_body(source.name, body)
                if text and (part != "header" or sendable(each.name, text)):
                    found.append((each.name, text))
        return found

    def _of_body(self, path: str, body: bytes) -> str | None:
        if not path:
            return body.decode(errors="replace")
        compiled = self._paths[path]
        if compiled is None or body[:1] not in (b"{", b"[", b'"', b"'"):
            return None
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refusal("BAD_REQUEST_BODY", "Invalid JSON in request body") from None
        found = compiled.read(document)
        return None if found is jsonpath.MISSING else text_of(found)


def _path(text: str) -> jsonpath.Path | None:
    try:
        return jsonpath.compile(text) if text else None
    except JsonPathError:
        return None


class Outgoing(msgspec.Struct, frozen=True):
    """What an integration is sent."""

    headers: Pairs
    query: Pairs
    path: dict[str, str]
    body: bytes


class RequestMapping:
    def __init__(self, shape: Shape, to_aws: bool) -> None:
        self._mappings = Mappings.of_request(shape.get("requestParameters") or {})
        self._unmappable = next((each for each in self._mappings.names if headers.unmappable(each, to_aws)), "")
        self._templates = {
            media_type(type) if type != "$default" else type: Template(text)
            for type, text in (shape.get("requestTemplates") or {}).items()
        }
        self._behaviour: str = shape.get("passthroughBehavior") or "WHEN_NO_MATCH"
        self._handling: str = shape.get("contentHandling") or ""

    def apply(self, exchange: Exchange) -> Outgoing:
        """Raises Refusal."""
        if self._unmappable:
            exchange.say(f"Execution failed due to configuration error: header {self._unmappable} can't be mapped")
            raise Refusal("API_CONFIGURATION_ERROR")
        template = self._chosen(exchange)
        try:
            body, binary = content.request_body(exchange.body, exchange.body_is_binary, self._handling)
        except NotBase64:
            exchange.say("Execution failed due to configuration error: Unable to base64 decode the body.")
            raise Refusal("API_CONFIGURATION_ERROR") from None
        override: dict[str, Any] = {}
        if template is not None:
            if binary and body:
                exchange.say("Execution failed due to configuration error: Unable to transform request")
                raise Refusal("API_CONFIGURATION_ERROR")
            body = template.render(exchange, body.decode(errors="replace"), override).encode(errors="replace")
        elif not binary and body:
            body = body.decode(errors="replace").encode()
        value = exchange.value
        of = self._mappings.of
        return Outgoing(
            _overridden(of("header", value, exchange.body), override.get("header")),
            _overridden(of("querystring", value, exchange.body), override.get("querystring")),
            dict(_overridden(of("path", value, exchange.body), override.get("path"))),
            body,
        )

    def _chosen(self, exchange: Exchange) -> Template | None:
        """The template of the request's type; None: the body passes through."""
        kind = media_type(exchange.request.headers.get("content-type", "")) or "application/json"
        found = self._templates.get(kind) or self._templates.get("$default")
        refuses = self._behaviour == "NEVER" or (self._behaviour == "WHEN_NO_TEMPLATES" and self._templates)
        if found is None and refuses:
            raise Refusal("UNSUPPORTED_MEDIA_TYPE")
        return found


def _overridden(pairs: Pairs, override: Mapping[str, Any] | None) -> Pairs:
    if not override:
        return pairs
    folded = {name.lower() for name in override}
    kept = [(name, value) for name, value in pairs if name.lower() not in folded]
    given = ((name, text_of(value)) for name, value in override.items())
    return [*kept, *((name, text) for name, text in given if text and sendable(name, text))]


class Returned(msgspec.Struct, frozen=True):
    """What a backend answered."""

    status: int
    headers: Pairs
    body: bytes
    selection: str
    """What selection patterns are matched with: the status, or the error of a function."""


class _Case:
    """One integration response, compiled."""

    def __init__(self, shape: Shape, declared: Mapping[str, Any]) -> None:
        self.status: str = shape["statusCode"]
        self.declared = self.status in declared
        pattern = shape.get("selectionPattern")
        self.pattern = Pattern(pattern) if pattern else None
        self._mappings = Mappings.of_response(shape.get("responseParameters") or {})
        self._templates = {type: Template(text) for type, text in (shape.get("responseTemplates") or {}).items()}
        self._handling: str = shape.get("contentHandling") or ""

    def answer(self, exchange: Exchange, returned: Returned) -> Response:
        accept = exchange.request.headers.get("accept", "")
        media = exchange.plan.media
        type_in = _header(returned.headers, "content-type", False) or ""
        type_out, template = self._chosen(media_type(accept))
        payload_is_binary = media.is_binary(type_in) and bool(type_in)
        if template is None:
            try:
                body = content.response_body(returned.body, payload_is_binary, media.is_binary(accept), self._handling)
            except NotBase64:
                exchange.say("Execution failed due to configuration error: Unable to base64 decode the body.")
                raise Refusal("API_CONFIGURATION_ERROR") from None
        else:
            body = self._rendered(exchange, template, returned, payload_is_binary, media.is_binary(accept))
        own = self._mappings.of("header", lambda source: _of_answer(exchange, returned, source), returned.body)
        own = _overridden(headers.mapped(own), exchange.response_override.get("header"))
        if not any(name.lower() == "content-type" for name, _ in own):
            own.insert(0, ("Content-Type", type_out))
        return Response(self._status(exchange), own, body)

    def _status(self, exchange: Exchange) -> int:
        """The override counts if it is one; below 200 HTTP would go on waiting for an answer."""
        override = exchange.response_override.get("status")
        valid = isinstance(override, int | str) and str(override).isdecimal() and 200 <= int(override) <= 599
        status = int(override) if valid and override is not None else int(self.status)
        if status < 200:
            exchange.say("Execution failed due to configuration error: the status of an answer begins at 200")
            raise Refusal("API_CONFIGURATION_ERROR")
        return status

    def _rendered(
        self, exchange: Exchange, template: Template, returned: Returned, binary: bool, wants_binary: bool
    ) -> bytes:
        if binary and self._handling != "CONVERT_TO_TEXT":
            exchange.say("Execution failed due to configuration error: Unable to transform response")
            raise Refusal("API_CONFIGURATION_ERROR")
        given = content.response_body(returned.body, binary, wants_binary, "CONVERT_TO_TEXT" if binary else "")
        text = template.render(exchange, given.decode(errors="replace")).encode(errors="replace")
        if self._handling != "CONVERT_TO_BINARY":
            return text
        try:
            return content.decode(text)
        except NotBase64:
            exchange.say("Execution failed due to configuration error: Unable to base64 decode the body.")
            raise Refusal("API_CONFIGURATION_ERROR") from None

    def _chosen(self, accept: str) -> tuple[str, Template | None]:
        for type in (accept, "application/json"):
            if type in self._templates:
                return type, self._templates[type]
        first = next(iter(self._templates.items()), None)
        return first if first else ("application/json", None)


class ResponseMapping:
    def __init__(self, shape: Shape, declared: Mapping[str, Any]) -> None:
        """`declared`: the responses of the method, by status."""
        cases = [_Case(each, declared) for each in (shape.get("integrationResponses") or {}).values()]
        self._patterns = [case for case in cases if case.pattern is not None]
        self._default = next((case for case in cases if case.pattern is None), None)

    def answer(self, exchange: Exchange, returned: Returned) -> Response:
        """Raises Refusal."""
        chosen = next(
            (case for case in self._patterns if case.pattern and case.pattern.matches(returned.selection)), None
        )
        case = chosen or self._default
        if case is None:
            exchange.say(
                "Execution failed due to configuration error: No match for output mapping and no default output "
                f"mapping configured. Endpoint Response Status Code: {returned.status}"
            )
            raise Refusal("API_CONFIGURATION_ERROR")
        if not case.declared:
            exchange.say(
                "Execution failed due to configuration error: Output mapping refers to an invalid method response: "
                f"{case.status}"
            )
            raise Refusal("API_CONFIGURATION_ERROR")
        return case.answer(exchange, returned)


def _of_answer(exchange: Exchange, returned: Returned, source: Source) -> str | None:
    if source.kind in ("header", "multivalueheader"):
        return _header(returned.headers, source.name, source.kind == "multivalueheader")
    return exchange.value(source)


def _header(given: Pairs, name: str, every: bool) -> str | None:
    values = [value for each, value in given if each.lower() == name.lower()]
    if not values:
        return None
    return ",".join(values) if every else values[-1]
