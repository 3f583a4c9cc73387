"""What CloudWatch does by itself: each minute it writes what was reported, each hour it makes old points coarser.

Rules (facts/cloudwatch.md §6): points of less than a minute are kept for 3 hours, then as minutes for 15 days, as five
minutes for 63 days, as hours for 455 days.
"""

import logging
from typing import Final

from samovar.services.cloudwatch.state import CloudWatch
from samovar.store.sqlite import StoreError

_log = logging.getLogger("samovar.cloudwatch")
_DAY_S: Final = 86_400
COARSER: Final = ((1, 60, 3 * 3600), (60, 300, 15 * _DAY_S), (300, 3600, 63 * _DAY_S))
"""(span, the next one, from which age on)."""
KEPT_S: Final = 455 * _DAY_S
_FLUSH_S: Final = 60.0
_SWEEP_EVERY: Final = 60
_AT_ONCE: Final = 500


async def run(state: CloudWatch) -> None:
    minutes = 0
    while True:
        await state.clock.sleep_until(state.clock.now() + _FLUSH_S)
        await flush(state)
        minutes += 1
        if minutes % _SWEEP_EVERY == 0:
            await sweep(state)


async def flush(state: CloudWatch) -> None:
    try:
        await state.flush()
    except StoreError as error:
        _log.warning("a minute of metrics was lost: %s", error)


async def sweep(state: CloudWatch) -> None:
    """A few hundred points at a time, so that others can write in between."""
    now = int(state.clock.now())
    try:
        for span, next_span, age_s in COARSER:
            while await state.coarsen(span, next_span, now - age_s, _AT_ONCE):
                pass
        await state.forget(now - KEPT_S)
    except StoreError as error:
        _log.warning("old metrics stay as they are for now: %s", error)
