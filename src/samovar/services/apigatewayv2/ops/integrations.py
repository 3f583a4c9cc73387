"""Create, get, update and delete integrations (facts/apigateway.md §9)."""

import re

from samovar.core.arn import parse
from samovar.core.context import Context, Params
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.http.mapping import RequestMapping, ResponseMapping
from samovar.services.apigatewayv2.http.services import ELSEWHERE, SUBTYPES
from samovar.services.apigatewayv2.http.values import WrongExpression, value
from samovar.services.apigatewayv2.integrations import is_url
from samovar.services.apigatewayv2.parts import Kind, Where, inside
from samovar.services.apigatewayv2.records import Api, Integration, merged
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.websocket.rules import check_integration

_MOST = 300
"""Of an API (API Gateway guide, quotas)."""
_HTTP_TYPES = ("AWS_PROXY", "HTTP_PROXY")
_VERSIONS = ("1.0", "2.0")
_LISTENER = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener/\S+")
_WEBSOCKET_TIMEOUT_MS = 29_000


async def create_integration(state: State, ctx: Context, params: Params) -> Params:
    _, api = state.api(ctx, params["ApiId"])
    return await KIND.create(state, ctx, _filled(api, params))


async def get_integration(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.get(state, ctx, params)


async def get_integrations(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.list(state, ctx, params)


async def update_integration(state: State, ctx: Context, params: Params) -> Params:
    before = KIND.find(state, KIND.where(state, ctx, params), params)
    return await KIND.update(
        state,
        ctx,
        params,
        request_parameters=merged(before.request_parameters, params.get("RequestParameters")) or None,
        response_parameters=merged(before.response_parameters, params.get("ResponseParameters")) or None,
    )


async def delete_integration(state: State, ctx: Context, params: Params) -> Params:
    where = KIND.where(state, ctx, params)
    integration = KIND.find(state, where, params)
    target = f"integrations/{integration.integration_id}"
    for _, route in state.routes.items(where.key):
        if route.target == target:
            raise conflict(
                f"Cannot delete Integration '{integration.integration_id}' due to being referenced by route "
                f"'{route.route_key}'"
            )
    responses = inside(state.integration_responses, where.key, integration.integration_id)
    return await KIND.delete(state, where, integration, *responses)


def _filled(api: Api, params: Params) -> Params:
    """With AWS's defaults for the protocol."""
    filled = dict(params)
    plain = api.protocol_type == "HTTP" and not params.get("IntegrationSubtype")
    if plain and params["IntegrationType"] == "AWS_PROXY" and "PayloadFormatVersion" not in params:
        raise bad_request("PayloadFormatVersion is a required parameter for integration")
    if params["IntegrationType"] == "AWS_PROXY" and not params.get("IntegrationSubtype"):
        filled["IntegrationMethod"] = "POST"
    if api.protocol_type == "WEBSOCKET":
        filled.setdefault("TimeoutInMillis", _WEBSOCKET_TIMEOUT_MS)
        filled.setdefault("PassthroughBehavior", "WHEN_NO_MATCH")
    return filled


def _check(state: State, where: Where, integration: Integration) -> None:
    if where.api.protocol_type != "HTTP":
        check_integration(integration)
        return
    if integration.integration_subtype:
        _check_service(integration)
        return
    if integration.integration_type not in _HTTP_TYPES:
        raise bad_request(
            f"Invalid integration type {integration.integration_type}: HTTP APIs have AWS_PROXY and HTTP_PROXY"
        )
    if integration.payload_format_version not in _VERSIONS:
        raise bad_request("Invalid PayloadFormatVersion specified. It must be 1.0 or 2.0")
    if not integration.integration_uri:
        raise bad_request("IntegrationUri is a required parameter for integration")
    if integration.integration_type == "HTTP_PROXY" and not integration.integration_method:
        raise bad_request("HttpMethod must be specified for integration type HTTP_PROXY")
    _check_uri(integration)
    if integration.connection_type == "VPC_LINK":
        _check_private(state, where, integration)
    _check_mapping(integration)


def _check_uri(integration: Integration) -> None:
    """What could lead nowhere at any request is refused now, in the words that are recorded of REST APIs."""
    uri = integration.integration_uri or ""
    if integration.integration_type == "AWS_PROXY" and not (uri.startswith("${") or parse(uri)):
        raise bad_request("Invalid ARN specified in the request")
    if integration.integration_type == "HTTP_PROXY" and integration.connection_type == "INTERNET" and not is_url(uri):
        raise bad_request("Invalid HTTP endpoint specified for URI")


def _check_private(state: State, where: Where, integration: Integration) -> None:
    """A private integration leads through a link to a listener."""
    link = integration.connection_id or ""
    if state.vpc_links.get((*where.key[:2], link)) is None:
        raise bad_request(f"Invalid VpcLink identifier specified {link}")
    uri = integration.integration_uri or ""
    if integration.integration_type != "HTTP_PROXY" or not _LISTENER.fullmatch(uri):
        raise bad_request(
            "A private integration has the type HTTP_PROXY and the ARN of a load balancer's listener as its "
            "IntegrationUri: Cloud Map services are not on this server yet"
        )


def _check_service(integration: Integration) -> None:
    subtype = SUBTYPES.get(integration.integration_subtype or "")
    if integration.integration_subtype in ELSEWHERE:
        raise bad_request(f"{integration.integration_subtype}: this service is not on this server yet")
    if subtype is None:
        raise bad_request(f"Invalid IntegrationSubtype specified: {integration.integration_subtype}")
    if integration.integration_type != "AWS_PROXY" or integration.payload_format_version != "1.0":
        raise bad_request("An integration with a subtype has type AWS_PROXY and PayloadFormatVersion 1.0")
    if not integration.credentials_arn:
        raise bad_request("Credentials ARN must be specified for an integration with an AWS service")
    given = set(integration.request_parameters or ()) - {"Region"}
    missing = [name for name in subtype.required if name not in given]
    if missing:
        raise bad_request(f"Required parameters are missing for integration: {', '.join(missing)}")
    unknown = sorted(given - {*subtype.required, *subtype.optional})
    if unknown:
        raise bad_request(f"Invalid parameters specified for integration: {', '.join(unknown)}")
    try:
        for text in (integration.request_parameters or {}).values():
            value(text)
    except WrongExpression as wrong:
        raise bad_request(str(wrong)) from None


def _check_mapping(integration: Integration) -> None:
    """What would be a broken integration at the first request is refused now."""
    try:
        RequestMapping(integration.request_parameters or {})
        for code, given in (integration.response_parameters or {}).items():
            if not code.isdecimal() or not 200 <= int(code) <= 599:
                raise bad_request(f"Invalid status code specified: {code}")
            ResponseMapping(given)
    except WrongExpression as wrong:
        raise bad_request(str(wrong)) from None


KIND = Kind(Integration, lambda state: state.integrations, 7, _check, most=_MOST)
