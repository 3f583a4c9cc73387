"""Create, get, update and delete route responses: what makes a WebSocket route answer (facts/apigateway.md §10)."""

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages
from samovar.services.apigatewayv2.errors import bad_request, conflict, not_found
from samovar.services.apigatewayv2.records import RouteResponse, changed, made, shown
from samovar.services.apigatewayv2.state import ApiKey, State, letters, listed, part, within
from samovar.services.apigatewayv2.websocket.selection import DEFAULT


async def create_route_response(state: State, ctx: Context, params: Params) -> Params:
    key, route_id = _route(state, ctx, params)
    response = made(RouteResponse, params, route_response_id=letters(7))
    _check(response)
    if any(True for _ in _all(state, key, route_id)):
        raise conflict(f"Route response with key {response.route_response_key} already exists for this route")
    await _change(state, key, response.route_response_id, response)
    return shown(response)


async def get_route_response(state: State, ctx: Context, params: Params) -> Params:
    key, route_id = _route(state, ctx, params)
    return shown(_find(state, key, route_id, params["RouteResponseId"]))


async def get_route_responses(state: State, ctx: Context, params: Params) -> Params:
    key, route_id = _route(state, ctx, params)
    page, more = pages.cut(_all(state, key, route_id), params)
    return {"Items": [shown(response) for response in page], **more}


async def update_route_response(state: State, ctx: Context, params: Params) -> Params:
    key, route_id = _route(state, ctx, params)
    response = changed(_find(state, key, route_id, params["RouteResponseId"]), params)
    _check(response)
    await _change(state, key, response.route_response_id, response)
    return shown(response)


async def delete_route_response(state: State, ctx: Context, params: Params) -> Params:
    key, route_id = _route(state, ctx, params)
    response = _find(state, key, route_id, params["RouteResponseId"])
    await deploying.change(state, key, (state.route_responses, within(route_id, response.route_response_id), None))
    return {}


def _route(state: State, ctx: Context, params: Params) -> tuple[ApiKey, str]:
    key, api = state.api(ctx, params["ApiId"])
    if api.protocol_type != "WEBSOCKET":
        raise bad_request("Route responses are only supported for WebSocket APIs")
    return key, part(state.routes, key, params["RouteId"], "Route").route_id


def _all(state: State, key: ApiKey, route_id: str) -> list[tuple[str, RouteResponse]]:
    return [(id, each) for id, each in listed(state.route_responses, key) if id.startswith(within(route_id))]


def _find(state: State, key: ApiKey, route_id: str, id: str) -> RouteResponse:
    found = state.route_responses.get((*key, within(route_id, id)))
    if found is None:
        raise not_found("RouteResponse", id)
    return found


async def _change(state: State, key: ApiKey, id: str, response: RouteResponse) -> None:
    await deploying.change(state, key, (state.route_responses, within(response.route_id, id), response))


def _check(response: RouteResponse) -> None:
    if response.route_response_key != DEFAULT:
        raise bad_request("RouteResponseKey only supports $default")
