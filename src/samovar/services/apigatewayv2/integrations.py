"""What routes lead to: each kind of integration, made ready once for a deployment (facts/apigateway.md §9).

Owns: which kind an integration is. Rule: whatever can be read from the configuration is read here, not per request.
"""

import re
from collections.abc import Callable
from functools import partial

from samovar.core.context import Acting
from samovar.services.apigatewayv2.exchange import Exchange
from samovar.services.apigatewayv2.records import Integration, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.web import answer_v2, event_v2
from samovar.web.functions import PRINCIPAL, Done, Functions, Ran

Handler = Callable[[Exchange], None]

_WRAPPED = re.compile(r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+:lambda:path/2015-03-31/functions/(?P<arn>.+)/invocations")
_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9-_]+(?::(?:\$LATEST|[A-Za-z0-9-_]+))?")
_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


class Integrations:
    """Makes handlers."""

    def __init__(self, acting: Acting, functions: Functions) -> None:
        self._acting = acting
        self._functions = functions

    def handler(self, key: ApiKey, stage: Stage, route: Route, integration: Integration | None) -> Handler:
        """What answers the requests of a route."""
        if integration is not None and integration.integration_type == "AWS_PROXY":
            function = function_arn(integration.integration_uri or "", stage.stage_variables)
            if function is not None and integration.payload_format_version == "2.0":
                principal = integration.credentials_arn or PRINCIPAL
                return _FunctionV2(self, key, function, source_arn(key, stage, route), principal).handle
        return partial(Exchange.refuse, status=500)

    def run(self, call: "_FunctionV2", trace: str, event: bytes, done: Done) -> None:
        account, region, _ = call.key
        self._functions.run(self._acting(account, region, call.principal, call.source, trace), call.arn, event, done)


class _FunctionV2:
    """A function, with payload format 2.0."""

    def __init__(self, integrations: Integrations, key: ApiKey, arn: str, source: str, principal: str) -> None:
        self.key = key
        self.arn = arn
        self.source = source
        """For which route, as permissions know it."""
        self.principal = principal
        self._integrations = integrations

    def handle(self, exchange: Exchange) -> None:
        event = event_v2.written(exchange.routed, exchange.visit.request)
        self._integrations.run(self, exchange.routed.trace, event, partial(_done, exchange))


def _done(exchange: Exchange, ran: Ran) -> None:
    if ran.error:
        exchange.refuse(503 if ran.refused and ran.error == "TooManyRequestsException" else 500)
        return
    try:
        response = answer_v2.answer(ran.payload)
    except answer_v2.Malformed:
        exchange.refuse(500)
        return
    exchange.answer(response)


def function_arn(uri: str, variables: dict[str, str]) -> str | None:
    """The function that an integration's URI names, as an ARN or wrapped in API Gateway's own form."""
    uri = _VARIABLE.sub(lambda found: variables.get(found[1], ""), uri)
    wrapped = _WRAPPED.fullmatch(uri)
    arn = wrapped["arn"] if wrapped else uri
    return arn if _ARN.fullmatch(arn) else None


def source_arn(key: ApiKey, stage: Stage, route: Route) -> str:
    """A route as the permissions of functions know it: `GET /pets/{id}` ends in `GET/pets/{id}`."""
    account, region, api = key
    method, _, path = route.route_key.partition(" ")
    place = f"{'*' if method == 'ANY' else method}{path}"
    return f"arn:aws:execute-api:{region}:{account}:{api}/{stage.stage_name}/{place}"
