"""Create, get, update and delete authorizers of APIs (facts/apigateway.md §9)."""

from urllib.parse import urlsplit

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.http.sources import is_source
from samovar.services.apigatewayv2.integrations import function_arn
from samovar.services.apigatewayv2.records import Api, Authorizer, changed, made, shown
from samovar.services.apigatewayv2.state import ApiKey, State, letters, listed, part
from samovar.services.apigatewayv2.websocket.gates import check_sources

_MOST = 10
"""Of an API (facts/apigateway.md §12)."""


async def create_authorizer(state: State, ctx: Context, params: Params) -> Params:
    key, api = state.api(ctx, params["ApiId"])
    if len(state.authorizers.items(key)) >= _MOST:
        raise bad_request("Maximum number of Authorizers for this API has been reached. Please contact AWS if you need "
                          "additional Authorizers.")
    authorizer = made(Authorizer, params, authorizer_id=letters(6))
    _check(state, key, api, authorizer)
    await deploying.change(state, key, (state.authorizers, authorizer.authorizer_id, authorizer))
    return shown(authorizer)


async def get_authorizer(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    return shown(part(state.authorizers, key, params["AuthorizerId"], "Authorizer"))


async def get_authorizers(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    page, more = pages.cut(listed(state.authorizers, key), params)
    return {"Items": [shown(authorizer) for authorizer in page], **more}


async def update_authorizer(state: State, ctx: Context, params: Params) -> Params:
    key, api = state.api(ctx, params["ApiId"])
    authorizer = changed(part(state.authorizers, key, params["AuthorizerId"], "Authorizer"), params)
    _check(state, key, api, authorizer)
    await deploying.change(state, key, (state.authorizers, authorizer.authorizer_id, authorizer))
    return shown(authorizer)


async def delete_authorizer(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    authorizer = part(state.authorizers, key, params["AuthorizerId"], "Authorizer")
    for _, route in state.routes.items(key):
        if route.authorizer_id == authorizer.authorizer_id:
            raise conflict(
                f"Cannot delete authorizer '{authorizer.authorizer_id}', is referenced in route: {route.route_key}"
            )
    await deploying.change(state, key, (state.authorizers, authorizer.authorizer_id, None))
    return {}


def _check(state: State, key: ApiKey, api: Api, authorizer: Authorizer) -> None:
    for _, other in state.authorizers.items(key):
        if other.name == authorizer.name and other.authorizer_id != authorizer.authorizer_id:
            raise conflict(
                f"Authorizer name must be unique. Authorizer {authorizer.name} already exists in this RestApi."
            )
    if authorizer.authorizer_type == "JWT":
        _check_jwt(api, authorizer)
    else:
        _check_function(api, authorizer)


def _check_jwt(api: Api, authorizer: Authorizer) -> None:
    if api.protocol_type != "HTTP":
        raise bad_request("JWT authorizers are only supported for HTTP APIs")
    given = authorizer.jwt_configuration or {}
    issuer = urlsplit(given.get("Issuer") or "")
    if issuer.scheme not in ("https", "http") or not issuer.netloc:
        raise bad_request("Invalid issuer: the issuer must be a URL")
    if not given.get("Audience"):
        raise bad_request("Audience is required for a JWT authorizer")
    sources = authorizer.identity_source or []
    if len(sources) != 1 or not is_source(sources[0]):
        raise bad_request("A JWT authorizer has one identity source, such as $request.header.Authorization")


def _check_function(api: Api, authorizer: Authorizer) -> None:
    if not authorizer.authorizer_uri or function_arn(authorizer.authorizer_uri, {}) is None:
        raise bad_request("Invalid Authorizer URI: it must be the URI of a Lambda function")
    if api.protocol_type != "HTTP":
        check_sources(authorizer.identity_source or [])
        return
    version = authorizer.authorizer_payload_format_version
    if version not in ("1.0", "2.0"):
        raise bad_request("AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer of HTTP Apis")
    if authorizer.enable_simple_responses and version != "2.0":
        raise bad_request("EnableSimpleResponses is only supported for payload format version 2.0")
    sources = authorizer.identity_source or []
    if not all(map(is_source, sources)):
        raise bad_request("Invalid identity source: $request.header.NAME, $request.querystring.NAME, $context.NAME and "
                          "$stageVariables.NAME are")
    if authorizer.authorizer_result_ttl_in_seconds and not sources:
        raise bad_request("Caching needs an identity source")
