"""Amazon EventBridge (boto3 client `events`): buses, rules, targets, archives (facts/eventbridge.md §A to §E).

Operations: those in `ops/`. Keeps: the tables `events.*`, and by SQL `archived_events`. What it sends goes through the
outbox of `delivery`; its schedules through the ticker. Not here: connections into a VPC, global endpoints, partner
sources, targets other than functions, queues, topics, buses, API destinations, log groups, state machines and streams.
"""

from collections.abc import Awaitable, Callable

from samovar.core.clock import Clock
from samovar.core.service import Service, bind
from samovar.delivery.journal import Journal
from samovar.delivery.outbox import Outbox
from samovar.delivery.targets import Parcel
from samovar.services.events.access import access
from samovar.services.events.archived import emptying_all, open_archived
from samovar.services.events.calls import Calls
from samovar.services.events.ops import archives, buses, destinations, events, rules, tags
from samovar.services.events.ops import targets as targets_ops
from samovar.services.events.ops.destinations import House
from samovar.services.events.replays import Replays
from samovar.services.events.routing import Routing
from samovar.services.events.schedules import Schedules
from samovar.services.events.state import Events
from samovar.store.sqlite import Store
from samovar.store.vault import Vault
from samovar.web.upstream import Upstream

__all__ = ["build"]


async def build(
    store: Store, clock: Clock, outbox: Outbox, journal: Journal, vault: Vault
) -> tuple[Service, Callable[[Parcel], Awaitable[None]]]:
    """The service, and what calls its API destinations. `vault` closes the secrets of their connections."""
    state = await Events.open(store, clock)
    await open_archived(store)
    routing = Routing(state, outbox, journal)
    schedules = await Schedules.open(state, routing)
    schedules.ticker.start()
    replays = Replays(state, routing)
    replays.start()
    operations = bind(routing, events)[0] | bind(schedules, buses, rules, targets_ops, tags)[0]
    operations |= bind(replays, archives)[0]
    upstream = Upstream()
    calls = Calls(state, upstream, vault, clock)
    operations |= bind(House(state, calls), destinations)[0]

    async def close() -> None:
        await replays.close()
        await schedules.ticker.close()
        await upstream.close()

    async def reset() -> None:
        for key, _ in state.rules.items():
            schedules.ticker.unwatch("/".join(key))
        await state.clear()
        await store.transact(emptying_all())

    return Service("events", operations, {}, close=close, reset=reset, access=access(state)), calls.deliver
