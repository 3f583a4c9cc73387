"""Create, get, update and delete authorizers of APIs (facts/apigateway.md §9)."""

from urllib.parse import urlsplit

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.http.sources import is_source
from samovar.services.apigatewayv2.integrations import function_arn
from samovar.services.apigatewayv2.parts import Kind, Where
from samovar.services.apigatewayv2.records import Api, Authorizer
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.websocket.gates import check_sources

MOST = 10
"""Of an API (facts/apigateway.md §12)."""


async def create_authorizer(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.create(state, ctx, params)


async def get_authorizer(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.get(state, ctx, params)


async def get_authorizers(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.list(state, ctx, params)


async def update_authorizer(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.update(state, ctx, params)


async def delete_authorizer(state: State, ctx: Context, params: Params) -> Params:
    where = KIND.where(state, ctx, params)
    authorizer = KIND.find(state, where, params)
    for _, route in state.routes.items(where.key):
        if route.authorizer_id == authorizer.authorizer_id:
            raise conflict(
                f"Cannot delete authorizer '{authorizer.authorizer_id}', is referenced in route: {route.route_key}"
            )
    return await KIND.delete(state, where, authorizer)


def _check(state: State, where: Where, authorizer: Authorizer) -> None:
    if any(other.name == authorizer.name for other in KIND.others(state, where, authorizer)):
        raise conflict(f"Authorizer name must be unique. Authorizer {authorizer.name} already exists in this RestApi.")
    if authorizer.authorizer_type == "JWT":
        _check_jwt(where.api, authorizer)
    else:
        _check_function(where.api, authorizer)


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


KIND = Kind(Authorizer, lambda state: state.authorizers, 6, _check, most=MOST)
