"""API keys at the door: which plan a key has for a stage, its throttle, its quota (facts/apigateway.md §7).

Owns: the index from a key's value to its plan, the buckets, and the counting. Rules:

1. A key must be enabled, and in a plan that holds the API's stage.
2. What was used is counted in memory and written behind, in one transaction for whatever has gathered. A crash may
   forget the last moments: AWS calls its quotas best effort, too.
"""

import asyncio
from datetime import UTC, date, datetime

import msgspec

from samovar.core.bucket import Bucket
from samovar.core.clock import Clock
from samovar.services.apigateway import quotas
from samovar.services.apigateway.plane import execution_log
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.state import Item, Rest, Shape
from samovar.store.table import Key, RecordChange
from samovar.web.api_keys import Denied

_REFUSED_AS = {
    Denied.INVALID: "INVALID_API_KEY",
    Denied.THROTTLED: "THROTTLED",
    Denied.EXHAUSTED: "QUOTA_EXCEEDED",
}


class Held(msgspec.Struct, frozen=True):
    """A key, as one stage sees it."""

    id: str
    plan: Shape
    stage: Shape
    """The plan's word for the stage: its throttles per method."""


class KeyRing:
    def __init__(self, state: Rest, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._seen = -1
        self._held: dict[tuple[str, ...], Held] = {}
        """(account, region, API, stage, value)."""
        self._buckets: dict[tuple[str, ...], tuple[tuple[float, float], Bucket]] = {}
        self.usage = Usage(state)

    def admit(self, exchange: Exchange) -> None:
        """Raises Refusal; where a key is asked for, says whose it is."""
        if not exchange.settled.api_key_required:
            execution_log.key_claimed(exchange, exchange.request.headers.get("x-api-key", ""))
            return
        by_authorizer = exchange.plan.settings.get("apiKeySource") == "AUTHORIZER"
        value = exchange.usage_key if by_authorizer else exchange.request.headers.get("x-api-key", "")
        method = exchange.settled
        found = self.claim(exchange.api.key, exchange.staged.name, f"{method.resource}/{method.name}", value)
        if isinstance(found, Denied):
            raise Refusal(_REFUSED_AS[found])
        exchange.caller |= {"apiKey": value, "apiKeyId": found}
        execution_log.key_claimed(exchange, value)

    def claim(self, api: Key, stage: str, method: str, value: str) -> str | Denied:
        """For `ApiKeys`: WebSocket APIs ask for the same keys."""
        held = self._index().get((*api, stage, value)) if value else None
        if held is None:
            return Denied.INVALID
        if not self._in_time((*api, stage), method, held):
            return Denied.THROTTLED
        quota = held.plan.get("quota")
        if quota is not None:
            today = datetime.fromtimestamp(self._clock.now(), UTC).date()
            if not self.usage.take((*api[:2], held.plan["id"], held.id), quota, today):
                return Denied.EXHAUSTED
        return held.id

    def _in_time(self, stage: Key, named: str, held: Held) -> bool:
        """Whether the plan's throttle lets one more request through."""
        own = (held.stage.get("throttle") or {}).get(named)
        limits = own or held.plan.get("throttle")
        if limits is None:
            return True
        size = (float(limits["burstLimit"]), float(limits["rateLimit"]))
        place = (*stage, held.plan["id"], held.id, named if own else "")
        found = self._buckets.get(place)
        if found is None or found[0] != size:
            found = self._buckets[place] = (size, Bucket(*size))
        return found[1].take(self._clock.monotonic())

    def _index(self) -> dict[tuple[str, ...], Held]:
        state = self._state
        changes = state.keys.changes + state.plans.changes + state.plan_keys.changes
        if changes != self._seen:
            self._seen = changes
            self._held = {}
            for (account, region, plan_id, key_id), _ in state.plan_keys.items():
                plan, key = state.plans.get((account, region, plan_id)), state.keys.get((account, region, key_id))
                if plan is not None and key is not None and key.shape["enabled"]:
                    for stage in plan.shape["apiStages"]:
                        place = (account, region, stage["apiId"], stage["stage"], key.shape["value"])
                        self._held[place] = Held(key_id, plan.shape, stage)
        return self._held

    def clear(self) -> None:
        self._buckets.clear()
        self.usage.clear()


class Usage:
    """What each key has used of each plan, by day: (account, region, plan, key, day)."""

    def __init__(self, state: Rest) -> None:
        self._state = state
        self._more: dict[Key, int] = {}
        """What isn't in the table yet."""
        self._writing: asyncio.Task[None] | None = None

    def take(self, key: Key, quota: Shape, today: date) -> bool:
        """Count one more request, if the quota has room for it."""
        waiting = sum(more for place, more in self._more.items() if place[:4] == key)
        if quotas.remaining(self._state.usage.items(key), quota, today) - waiting < 1:
            return False
        place = (*key, today.isoformat())
        self._more[place] = self._more.get(place, 0) + 1
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())
        return True

    async def settle(self) -> None:
        """Write what has gathered: then all that was counted is in the table."""
        while self._more:
            more, self._more = self._more, {}
            await self._state.store.transact(*(self._added(place, count) for place, count in more.items()))

    async def _write(self) -> None:
        try:
            await self.settle()
        finally:
            self._writing = None

    def _added(self, place: Key, count: int) -> RecordChange[Item]:
        old = self._state.usage.get(place)
        used, extra = (old.shape["used"], old.shape["extra"]) if old else (0, 0)
        return self._state.usage.putting(place, Item({"used": used + count, "extra": extra}))

    async def close(self) -> None:
        if self._writing is not None:
            await self._writing

    def clear(self) -> None:
        self._more.clear()
