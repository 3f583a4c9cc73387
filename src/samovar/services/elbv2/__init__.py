"""Elastic Load Balancing, version 2 (boto3 client `elbv2`): Application and Network Load Balancers.

Operations: the public functions of `ops`. Keeps: the tables `elbv2.*`. Serves its load balancers at the platform's port
(`routing`) and at the listeners' own (`ports`). Facts: apigateway.md §13, lambda-events.md §7.
"""

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.meter import Meter
from samovar.core.service import Service, bind
from samovar.net.tls import Contexts
from samovar.services.elbv2.access import access
from samovar.services.elbv2.balancing import Balancing
from samovar.services.elbv2.elb import Elb
from samovar.services.elbv2.flows import Flows
from samovar.services.elbv2.functions import FunctionTargets
from samovar.services.elbv2.health import Condition, Health
from samovar.services.elbv2.metering import Meters
from samovar.services.elbv2.ops import limits, listeners, load_balancers, rules, tagging, target_groups, targets
from samovar.services.elbv2.ports import ListenerPorts, Opening
from samovar.services.elbv2.records import Target, TargetGroup
from samovar.services.elbv2.routing import Routing
from samovar.services.elbv2.servers import ServerTargets
from samovar.services.elbv2.site import Site
from samovar.services.elbv2.state import State
from samovar.store.sqlite import Store
from samovar.web.deadlines import Deadlines
from samovar.web.functions import Functions
from samovar.web.upstream import Upstream

__all__ = ["Balancers", "Opening", "build"]


class Balancers:
    """The load balancers at their doors."""

    def __init__(self, site: Site, health: Health, ports: ListenerPorts) -> None:
        self.serve = site.serve
        self._site = site
        self._health = health
        self._ports = ports

    async def start(self) -> None:
        """The platform answers: check targets, and listen on the listeners' own ports."""
        self._ports.serve = self._site.serve_at
        self._health.follow()
        await self._ports.follow()

    async def stop_listening(self) -> None:
        await self._ports.close()


async def build(
    store: Store,
    clock: Clock,
    acting: Acting,
    functions: Functions,
    meter: Meter,
    *,
    host: str,
    own_port: int,
    opening: Opening,
    tls: Contexts | None,
) -> tuple[Service, Balancers]:
    """`host` and `own_port`: where the platform listens; `opening`: which listeners' ports are opened, see `ports`."""
    state = State(store, clock)
    await state.open()
    upstream, deadlines = Upstream(), Deadlines(clock)
    on_functions = FunctionTargets(acting, functions, deadlines)

    async def probe(group: TargetGroup, target: Target) -> Condition | None:
        asked = on_functions.check if group.target_type == "lambda" else on_servers.check
        return await asked(group, target)

    health = Health(state, probe)
    balancing = Balancing(health)
    on_servers = ServerTargets(upstream, balancing)
    ports = ListenerPorts(state, host, opening, own_port, clock, tls, Flows(state, balancing))
    site = Site(state, clock, Routing(state), balancing, on_functions, on_servers, Meters(meter, clock).count)

    async def close() -> None:
        deadlines.close()
        await health.close()
        await on_functions.close()
        await on_servers.close()
        await upstream.close()

    async def reset() -> None:
        await state.clear()
        health.follow()
        await ports.follow()

    operations, direct = bind(
        Elb(state, health, ports, acting, balancing.forget),
        *(limits, listeners, load_balancers, rules, tagging, target_groups, targets),
    )
    service = Service("elbv2", operations, direct, close=close, reset=reset, access=access(state))
    return service, Balancers(site, health, ports)
