"""What SQS does by itself: dropping what has expired and what a purge or a deletion left behind, and telling the
metrics how full queues are.

A thousand messages at a time, so that no sweep holds the store's writer for long.
"""

import logging
from collections.abc import Callable
from functools import partial

from samovar.services.sqs import journal
from samovar.services.sqs.state import Key, Queue, Sqs
from samovar.store.errors import StoreError
from samovar.store.sqlite import Procedure, Steps

EVERY_S = 60.0
AT_ONCE = 1000

_log = logging.getLogger(__name__)


async def run(state: Sqs) -> None:
    filled: set[Key] = set()
    while True:
        try:
            await sweep(state)
            filled = await tell(state, filled)
        except StoreError as error:  # a full disk: what is due stays due
            _log.warning("sqs: sweeping failed, trying again later: %s", error)
        await state.clock.sleep_until(state.clock.now() + EVERY_S)


async def sweep(state: Sqs) -> None:
    for _, queue in state.queues.items():
        await _expire(state, queue)
    for (box,) in await state.store.query("SELECT box FROM sqs_garbage"):
        while await _drop(state, partial(journal.sweep, box, AT_ONCE)):
            pass
    now = state.now_ms()
    await state.store.transact(("DELETE FROM sqs_dedup WHERE expires <= ?", (now,)))
    for key in [key for key, (until, _) in state.attempts.items() if until * 1000 <= now]:
        del state.attempts[key]


async def tell(state: Sqs, filled: set[Key]) -> set[Key]:
    """Report of queues that hold messages, and once more of those that held some a minute ago (`filled`); the first."""
    now_filled = {queue.key for _, queue in state.queues.items() if state.total(queue)}
    for key in now_filled | filled:
        queue = state.queues.get(key)
        if queue is None:
            continue
        counts, told = await state.counts(queue), state.metering.tell
        told(key, "ApproximateNumberOfMessagesVisible", counts.visible)
        told(key, "ApproximateNumberOfMessagesNotVisible", counts.in_flight)
        told(key, "ApproximateNumberOfMessagesDelayed", counts.delayed)
        told(key, "ApproximateAgeOfOldestMessage", await state.oldest_s(queue), unit="Seconds")
    return now_filled


async def _expire(state: Sqs, queue: Queue) -> None:
    oldest = state.now_ms() - queue.number("MessageRetentionPeriod") * 1000
    while gone := await _drop(state, partial(journal.expire, queue.box, oldest, AT_ONCE)):
        state.count(queue.box, -gone)


async def _drop(state: Sqs, steps: Callable[[], Steps]) -> int:
    """Run a procedure that removes messages, and their blobs after it; how many went."""
    [gone] = await state.store.transact(Procedure(steps))
    await state.bodies.drop(blob for (blob,) in gone)
    return len(gone)
