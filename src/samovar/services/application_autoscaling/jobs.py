"""What ticks: scheduled actions at their moments, and policies once a minute.

Rules: a moment of a schedule is dealt with once, also after a restart; the last one that was missed is made up for.
"""

import asyncio
import logging

from samovar.core import schedule
from samovar.services.application_autoscaling.state import Action, PartKey, State
from samovar.store.errors import StoreError

log = logging.getLogger("samovar.autoscaling")

_MINUTE_S = 60.0


class Ticker:
    def __init__(self, state: State) -> None:
        self._state = state
        self._minute = state.clock.now() + _MINUTE_S

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._due_actions()
                await self._due_minute()
            except StoreError as error:
                log.error("scaling waits for the store: %s", error)
                await asyncio.sleep(1.0)
                continue
            touched = self._state.touched
            moments = [moment for _, moment in self._moments()]
            await self._state.clock.wait(touched, min([self._minute, *moments]))

    async def _due_actions(self) -> None:
        now = self._state.clock.now()
        for key, moment in sorted(self._moments(), key=lambda found: found[1]):
            if moment <= now:
                await self._state.scaler.fire(key, _last(self._state.actions.get(key), moment, now))

    async def _due_minute(self) -> None:
        now = self._state.clock.now()
        if now >= self._minute:
            self._minute = now + _MINUTE_S
            await self._state.scaler.minute()

    def _moments(self) -> list[tuple[PartKey, float]]:
        """When each action is next due."""
        found = []
        for key, action in self._state.actions.items():
            moment = due(action)
            if moment is not None:
                found.append(((key[0], key[1], key[2], key[3]), moment))
        return found


def due(action: Action, after: float | None = None) -> float | None:
    """The first moment of its schedule later than what was dealt with, or than `after`; None: there is none."""
    since = action.created_at if action.starts_at is None else action.starts_at
    late = action.looked_at if after is None else after
    if action.starts_at is not None:
        late = max(late, action.starts_at - 0.001)
    try:
        moment = schedule.parse(action.schedule, action.zone or "UTC", plural=False).next_after(late, since)
    except schedule.ScheduleError as gone:  # the time zone was there when the action was put
        log.error("the scheduled action %s is not due any more: %s", action.name, gone)
        return None
    if moment is None or (action.ends_at is not None and moment > action.ends_at):
        return None
    return moment


def _last(action: Action | None, moment: float, now: float) -> float:
    """The last moment up to now: of several that were missed, one is made up for."""
    while action is not None and (following := due(action, moment)) is not None and following <= now:
        moment = following
    return moment
