"""CloudWatch Logs: groups, streams, events, filters, retention, tags (facts/cloudwatch.md §0-§3).

Operations: `ops/`. State: the tables `log_groups` and `log_resource_policies`, and by SQL `log_streams`, `log_events`,
`log_garbage`, `log_runs`. Links: the engine writes functions' logs through the LogSink; metrics in
events go to the Meter. Not here: subscription and
metric filters, Insights, Live Tail, exports, policies of single groups; log classes and KMS keys are remembered and
change nothing.
"""

import asyncio
from typing import TYPE_CHECKING

from samovar.core.clock import Clock
from samovar.core.later import later
from samovar.core.meter import Meter
from samovar.core.service import Service, bind_late
from samovar.services.logs import jobs
from samovar.services.logs.access import access
from samovar.services.logs.embedded import Telling
from samovar.services.logs.sink import LogSink
from samovar.services.logs.state import LogsState
from samovar.store.sqlite import Store

if TYPE_CHECKING:
    from samovar.services.logs.ops import events, groups, policies, streams, tags
else:
    events = later("samovar.services.logs.ops.events")
    groups = later("samovar.services.logs.ops.groups")
    policies = later("samovar.services.logs.ops.policies")
    streams = later("samovar.services.logs.ops.streams")
    tags = later("samovar.services.logs.ops.tags")

__all__ = ["LogSink", "build"]


async def build(store: Store, clock: Clock, meter: Meter) -> tuple[Service, LogSink]:
    """The service, and the sink for what functions print. The service's `close` closes both."""
    state = await LogsState.open(store, clock)
    state.tell = Telling(meter).told
    sink = LogSink(state)
    state.flush = sink.flush
    sweeping = asyncio.create_task(jobs.run(state), name="logs-sweep")

    async def close() -> None:
        sweeping.cancel()
        await asyncio.wait([sweeping])
        await sink.close()

    async def reset() -> None:
        await sink.discard()
        await state.clear()

    operations = bind_late(state, groups, streams, events, tags, policies)
    return Service("logs", operations, {}, close, reset, access(state)), sink
