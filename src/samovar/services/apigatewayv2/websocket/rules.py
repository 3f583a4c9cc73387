"""What the parts of a WebSocket API may be (facts/apigateway.md §9, §10).

Owns: the refusals of routes and integrations that only WebSocket APIs have, or don't have.
"""

from samovar.core import arn
from samovar.services.apigatewayv2.errors import bad_request
from samovar.services.apigatewayv2.records import Integration, Route
from samovar.services.apigatewayv2.websocket.gates import KEY_SOURCES
from samovar.services.apigatewayv2.websocket.selection import DEFAULT, checked

_CONNECT = "$connect"
_RESERVED = frozenset({_CONNECT, "$disconnect", DEFAULT})
_LONGEST_MS = 29_000
_MESSAGE = ("request.body", "request.header.", "request.querystring.", "context.", "stageVariables.")


def check_selection(text: str) -> None:
    """AwsError for a route selection expression that selects by nothing that a message has."""
    checked(text, "RouteSelectionExpression", _MESSAGE)


def check_key_source(text: str | None) -> None:
    """AwsError for an API key selection expression that is none of the two that there are."""
    if text is not None and text not in KEY_SOURCES:
        raise bad_request(f"ApiKeySelectionExpression must be one of {', '.join(KEY_SOURCES)}")


def check_route(route: Route) -> None:
    if route.route_key.startswith("$") and route.route_key not in _RESERVED:
        raise bad_request(f"Invalid route key specified: {route.route_key}")
    if route.authorization_type not in ("NONE", "AWS_IAM", "CUSTOM"):
        raise bad_request(f"Authorization type {route.authorization_type} is only supported for HTTP APIs")
    if route.authorization_type != "NONE" and route.route_key != _CONNECT:
        raise bad_request("Currently, authorization is restricted to the $connect route only")
    if route.authorization_type == "CUSTOM" and not route.authorizer_id:
        raise bad_request("AuthorizerId is required for the authorization type CUSTOM")
    if route.api_key_required and route.route_key != _CONNECT:
        raise bad_request("ApiKeyRequired is only supported for the $connect route")
    if route.authorization_scopes:
        raise bad_request("Authorization scopes are only supported for HTTP APIs")
    if (route.route_response_selection_expression or DEFAULT) != DEFAULT:
        raise bad_request("RouteResponseSelectionExpression only supports $default")
    if route.model_selection_expression:
        checked(route.model_selection_expression, "ModelSelectionExpression", _MESSAGE)


def check_integration(integration: Integration) -> None:
    kind, uri = integration.integration_type, integration.integration_uri or ""
    if integration.integration_subtype:
        raise bad_request("IntegrationSubtype is only supported for HTTP APIs")
    if not 50 <= integration.timeout_in_millis <= _LONGEST_MS:
        raise bad_request("Timeout should be between 50 ms and 29000 ms")
    if integration.connection_type != "INTERNET":
        raise bad_request("VPC links are only supported for HTTP APIs")
    if integration.template_selection_expression:
        checked(integration.template_selection_expression, "TemplateSelectionExpression", _MESSAGE)
    if kind == "MOCK":
        return
    if kind in ("HTTP", "HTTP_PROXY"):
        if not uri.startswith(("http://", "https://", "${stageVariables.")):
            raise bad_request("Invalid HTTP endpoint specified for URI")
        if not integration.integration_method:
            raise bad_request("HttpMethod must be specified for integration type " + kind)
        return
    parsed = arn.parse(uri)
    if parsed is None:
        raise bad_request("Invalid ARN specified in the request")
    if parsed.service == "apigateway" and not parsed.resource.startswith(("path/", "action/")):
        raise bad_request("AWS ARN for integration must contain path or action")
    if kind == "AWS_PROXY" and parsed.service == "apigateway" and parsed.account != "lambda":
        raise bad_request("Integrations of type 'AWS_PROXY' currently only supports Lambda function invocations.")
