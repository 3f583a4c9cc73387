"""Amazon API Gateway, version 2 (boto3 client `apigatewayv2`): HTTP APIs and WebSocket APIs.

Operations: the public functions of `ops`. Keeps: the tables `apigatewayv2.*`. Serves its APIs at the doors of
`web/front`. Facts: apigateway.md §1, §3, §8-§12.
"""

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.service import Service, bind
from samovar.services.apigatewayv2.access import access
from samovar.services.apigatewayv2.http_site import HttpSite
from samovar.services.apigatewayv2.integrations import Integrations
from samovar.services.apigatewayv2.ops import (
    apis,
    deployments,
    integration_responses,
    integrations,
    models,
    route_responses,
    routes,
    stages,
)
from samovar.services.apigatewayv2.sites import Sites
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.websocket.site import WebSocketSite
from samovar.services.apigatewayv2.websocket.targets import Targets
from samovar.store.sqlite import Store
from samovar.web.connections import Connections
from samovar.web.front import Front
from samovar.web.functions import Functions

__all__ = ["build"]


async def build(
    store: Store, clock: Clock, acting: Acting, front: Front, functions: Functions, connections: Connections
) -> Service:
    state = State(store, clock, connections)
    await state.open()
    http = HttpSite(state, Integrations(acting, functions))
    front.join(Sites(state, http, WebSocketSite(state, Targets(acting, functions))).find)
    operations, direct = bind(
        state, apis, deployments, integrations, integration_responses, models, route_responses, routes, stages
    )
    return Service("apigatewayv2", operations, direct, reset=state.clear, access=access())
