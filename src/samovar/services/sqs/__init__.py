"""Amazon SQS (boto3 client `sqs`): standard and FIFO queues (facts/sqs.md).

Operations: all 23, in `ops/`. Keeps: the tables `sqs.queues` and `sqs.moves`, and by SQL `sqs_messages`, `sqs_lanes`,
`sqs_dedup`, `sqs_garbage`, `sqs_runs`; long bodies as blobs of its own. Not here: encryption (keys are remembered and
change nothing), the order of fair queues (a group on a standard queue is kept, shown, and changes nothing).
"""

import asyncio

from samovar.core.clock import Clock
from samovar.core.meter import Meter
from samovar.core.service import Service, bind
from samovar.services.sqs import jobs
from samovar.services.sqs.access import access
from samovar.services.sqs.moves import Moves
from samovar.services.sqs.ops import moves as moves_ops
from samovar.services.sqs.ops import permissions, queues, receiving, sending, tags
from samovar.services.sqs.state import Sqs
from samovar.store.bodies import Bodies
from samovar.store.sqlite import Store

__all__ = ["build"]


async def build(store: Store, clock: Clock, bodies: Bodies, meter: Meter) -> Service:
    """`bodies` are this service's alone."""
    state = await Sqs.open(store, clock, bodies, meter)
    moves = await Moves.open(state)
    sweeping = asyncio.create_task(jobs.run(state), name="sqs-sweep")

    async def close() -> None:
        sweeping.cancel()
        await asyncio.wait([sweeping])
        await moves.close()

    async def reset() -> None:
        await moves.clear()
        await state.clear()

    operations, direct = bind(state, queues, sending, receiving, tags, permissions)
    operations |= bind(moves, moves_ops)[0]
    return Service("sqs", operations, direct, close, reset, access(state, moves))
