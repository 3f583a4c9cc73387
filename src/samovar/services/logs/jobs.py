"""What Logs does by itself: events past their group's retention go, and those of deleted streams.

Both go a thousand at a time, so that no sweep holds the store's writer for longer than a moment. AWS deletes up to
72 hours late (facts/cloudwatch.md §0.13); here it is minutes.
"""

import logging

from samovar.services.logs.journal import delete_some
from samovar.services.logs.state import LogsState
from samovar.store.sqlite import StoreError

_log = logging.getLogger("samovar.logs")
_INTERVAL_S = 60.0
_AT_ONCE = 1000
_DAY_MS = 86_400_000


async def sweep(state: LogsState) -> int:
    """Delete what has expired or has lost its stream; how many events."""
    return await _sweep_expired(state) + await _sweep_garbage(state)


async def _sweep_expired(state: LogsState) -> int:
    total = 0
    for _, group in state.groups.items():
        if group.retention_days is not None:
            oldest = state.now_ms() - group.retention_days * _DAY_MS
            total += await _delete_all(state, "group_id = ? AND timestamp < ?", (group.id, oldest))
    return total


async def _sweep_garbage(state: LogsState) -> int:
    total = 0
    for (stream_id,) in await state.store.query("SELECT stream_id FROM log_garbage"):
        total += await _delete_all(state, "stream_id = ?", (stream_id,))
        await state.store.transact(("DELETE FROM log_garbage WHERE stream_id = ?", (stream_id,)))
    return total


async def _delete_all(state: LogsState, where: str, params: tuple[int, ...]) -> int:
    total = 0
    while True:
        deleted = await delete_some(state, where, params, _AT_ONCE)
        total += deleted
        if deleted < _AT_ONCE:
            return total


async def run(state: LogsState) -> None:
    """Sweep once a minute, until cancelled."""
    while True:
        await state.clock.sleep_until(state.clock.now() + _INTERVAL_S)
        try:
            await sweep(state)
        except StoreError as error:
            _log.warning("expired log events stay for now: %s", error)
