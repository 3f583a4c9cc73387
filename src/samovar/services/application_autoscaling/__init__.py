"""Application Auto Scaling (boto3 client `application-autoscaling`), for Lambda's provisioned concurrency.

Operations: `ops/`. Keeps: the tables `autoscaling.*`. Links: reads and sets capacity through Lambda's own operations;
how much of it is used the engine tells. A policy's alarms have names, but CloudWatch doesn't know them.
Not here: other services' resources, step and predictive scaling (AWS has neither for Lambda), metrics of one's own.
Facts: the model's documentation; the texts are those of AWS's CLI examples and of what users have posted.
"""

import asyncio

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.service import Service, bind
from samovar.services.application_autoscaling.access import ACCESS
from samovar.services.application_autoscaling.jobs import Schedules, every_minute
from samovar.services.application_autoscaling.ops import actions, activities, policies, tags, targets
from samovar.services.application_autoscaling.scaler import Scaler, Used
from samovar.services.application_autoscaling.state import State
from samovar.store.sqlite import Store

__all__ = ["build"]


async def build(store: Store, clock: Clock, acting: Acting, used: Used) -> Service:
    """`used`: the use of a function's provisioned concurrency, by qualified ARN, since it was asked last."""
    state = await State.open(store, clock)
    state.scaler = scaler = Scaler(state, acting, used)
    state.schedules = schedules = await Schedules.open(state, scaler)
    schedules.ticker.start()
    minutes = asyncio.create_task(every_minute(state, scaler), name="autoscaling")

    async def close() -> None:
        await schedules.ticker.close()
        minutes.cancel()
        await asyncio.wait([minutes])

    operations, direct = bind(state, targets, policies, actions, activities, tags)
    return Service("application-autoscaling", operations, direct, close=close, reset=state.clear, access=ACCESS)
