"""Amazon API Gateway, REST APIs (boto3 client `apigateway`): how they are described, and answering for them
(facts/apigateway.md §1-§8).

Operations in `ops/`, the data plane in `plane/`. Keeps: the tables `apigateway.*`. Not here: links to network
load balancers, methods with the authorization type JWT, generated SDKs, WAF; each is refused by name.
"""

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.meter import Meter
from samovar.core.service import Service, bind
from samovar.services.apigateway.access import access
from samovar.services.apigateway.desk import Desk
from samovar.services.apigateway.ops import (
    access_associations,
    account,
    apis,
    authorizers,
    caches,
    certificates,
    deployments,
    documentation,
    domain_names,
    gatewayresponses,
    integrations,
    keys,
    methods,
    models,
    openapi,
    plans,
    resources,
    sdks,
    tags,
    testing,
    usage,
)
from samovar.services.apigateway.plane.bench import Bench
from samovar.services.apigateway.plane.cache import Cache
from samovar.services.apigateway.plane.certificates import ClientCertificates, seal
from samovar.services.apigateway.plane.entering import Authority, Entrance
from samovar.services.apigateway.plane.keys import KeyRing
from samovar.services.apigateway.plane.planning import Planner
from samovar.services.apigateway.plane.ports import Ports
from samovar.services.apigateway.plane.refusals import KINDS
from samovar.services.apigateway.plane.site import RestSite
from samovar.services.apigateway.plane.stages import Stages
from samovar.services.apigateway.plane.tasks import Tasks
from samovar.services.apigateway.plane.telling import Teller
from samovar.services.apigateway.state import Rest
from samovar.store.sqlite import Store
from samovar.store.vault import Vault
from samovar.web.access_log import AccessLogs
from samovar.web.account_rate import AccountRate
from samovar.web.api_keys import ApiKeys
from samovar.web.deadlines import Deadlines
from samovar.web.domains import Domains
from samovar.web.front import Front
from samovar.web.functions import Functions
from samovar.web.jwt import Keyring
from samovar.web.lambda_authorizer import LambdaAuthorizers
from samovar.web.service_requests import Forward
from samovar.web.urls import Urls

__all__ = ["build"]

_OPS = (
    access_associations, account, apis, authorizers, certificates, deployments, documentation, domain_names,
    gatewayresponses, integrations, keys, methods, models, openapi, plans, resources, sdks, tags,
)  # fmt: skip


async def build(
    store: Store,
    clock: Clock,
    acting: Acting,
    front: Front,
    domains: Domains,
    functions: Functions,
    forward: Forward,
    urls: Urls,
    keyring: Keyring,
    authority: Authority,
    meter: Meter,
    rate: AccountRate,
    vault: Vault,
) -> tuple[Service, ApiKeys]:
    """`forward` sends what AWS integrations ask of other services."""
    state = await Rest.open(store, clock, domains, rate, vault)
    await seal(state)
    ports = Ports(
        functions,
        LambdaAuthorizers(functions, clock),
        Tasks(),
        Deadlines(clock),
        forward,
        urls,
        keyring,
        clock,
        acting.endpoint,
        ClientCertificates(state),
        authority.trusts,
        state.link_target,
    )
    planner = Planner(ports)
    stages, ring = Stages(state, planner.plan), KeyRing(state, clock)
    entrance = Entrance(authority, ring)
    cache = Cache(clock, entrance.may_invalidate)
    logs = AccessLogs(acting, clock)
    site = RestSite(state, stages, entrance, cache, Teller(state, logs, meter, clock), clock)
    front.join(site.find, KINDS["REQUEST_TOO_LARGE"].message or "")
    desk = Desk(state, Bench(site, planner, ports, authority.user_id), ports.authorizers, cache, ring.usage)

    async def reset() -> None:
        await state.clear()
        stages.clear()
        ring.clear()
        ports.authorizers.forget()
        cache.forget()

    async def close() -> None:
        await ports.tasks.close()
        ports.deadlines.close()
        await logs.close()
        await ring.usage.close()

    operations, direct = bind(state, *_OPS)
    tried, _ = bind(desk, testing, caches, usage)
    service = Service("apigateway", {**operations, **tried}, direct, close=close, reset=reset, access=access())
    return service, ring
