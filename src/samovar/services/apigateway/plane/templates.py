"""Mapping templates of one integration: compiled once, rendered with what an exchange knows (facts/apigateway.md §5).

Owns: what `$input`, `$context` and `$stageVariables` are for a request, and for a backend's answer.
"""

from typing import Any
from urllib.parse import unquote

from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.web import template
from samovar.web.template import BadBody, RenderError, Scope, TemplateError


class Template:
    def __init__(self, text: str) -> None:
        """One that can't be compiled fails when it is needed, as on AWS."""
        self.wrong = ""
        try:
            self._template: template.Template | None = template.compile(text)
        except TemplateError as wrong:
            self._template, self.wrong = None, str(wrong)

    def render(self, exchange: Exchange, body: str, request_override: dict[str, Any] | None = None) -> str:
        """Raises Refusal."""
        scope = Scope(
            body=body,
            path={name: unquote(value) for name, value in exchange.parameters.items()},
            query=dict(exchange.query),
            headers=dict(exchange.lines),
            context=exchange.context(),
            stage_variables=exchange.variables,
            request_override={} if request_override is None else request_override,
            response_override=exchange.response_override,
        )
        try:
            if self._template is None:
                raise RenderError(self.wrong)
            return self._template.render(scope)
        except BadBody as wrong:
            exchange.say(f"Execution failed: {wrong}")
            raise Refusal("BAD_REQUEST_BODY", str(wrong)) from None
        except RenderError as wrong:
            exchange.say(f"Execution failed due to configuration error: Unable to transform: {wrong}")
            raise Refusal("API_CONFIGURATION_ERROR") from None
