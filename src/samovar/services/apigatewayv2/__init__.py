"""Amazon API Gateway, version 2 (boto3 client `apigatewayv2`): HTTP APIs and WebSocket APIs.

Operations: the public functions of `ops`. Keeps: the tables `apigatewayv2.*`. Serves its APIs at the doors of
`web/front`. Facts: apigateway.md §1, §3, §8-§12.
"""

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.service import Service, bind
from samovar.services.apigatewayv2.access import access
from samovar.services.apigatewayv2.http.site import HttpSite
from samovar.services.apigatewayv2.http.stages import Stages
from samovar.services.apigatewayv2.http.targets import Targets as HttpTargets
from samovar.services.apigatewayv2.ops import (
    apis,
    authorizers,
    deployments,
    integration_responses,
    integrations,
    mappings,
    models,
    route_responses,
    routes,
    rules,
    settings,
    stages,
    tags,
    vpclinks,
)
from samovar.services.apigatewayv2.ops import domains as domain_names
from samovar.services.apigatewayv2.sites import Sites
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.websocket.site import WebSocketSite
from samovar.services.apigatewayv2.websocket.targets import Targets
from samovar.store.sqlite import Store
from samovar.web.connections import Connections
from samovar.web.deadlines import Deadlines
from samovar.web.domains import Domains
from samovar.web.front import Front
from samovar.web.functions import Functions

__all__ = ["build"]

_OPERATIONS = (
    apis,
    authorizers,
    deployments,
    domain_names,
    integration_responses,
    integrations,
    mappings,
    models,
    route_responses,
    routes,
    rules,
    settings,
    stages,
    tags,
    vpclinks,
)


async def build(
    store: Store,
    clock: Clock,
    acting: Acting,
    front: Front,
    domains: Domains,
    functions: Functions,
    connections: Connections,
) -> Service:
    state = State(store, clock, domains, connections)
    await state.open()
    deadlines = Deadlines(clock)
    http = HttpSite(state, Stages(clock, HttpTargets(acting, functions, deadlines)))
    front.join(Sites(state, http, WebSocketSite(state, Targets(acting, functions, deadlines))).find)
    operations, direct = bind(state, *_OPERATIONS)

    async def close() -> None:
        deadlines.close()

    return Service("apigatewayv2", operations, direct, close=close, reset=state.clear, access=access())
