"""Create, get, update and delete routes (facts/apigateway.md §9)."""

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import route_key
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.parts import Kind, Where, inside
from samovar.services.apigatewayv2.records import Route
from samovar.services.apigatewayv2.state import ApiKey, State
from samovar.services.apigatewayv2.websocket.rules import check_route

MOST = 300
"""Of an API (facts/apigateway.md §12)."""
_INTEGRATION = "integrations/"


async def create_route(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.create(state, ctx, params)


async def get_route(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.get(state, ctx, params)


async def get_routes(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.list(state, ctx, params)


async def update_route(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.update(state, ctx, params)


async def delete_route(state: State, ctx: Context, params: Params) -> Params:
    where = KIND.where(state, ctx, params)
    route = KIND.find(state, where, params)
    return await KIND.delete(state, where, route, *inside(state.route_responses, where.key, route.route_id))


def _check(state: State, where: Where, route: Route) -> None:
    key, api = where.key, where.api
    if api.protocol_type == "HTTP":
        route_key.check(route.route_key)
    else:
        check_route(route)
    if any(other.route_key == route.route_key for other in KIND.others(state, where, route)):
        raise conflict(f"Route with key {route.route_key} already exists for this API")
    _check_authorizer(state, key, route)
    target = route.target or ""
    if target and not target.startswith(_INTEGRATION):
        raise bad_request(f"Invalid target specified: {target}. It must be integrations/INTEGRATION_ID")
    if target and state.integrations.get((*key, target.removeprefix(_INTEGRATION))) is None:
        raise bad_request(f"Invalid Integration identifier specified {target.removeprefix(_INTEGRATION)}")


def _check_authorizer(state: State, key: ApiKey, route: Route) -> None:
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


KIND = Kind(Route, lambda state: state.routes, 7, _check, most=MOST)
