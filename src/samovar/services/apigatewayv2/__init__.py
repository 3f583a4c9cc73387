"""Amazon API Gateway, version 2 (boto3 client `apigatewayv2`): HTTP APIs and WebSocket APIs.

Operations: the public functions of `ops`. Keeps: the tables `apigatewayv2.*`. Serves its APIs at the doors of
`web/front`. Facts: apigateway.md §1, §3, §8-§12.
"""


from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.meter import Meter
from samovar.core.service import Service, bind
from samovar.services.apigatewayv2.access import access
from samovar.services.apigatewayv2.http.gates import Gates as HttpGates
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
    openapi,
    route_responses,
    routes,
    rules,
    settings,
    stages,
    tags,
    vpclinks,
)
from samovar.services.apigatewayv2.ops import domains as domain_names
from samovar.services.apigatewayv2.ports import Authority
from samovar.services.apigatewayv2.sites import Sites
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.websocket.backends import Tasks
from samovar.services.apigatewayv2.websocket.gates import Gates
from samovar.services.apigatewayv2.websocket.site import WebSocketSite
from samovar.services.apigatewayv2.websocket.targets import Targets
from samovar.store.sqlite import Store
from samovar.web.access_log import AccessLogs
from samovar.web.account_rate import AccountRate
from samovar.web.api_keys import ApiKeys
from samovar.web.connections import Connections
from samovar.web.deadlines import Deadlines
from samovar.web.domains import Domains
from samovar.web.front import Front
from samovar.web.functions import Functions
from samovar.web.jwt import Keyring
from samovar.web.lambda_authorizer import LambdaAuthorizers
from samovar.web.service_requests import Forward
from samovar.web.urls import Urls
from samovar.wire.model import Models

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
    openapi,
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
    urls: Urls,
    models: Models,
    authority: Authority,
    forward: Forward,
    keyring: Keyring,
    meter: Meter,
    api_keys: ApiKeys,
    rate: AccountRate,
) -> Service:
    asked = LambdaAuthorizers(functions, clock)
    state = State(store, clock, domains, connections, asked, rate)
    await state.open()
    deadlines = Deadlines(clock)
    targets = HttpTargets(acting, functions, urls, models, deadlines, authority)
    logs = AccessLogs(acting, clock)
    gates = HttpGates(clock, acting, keyring, asked, authority)
    http = HttpSite(state, Stages(clock, targets, gates, logs, meter))
    tasks = Tasks()
    ways = Targets(acting, functions, deadlines, urls, tasks, forward, authority)
    websocket = WebSocketSite(state, ways, Gates(acting, asked, authority, api_keys), logs, meter)
    front.join(Sites(state, http, websocket).find)
    operations, direct = bind(state, *_OPERATIONS)

    async def close() -> None:
        deadlines.close()
        await targets.close()
        await tasks.close()
        await logs.close()

    return Service("apigatewayv2", operations, direct, close=close, reset=state.clear, access=access())
