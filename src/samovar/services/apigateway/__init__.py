"""Amazon API Gateway, REST APIs (boto3 client `apigateway`): how they are described, and answering for them
(facts/apigateway.md §1-§8).

Operations in `ops/`, the data plane in `plane/`. Keeps: the tables `apigateway.*`. Not here: VPC links, response
streaming, methods with the authorization type JWT, generated SDKs, WAF; each is refused by name.
"""

from samovar.core.clock import Clock
from samovar.core.service import Service, bind
from samovar.services.apigateway.access import access
from samovar.services.apigateway.ops import apis, deployments, integrations, methods, resources
from samovar.services.apigateway.plane.entering import Entrance
from samovar.services.apigateway.plane.planning import Planner
from samovar.services.apigateway.plane.site import RestSite
from samovar.services.apigateway.plane.stages import Stages
from samovar.services.apigateway.state import Rest
from samovar.store.sqlite import Store
from samovar.web.front import Find
from samovar.web.functions import Functions

__all__ = ["build"]


async def build(store: Store, clock: Clock, functions: Functions) -> tuple[Service, Find]:
    """The service, and what finds its APIs for the front."""
    state = await Rest.open(store, clock)
    stages = Stages(state, Planner(functions).plan)
    site = RestSite(state, stages, Entrance(), clock)

    async def reset() -> None:
        await state.clear()
        stages.clear()

    ordinary, direct = bind(state, apis, resources, methods, integrations, deployments)
    return Service("apigateway", ordinary, direct, reset=reset, access=access()), site.find
