"""Amazon API Gateway, REST APIs (boto3 client `apigateway`): how they are described, and answering for them
(facts/apigateway.md §1-§8).

Operations in `ops/`, the data plane in `plane/`. Keeps: the tables `apigateway.*`. Not here: VPC links, response
streaming, methods with the authorization type JWT, generated SDKs, WAF; each is refused by name.
"""

from samovar.core.clock import Clock
from samovar.core.service import Service, bind
from samovar.services.apigateway.access import access
from samovar.services.apigateway.ops import (
    account,
    apis,
    authorizers,
    deployments,
    documentation,
    gatewayresponses,
    integrations,
    keys,
    methods,
    models,
    plans,
    resources,
    tags,
)
from samovar.services.apigateway.plane.entering import Authority, Entrance
from samovar.services.apigateway.plane.keys import KeyRing
from samovar.services.apigateway.plane.planning import Planner
from samovar.services.apigateway.plane.site import RestSite
from samovar.services.apigateway.plane.stages import Stages
from samovar.services.apigateway.state import Rest
from samovar.store.sqlite import Store
from samovar.web.front import Front
from samovar.web.functions import Functions
from samovar.web.lambda_authorizer import LambdaAuthorizers

__all__ = ["build"]

_OPS = (
    account, apis, authorizers, deployments, documentation, gatewayresponses, integrations, keys, methods, models,
    plans, resources, tags,
)  # fmt: skip


async def build(store: Store, clock: Clock, front: Front, functions: Functions, authority: Authority) -> Service:
    state = await Rest.open(store, clock)
    asked = LambdaAuthorizers(functions, clock)
    stages = Stages(state, Planner(functions, asked).plan)
    ring = KeyRing(state, clock)
    front.join(RestSite(state, stages, Entrance(authority, ring), clock).find)

    def flushed(what: str, api: str, stage: str) -> None:
        asked.forget(api, stage)

    state.flushed = flushed

    async def reset() -> None:
        await state.clear()
        stages.clear()
        ring.clear()
        asked.forget()

    operations, direct = bind(state, *_OPS)
    return Service("apigateway", operations, direct, close=ring.usage.close, reset=reset, access=access())
