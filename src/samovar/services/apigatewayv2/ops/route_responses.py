"""Create, get, update and delete route responses: what makes a WebSocket route answer (facts/apigateway.md §10)."""

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.ops import routes
from samovar.services.apigatewayv2.parts import Kind, Where
from samovar.services.apigatewayv2.records import RouteResponse
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.websocket.selection import DEFAULT


async def create_route_response(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.create(state, ctx, params)


async def get_route_response(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.get(state, ctx, params)


async def get_route_responses(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.list(state, ctx, params)


async def update_route_response(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.update(state, ctx, params)


async def delete_route_response(state: State, ctx: Context, params: Params) -> Params:
    where = KIND.where(state, ctx, params)
    return await KIND.delete(state, where, KIND.find(state, where, params))


def _check(state: State, where: Where, response: RouteResponse) -> None:
    if response.route_response_key != DEFAULT:
        raise bad_request("RouteResponseKey only supports $default")
    if KIND.others(state, where, response):
        raise conflict(f"Route response with key {response.route_response_key} already exists for this route")


KIND = Kind(
    RouteResponse,
    lambda state: state.route_responses,
    7,
    _check,
    only="Route responses are only supported for WebSocket APIs",
    inside=routes.KIND,
)
