"""What routes lead to: each integration made ready once for a deployment (facts/apigateway.md §9).

Owns: which kind of target an integration is, and its timeout. Rule: whatever can be read from the configuration is read
here, not per request.
"""

from collections.abc import Callable

from samovar.core.context import Acting
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.http.functions import FunctionTarget
from samovar.services.apigatewayv2.integrations import filled, function_arn, source_arn
from samovar.services.apigatewayv2.records import Integration, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.web.deadlines import Deadlines
from samovar.web.functions import PRINCIPAL, Functions

Handler = Callable[[Exchange], None]


class Targets:
    def __init__(self, acting: Acting, functions: Functions, deadlines: Deadlines) -> None:
        self._acting = acting
        self._functions = functions
        self._deadlines = deadlines

    def handler(self, key: ApiKey, stage: Stage, route: Route, integration: Integration | None) -> Handler:
        """What answers the requests of a route."""
        if integration is None:
            return _Broken("The route has no integration").handle
        handle = self._handler(key, stage, route, integration)
        return _InTime(handle, self._deadlines, integration.timeout_in_millis / 1000).handle

    def _handler(self, key: ApiKey, stage: Stage, route: Route, integration: Integration) -> Handler:
        if integration.integration_type == "AWS_PROXY" and not integration.integration_subtype:
            arn = function_arn(integration.integration_uri or "", stage.stage_variables)
            if arn is None:
                return _Broken(f"{integration.integration_uri} names no function").handle
            principal = filled(integration.credentials_arn or PRINCIPAL, stage.stage_variables)
            source = source_arn(key, stage, route)
            return FunctionTarget(
                self._functions, self._acting, key, arn, principal, source, integration.payload_format_version
            ).handle
        return _Broken("This kind of integration isn't on this server yet").handle


class _InTime:
    """A target that must answer within its timeout."""

    def __init__(self, handle: Handler, deadlines: Deadlines, seconds: float) -> None:
        self._handle = handle
        self._deadlines = deadlines
        self._seconds = seconds

    def handle(self, exchange: Exchange) -> None:
        exchange.on_answer = self._answered
        self._deadlines.begin(exchange, self._seconds)
        self._handle(exchange)

    def _answered(self, exchange: Exchange) -> None:
        self._deadlines.end(exchange, self._seconds)


class _Broken:
    """An integration that can't answer."""

    def __init__(self, why: str) -> None:
        self._why = why

    def handle(self, exchange: Exchange) -> None:
        exchange.refuse(500, why=self._why)
