"""Amazon EventBridge Scheduler (boto3 client `scheduler`): schedules and their groups (facts/eventbridge.md §F).

Operations: all 12, in `ops/`. Keeps: the tables `scheduler.*`. When schedules fire is the ticker's matter, what they
send goes through the outbox, both of `delivery`. Not here: targets on services that aren't on this server, the bus of
version 2, encryption (keys are remembered and change nothing).
"""

from samovar.core.clock import Clock
from samovar.core.service import Service, bind
from samovar.delivery.outbox import Outbox
from samovar.services.scheduler.access import access
from samovar.services.scheduler.firing import Scheduler
from samovar.services.scheduler.ops import groups, schedules
from samovar.store.sqlite import Store

__all__ = ["build"]


async def build(store: Store, clock: Clock, outbox: Outbox) -> Service:
    state = await Scheduler.open(store, clock, outbox)
    state.ticker.start()
    return Service(
        "scheduler",
        bind(state, groups, schedules)[0],
        {},
        close=state.ticker.close,
        reset=state.clear,
        access=access(state),
    )
