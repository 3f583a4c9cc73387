"""What non-proxy integrations make of a message, and of what comes back (facts/apigateway.md §4, §5, §10).

Owns: the choice of templates, passthrough, parameters, content handling, and of the integration response. Compiled
once for a deployment. Rules: a template is chosen by its selection expression, else it is `$default`'s; a template that
can't be compiled fails when it is needed, as on AWS.
"""

import base64
import binascii
from collections.abc import Mapping

import msgspec

from samovar.services.apigatewayv2.integrations import filled
from samovar.services.apigatewayv2.records import Integration, IntegrationResponse
from samovar.services.apigatewayv2.websocket import event
from samovar.services.apigatewayv2.websocket.answer import Answer, failed
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.services.apigatewayv2.websocket.lookup import Lookup
from samovar.services.apigatewayv2.websocket.selection import DEFAULT, Expression
from samovar.web import template
from samovar.web.patterns import Pattern
from samovar.web.template import BadBody, RenderError, Scope, TemplateError

UNSUPPORTED = "Unsupported Media Type"
_LOCATION = "integration.request."


class Refused(Exception):
    """What the client gets instead."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.error)
        self.answer = answer


class Templates:
    """Templates by their keys, and the expression that chooses among them."""

    def __init__(self, texts: Mapping[str, str] | None, selection: str | None) -> None:
        self._expression = Expression(selection or "\\$default")
        self._texts = dict(texts or {})
        self._compiled: dict[str, template.Template] = {}

    def __bool__(self) -> bool:
        return bool(self._texts)

    def render(self, lookup: Lookup, scope: Scope) -> str | None:
        """None where no template is chosen; Refused."""
        key = self._expression.select(lookup)
        if key is None or key not in self._texts:
            key = DEFAULT
        if key not in self._texts:
            return None
        try:
            if key not in self._compiled:
                self._compiled[key] = template.compile(self._texts[key])
            return self._compiled[key].render(scope)
        except BadBody as wrong:
            raise Refused(failed(400, str(wrong))) from None
        except (RenderError, TemplateError):
            raise Refused(failed()) from None


class Sent(msgspec.Struct):
    """What goes to the integration."""

    body: bytes
    headers: dict[str, str]
    query: dict[str, str]
    path: dict[str, str]
    scope: Scope
    """With what the template has overridden."""


class RequestMapping:
    def __init__(self, integration: Integration) -> None:
        self._templates = Templates(integration.request_templates, integration.template_selection_expression)
        self._passthrough = integration.passthrough_behavior or "WHEN_NO_MATCH"
        self._binary = integration.content_handling_strategy == "CONVERT_TO_BINARY"
        self._proxies = integration.integration_type.endswith("_PROXY")
        self._parameters = integration.request_parameters or {}

    def apply(self, happened: Occurrence) -> Sent:
        """Refused where there is no way to send it."""
        lookup = Lookup(happened)
        scope = _scope(happened, happened.body or "")
        rendered = None if self._proxies else self._templates.render(lookup, scope)
        if rendered is None:
            never = self._passthrough == "NEVER" or (self._passthrough == "WHEN_NO_TEMPLATES" and self._templates)
            if never and not self._proxies:
                raise Refused(failed(415, UNSUPPORTED))
            rendered = happened.body or ""
        sent = Sent(self._bytes(rendered), {}, {}, {}, scope)
        places = {"header": sent.headers, "querystring": sent.query, "path": sent.path}
        for name, expression in self._parameters.items():
            place, _, key = name.removeprefix(_LOCATION).partition(".")
            value = _value(expression, lookup)
            if value is not None and place in places:
                places[place][key] = value
        for place, overrides in scope.request_override.items():
            if place in places and isinstance(overrides, dict):
                places[place].update({key: str(value) for key, value in overrides.items()})
        return sent

    def _bytes(self, text: str) -> bytes:
        if not self._binary:
            return text.encode(errors="replace")
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Refused(failed()) from None


class ResponseMapping:
    def __init__(self, responses: list[IntegrationResponse]) -> None:
        self._patterns: list[tuple[Pattern, _Response]] = []
        self._default: _Response | None = None
        for each in responses:
            response = _Response(each)
            key = each.integration_response_key
            if key == DEFAULT:
                self._default = response
            else:
                self._patterns.append((Pattern(key[1:-1]), response))

    def answer(self, sent: Sent, happened: Occurrence, came: Answer, selects: str) -> Answer:
        """What came back, as the client gets it. `selects` picks the integration response; Refused."""
        chosen = next((response for pattern, response in self._patterns if pattern.matches(selects)), self._default)
        return chosen.answer(sent, happened, came) if chosen is not None else came


class _Response:
    def __init__(self, record: IntegrationResponse) -> None:
        self._templates = Templates(record.response_templates, record.template_selection_expression)
        self._text = record.content_handling_strategy == "CONVERT_TO_TEXT"
        self._binary = record.content_handling_strategy == "CONVERT_TO_BINARY"

    def answer(self, sent: Sent, happened: Occurrence, came: Answer) -> Answer:
        body = came.body
        scope = _scope(happened, body.decode(errors="replace"))
        scope.response_override = sent.scope.response_override
        rendered = self._templates.render(Lookup(happened), scope)
        if rendered is not None:
            body = rendered.encode(errors="replace")
        if self._text:
            body = base64.b64encode(body)
        elif self._binary:
            try:
                body = base64.b64decode(body, validate=True)
            except (binascii.Error, ValueError):
                raise Refused(failed()) from None
        status = scope.response_override.get("status")
        return Answer(status if isinstance(status, int) else came.status, body, _headers(came, scope))


def _headers(came: Answer, scope: Scope) -> Mapping[str, str]:
    overrides = scope.response_override.get("header")
    if not isinstance(overrides, dict):
        return came.headers
    return {**came.headers, **{name.lower(): str(value) for name, value in overrides.items()}}


def _scope(happened: Occurrence, body: str) -> Scope:
    return Scope(
        body=body,
        query=happened.handshake.query,
        headers=happened.handshake.headers,
        context=event.context(happened),
        stage_variables=happened.variables,
    )


def _value(expression: str, lookup: Lookup) -> str | None:
    """`'static'`, `route.request.header.X`, `request.body.x`, `context.connectionId`, `stageVariables.x`."""
    if len(expression) > 1 and expression.startswith("'") and expression.endswith("'"):
        return expression[1:-1]
    value = lookup(expression.removeprefix("route."))
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def addressed(uri: str, happened: Occurrence, sent: Sent) -> str:
    """An integration's URI with stage variables and path parameters in it."""
    uri = filled(uri, happened.variables)
    for name, value in sent.path.items():
        uri = uri.replace(f"{{{name}}}", value)
    return uri
