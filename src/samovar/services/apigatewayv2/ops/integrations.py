"""Create, get, update and delete integrations (facts/apigateway.md §9)."""

import re

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.http.mapping import RequestMapping, ResponseMapping
from samovar.services.apigatewayv2.http.services import ELSEWHERE, SUBTYPES
from samovar.services.apigatewayv2.http.values import WrongExpression, value
from samovar.services.apigatewayv2.records import Api, Integration, changed, made, merged, shown
from samovar.services.apigatewayv2.state import State, letters, listed, part, within
from samovar.services.apigatewayv2.websocket.rules import check_integration

_HTTP_TYPES = ("AWS_PROXY", "HTTP_PROXY")
_VERSIONS = ("1.0", "2.0")
_LISTENER = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener/\S+")
_WEBSOCKET_TIMEOUT_MS = 29_000


async def create_integration(state: State, ctx: Context, params: Params) -> Params:
    key, api = state.api(ctx, params["ApiId"])
    integration = made(Integration, _filled(api, params), integration_id=letters(7))
    _check(state, ctx, api, integration, params)
    await deploying.change(state, key, (state.integrations, integration.integration_id, integration))
    return shown(integration)


async def get_integration(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    return shown(part(state.integrations, key, params["IntegrationId"], "Integration"))


async def get_integrations(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    page, more = pages.cut(listed(state.integrations, key), params)
    return {"Items": [shown(integration) for integration in page], **more}


async def update_integration(state: State, ctx: Context, params: Params) -> Params:
    key, api = state.api(ctx, params["ApiId"])
    before = part(state.integrations, key, params["IntegrationId"], "Integration")
    integration = changed(
        before,
        params,
        request_parameters=merged(before.request_parameters, params.get("RequestParameters")) or None,
        response_parameters=merged(before.response_parameters, params.get("ResponseParameters")) or None,
    )
    _check(state, ctx, api, integration, {"PayloadFormatVersion": integration.payload_format_version})
    await deploying.change(state, key, (state.integrations, integration.integration_id, integration))
    return shown(integration)


async def delete_integration(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    integration = part(state.integrations, key, params["IntegrationId"], "Integration")
    target = f"integrations/{integration.integration_id}"
    for _, route in state.routes.items(key):
        if route.target == target:
            raise conflict(
                f"Cannot delete Integration '{integration.integration_id}' due to being referenced by route "
                f"'{route.route_key}'"
            )
    whole = within(integration.integration_id)
    responses = [id for id, _ in listed(state.integration_responses, key) if id.startswith(whole)]
    gone: list[deploying.Edit] = [(state.integration_responses, id, None) for id in responses]
    await deploying.change(state, key, (state.integrations, integration.integration_id, None), *gone)
    return {}


def _filled(api: Api, params: Params) -> Params:
    """With AWS's defaults for the protocol."""
    filled = dict(params)
    if params["IntegrationType"] == "AWS_PROXY" and not params.get("IntegrationSubtype"):
        filled["IntegrationMethod"] = "POST"
    if api.protocol_type == "WEBSOCKET":
        filled.setdefault("TimeoutInMillis", _WEBSOCKET_TIMEOUT_MS)
        filled.setdefault("PassthroughBehavior", "WHEN_NO_MATCH")
    return filled


def _check(state: State, ctx: Context, api: Api, integration: Integration, params: Params) -> None:
    if api.protocol_type != "HTTP":
        check_integration(integration)
        return
    if integration.integration_subtype:
        _check_service(integration)
        return
    if integration.integration_type not in _HTTP_TYPES:
        raise bad_request(
            f"Invalid integration type {integration.integration_type}: HTTP APIs have AWS_PROXY and HTTP_PROXY"
        )
    if "PayloadFormatVersion" not in params and integration.integration_type == "AWS_PROXY":
        raise bad_request("PayloadFormatVersion is a required parameter for integration")
    if integration.payload_format_version not in _VERSIONS:
        raise bad_request("Invalid PayloadFormatVersion specified. It must be 1.0 or 2.0")
    if not integration.integration_uri:
        raise bad_request("IntegrationUri is a required parameter for integration")
    if integration.integration_type == "HTTP_PROXY" and not integration.integration_method:
        raise bad_request("HttpMethod must be specified for integration type HTTP_PROXY")
    if integration.connection_type == "VPC_LINK":
        _check_private(state, ctx, integration)
    _check_mapping(integration)


def _check_private(state: State, ctx: Context, integration: Integration) -> None:
    """A private integration leads through a link to a listener."""
    link = integration.connection_id or ""
    if state.vpc_links.get((ctx.account, ctx.region, link)) is None:
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
