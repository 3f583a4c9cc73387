"""What ticks: scheduled actions at their moments, and policies once a minute.

Refuses: when schedules fire (`delivery/ticker`): each time once, and after downtime the latest that was missed.
"""

import asyncio
import logging

import msgspec

from samovar.core import schedule
from samovar.delivery.queue import Step
from samovar.delivery.ticker import Ticker
from samovar.services.application_autoscaling.scaler import Scaler
from samovar.services.application_autoscaling.state import Action, PartKey, State
from samovar.store.errors import StoreError
from samovar.store.sqlite import Statement

log = logging.getLogger("samovar.autoscaling")

KIND = "autoscaling"
_MINUTE_S = 60.0
_RETRY_S = 1.0


class Schedules:
    """Made by `Schedules.open`."""

    def __init__(self, state: State, scaler: Scaler) -> None:
        self._state = state
        self._scaler = scaler
        self.ticker: Ticker

    @classmethod
    async def open(cls, state: State, scaler: Scaler) -> "Schedules":
        made = cls(state, scaler)
        made.ticker = await Ticker.open(state.store, state.clock, KIND, made._fire)
        for key, action in state.actions.items():
            made.arm((key[0], key[1], key[2], key[3]), action)
        return made

    def arm(self, key: PartKey, action: Action) -> None:
        try:
            when = schedule.parse(action.schedule, action.zone or "UTC", plural=False)
        except schedule.ScheduleError as gone:  # the time zone was there when the action was put
            log.error("the scheduled action %s is not due any more: %s", action.name, gone)
            return
        since = action.armed_at
        if action.starts_at is not None and action.starts_at > since:
            # A rate counts from its start; what falls on the start itself is due.
            since = action.starts_at if isinstance(when, schedule.Rate) else action.starts_at - 0.001
        self.ticker.watch(_name(key), when, since, 1e12 if action.ends_at is None else action.ends_at)

    def forgetting(self, key: PartKey) -> Statement:
        return self.ticker.forgetting(_name(key))

    async def _fire(self, name: str, moment: float) -> list[Step] | None:
        account, region, resource, action = msgspec.json.decode(name, type=tuple[str, str, str, str])
        key = (account, region, resource, action)
        while True:
            if self._state.actions.get(key) is None:
                return None
            try:
                await self._scaler.fire(key)
                return []
            except StoreError as error:
                log.error("a scheduled action waits for the store: %s", error)
                await asyncio.sleep(_RETRY_S)


async def every_minute(state: State, scaler: Scaler) -> None:
    """Look at everything that may have to be scaled, until cancelled."""
    while True:
        await state.clock.sleep_until(state.clock.now() + _MINUTE_S)
        try:
            await scaler.minute()
        except StoreError as error:
            log.error("scaling waits for the store: %s", error)


def _name(key: PartKey) -> str:
    return msgspec.json.encode(key).decode()
