"""Create, get, update and delete APIs (facts/apigateway.md §9)."""

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages, quick
from samovar.services.apigatewayv2.errors import bad_request
from samovar.services.apigatewayv2.http import cors
from samovar.services.apigatewayv2.records import Api, changed, made
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.view import described
from samovar.services.apigatewayv2.websocket.rules import check_key_source, check_selection

_HTTP_SELECTION = "$request.method $request.path"


async def create_api(state: State, ctx: Context, params: Params) -> Params:
    is_http = params["ProtocolType"] == "HTTP"
    selection = params.get("RouteSelectionExpression") or (_HTTP_SELECTION if is_http else "")
    if is_http and selection != _HTTP_SELECTION:
        raise bad_request(f"RouteSelectionExpression must be {_HTTP_SELECTION} for an HTTP API")
    if not selection:
        raise bad_request("RouteSelectionExpression is required for a WebSocket API")
    if not is_http:
        check_selection(selection)
        check_key_source(params.get("ApiKeySelectionExpression"))
    if not is_http and (params.get("CorsConfiguration") or params.get("Target") or params.get("RouteKey")):
        raise bad_request("CORS configuration and quick create are only supported for HTTP APIs")
    id = state.new_api_id()
    key = (ctx.account, ctx.region, id)
    now = state.clock.now()
    api = made(Api, params, api_id=id, created_date=now, route_selection_expression=selection)
    cors.check(api.cors_configuration)
    edits, stages = quick.parts(state, params) if params.get("Target") else ([], [])
    deployed = deploying.deployed(state, key, stages, edits)
    await state.keep(key, api, *deploying.written(key, edits), *deployed)
    return described(ctx, api)


async def get_api(state: State, ctx: Context, params: Params) -> Params:
    return described(ctx, state.api(ctx, params["ApiId"])[1])


async def get_apis(state: State, ctx: Context, params: Params) -> Params:
    found = ((key[2], api) for key, api in state.apis.items((ctx.account, ctx.region)))
    page, more = pages.cut(found, params)
    return {"Items": [described(ctx, api) for api in page], **more}


async def update_api(state: State, ctx: Context, params: Params) -> Params:
    key, api = state.api(ctx, params["ApiId"])
    if api.protocol_type == "HTTP" and params.get("RouteSelectionExpression", _HTTP_SELECTION) != _HTTP_SELECTION:
        raise bad_request(f"RouteSelectionExpression must be {_HTTP_SELECTION} for an HTTP API")
    api = changed(api, params)
    if api.protocol_type == "WEBSOCKET":
        check_selection(api.route_selection_expression)
        check_key_source(api.api_key_selection_expression)
    cors.check(api.cors_configuration)
    edits = quick.changes(state, key, api, params)
    stages = [stage for _, stage in state.stages.items(key) if stage.auto_deploy and edits]
    deployed = deploying.deployed(state, key, stages, edits)
    await state.keep(key, api, *deploying.written(key, edits), *deployed)
    return described(ctx, api)


async def delete_api(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    if state.domains.mapped(key[2]):
        raise bad_request(
            "Deleting API failed. Please remove all api mappings related to the API in your account and try again."
        )
    await state.remove(key)
    return {}


async def delete_cors_configuration(state: State, ctx: Context, params: Params) -> Params:
    key, api = state.api(ctx, params["ApiId"])
    await state.keep(key, changed(api, {}, cors_configuration=None))
    return {}
