"""What of a stage or a route can be taken away by itself: access logs, route settings, a request parameter."""

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying
from samovar.services.apigatewayv2.errors import not_found
from samovar.services.apigatewayv2.state import State, part


async def delete_access_log_settings(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    stage = part(state.stages, key, params["StageName"], "stage")
    await state.stages.put((*key, stage.stage_name), msgspec.structs.replace(stage, access_log_settings=None))
    return {}


async def delete_route_settings(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    stage, route = part(state.stages, key, params["StageName"], "stage"), params["RouteKey"]
    if route not in stage.route_settings:
        raise not_found("route key", route)
    left = {name: settings for name, settings in stage.route_settings.items() if name != route}
    await state.stages.put((*key, stage.stage_name), msgspec.structs.replace(stage, route_settings=left))
    return {}


async def delete_route_request_parameter(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    route, name = part(state.routes, key, params["RouteId"], "Route"), params["RequestParameterKey"]
    given = route.request_parameters or {}
    if name not in given:
        raise not_found("request parameter", name)
    left = {each: settings for each, settings in given.items() if each != name}
    changed = msgspec.structs.replace(route, request_parameters=left)
    await deploying.change(state, key, (state.routes, route.route_id, changed))
    return {}


async def reset_authorizers_cache(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    stage = part(state.stages, key, params["StageName"], "stage")
    state.authorizers_asked.forget(key[2], stage.stage_name)
    return {}
