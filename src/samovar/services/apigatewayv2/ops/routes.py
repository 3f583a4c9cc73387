"""Create, get, update and delete routes (facts/apigateway.md §9)."""

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages, route_key
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.records import Api, Route, changed, made, shown
from samovar.services.apigatewayv2.state import ApiKey, State, letters, listed, part, within
from samovar.services.apigatewayv2.websocket.rules import check_route

_INTEGRATION = "integrations/"


async def create_route(state: State, ctx: Context, params: Params) -> Params:
    key, api = state.api(ctx, params["ApiId"])
    route = made(Route, params, route_id=letters(7))
    _check(state, key, api, route)
    await deploying.change(state, key, (state.routes, route.route_id, route))
    return shown(route)


async def get_route(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    return shown(part(state.routes, key, params["RouteId"], "Route"))


async def get_routes(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    page, more = pages.cut(listed(state.routes, key), params)
    return {"Items": [shown(route) for route in page], **more}


async def update_route(state: State, ctx: Context, params: Params) -> Params:
    key, api = state.api(ctx, params["ApiId"])
    route = changed(part(state.routes, key, params["RouteId"], "Route"), params)
    _check(state, key, api, route)
    await deploying.change(state, key, (state.routes, route.route_id, route))
    return shown(route)


async def delete_route(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    route = part(state.routes, key, params["RouteId"], "Route")
    responses = [id for id, _ in listed(state.route_responses, key) if id.startswith(within(route.route_id))]
    gone: list[deploying.Edit] = [(state.route_responses, id, None) for id in responses]
    await deploying.change(state, key, (state.routes, route.route_id, None), *gone)
    return {}


def _check(state: State, key: ApiKey, api: Api, route: Route) -> None:
    is_http = api.protocol_type == "HTTP"
    if is_http and route.route_key != route_key.DEFAULT and route_key.parse(route.route_key) is None:
        raise bad_request(
            "The provided route key is not formatted properly for HTTP protocol. "
            "Format should be \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\""
        )
    if not is_http:
        check_route(route)
    for _, other in state.routes.items(key):
        if other.route_key == route.route_key and other.route_id != route.route_id:
            raise conflict(f"Route with key {route.route_key} already exists for this API")
    _check_authorizer(state, key, api, route)
    target = route.target or ""
    if target and not target.startswith(_INTEGRATION):
        raise bad_request(f"Invalid target specified: {target}. It must be integrations/INTEGRATION_ID")
    if target and state.integrations.get((*key, target.removeprefix(_INTEGRATION))) is None:
        raise bad_request(f"Invalid Integration identifier specified {target.removeprefix(_INTEGRATION)}")


def _check_authorizer(state: State, key: ApiKey, api: Api, route: Route) -> None:
    """The route's authorizer is there, and of the kind that its type says."""
    kind = {"JWT": "JWT", "CUSTOM": "REQUEST"}.get(route.authorization_type)
    if kind is None:
        return
    authorizer = state.authorizers.get((*key, route.authorizer_id or ""))
    if authorizer is None or authorizer.authorizer_type != kind:
        raise bad_request(
            f"Invalid authorizer ID specified. Setting the authorization type to {route.authorization_type} requires a "
            "valid authorizer."
        )
