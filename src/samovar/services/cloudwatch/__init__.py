"""Amazon CloudWatch metrics (boto3 client `cloudwatch`; facts/cloudwatch.md §0, §5, §6).

Operations: `ops/`. Keeps: by SQL `cloudwatch_series` and `cloudwatch_points`. Links: what other rooms report through
the Meter is written once a minute, and before anybody reads. Not here: alarms, dashboards, metric math and Insights
queries, streams, anomaly detectors, cross-account queries; which entity data belong to is not kept.
"""

import asyncio
from typing import TYPE_CHECKING

from samovar.core.clock import Clock
from samovar.core.later import later
from samovar.core.meter import Meter
from samovar.core.service import Service, bind_late
from samovar.services.cloudwatch import jobs
from samovar.services.cloudwatch.access import ACCESS
from samovar.services.cloudwatch.state import CloudWatch
from samovar.store.sqlite import Store

if TYPE_CHECKING:
    from samovar.services.cloudwatch.ops import data, metrics, statistics
else:
    data = later("samovar.services.cloudwatch.ops.data")
    metrics = later("samovar.services.cloudwatch.ops.metrics")
    statistics = later("samovar.services.cloudwatch.ops.statistics")

__all__ = ["build"]


async def build(store: Store, clock: Clock, meter: Meter) -> Service:
    state = await CloudWatch.open(store, clock, meter)
    keeping = asyncio.create_task(jobs.run(state), name="cloudwatch")

    async def close() -> None:
        keeping.cancel()
        await asyncio.wait([keeping])
        await jobs.flush(state)

    operations = bind_late(state, metrics, statistics, data)
    return Service("cloudwatch", operations, {}, close, state.clear, ACCESS)
