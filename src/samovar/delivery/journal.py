"""What became of each attempt to deliver something: where it went, or why it didn't.

Owns: the table `deliveries`, and which metrics tell of deliveries. Refuses: deciding anything.
Rules: an entry is a statement, committed with what it tells of; the newest `KEPT` stay. Whoever has nothing to commit
uses `note`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.clock import Clock, iso_z
from samovar.core.meter import Dimensions, Meter
from samovar.store.errors import StoreError
from samovar.store.sqlite import Statement, Store

KEPT = 100_000
_TRIM_EVERY = 1000
_UNITS: Mapping[str, str] = {"Age": "Milliseconds", "Size": "Bytes"}
"""Of metrics whose names end so."""
_TEXT_LIMIT = 1000

_MIGRATIONS = [
    "CREATE TABLE deliveries (id BIGINT PRIMARY KEY, at DOUBLE PRECISION NOT NULL, account TEXT NOT NULL, "
    "region TEXT NOT NULL, source TEXT NOT NULL, origin TEXT NOT NULL, target TEXT NOT NULL, event_id TEXT NOT NULL, "
    "attempt BIGINT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL)",
]

DELIVERED, RETRY, FAILED, DROPPED, HELD = "delivered", "retry", "failed", "dropped", "held"
"""Outcomes. `retry`: this attempt failed and another one follows; `failed`: that was the last (a dead-letter queue or
destination, if there is one, has an entry of its own); `dropped`: there was no attempt and there won't be one; `held`:
the target takes nothing now, and all that waits for it rests."""


class Entry(msgspec.Struct, frozen=True):
    account: str
    region: str
    source: str
    """Who delivers: `lambda` (asynchronous invocations), `destination`, `dead-letter`, `events`, `scheduler`, ..."""
    origin: str
    """ARN of what it is delivered for: the function, rule, schedule, bucket."""
    target: str
    """ARN."""
    event_id: str
    attempt: int
    """From 1; 0 when there was none."""
    outcome: str
    reason: str = ""
    """Why it wasn't delivered, and what happens now."""


class Journal:
    """Made by `Journal.open`."""

    def __init__(self, store: Store, clock: Clock, meter: Meter, last: int) -> None:
        self._store = store
        self._clock = clock
        self.meter = meter
        self._last = last

    @classmethod
    async def open(cls, store: Store, clock: Clock, meter: Meter) -> "Journal":
        await store.migrate("deliveries", _MIGRATIONS)
        [(last,)] = await store.query("SELECT MAX(id) FROM deliveries")
        return cls(store, clock, meter, last or 0)

    def writing(self, entry: Entry) -> list[Statement]:
        """The statements that keep an entry."""
        self._last += 1
        sql = "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        row = msgspec.structs.astuple(entry)
        written = (sql, (self._last, self._clock.now(), *row[:-1], entry.reason[:_TEXT_LIMIT]))
        if self._last % _TRIM_EVERY:
            return [written]
        return [written, ("DELETE FROM deliveries WHERE id <= ?", (self._last - KEPT,))]

    async def note(self, entry: Entry) -> None:
        """Keep an entry by itself. A store that can't write now loses it: what it tells of has happened anyway."""
        try:
            await self._store.transact(*self.writing(entry))
        except StoreError:
            return

    def count(self, account: str, region: str, namespace: str, name: str, resource: str, value: float = 1) -> None:
        """One observation for a metric as AWS has it; `resource`: the ARN of what it tells of."""
        unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "Count")
        if namespace == "AWS/Lambda":  # the account's own, besides
            self.meter.add(account, region, namespace, name, (), value, unit)
        self.meter.add(account, region, namespace, name, dimensions(namespace, resource), value, unit)

    async def find(self, wanted: dict[str, str], after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """The newest entries, oldest first; those with an id above `after` when that is given.

        `wanted`: values of columns; of `origin`, `target` and `reason` a part is enough.
        """
        conditions: list[str] = ["id > ?"]
        values: list[object] = [after]
        for column, value in wanted.items():
            partly = column in ("origin", "target", "reason")
            conditions.append(f"{column} LIKE ? ESCAPE '!'" if partly else f"{column} = ?")
            values.append(_like(value) if partly else value)
        order = "ASC" if after else "DESC"
        sql = f"SELECT * FROM deliveries WHERE {' AND '.join(conditions)} ORDER BY id {order} LIMIT ?"
        rows = await self._store.query(sql, (*values, limit))
        names = ("id", "at", *Entry.__struct_fields__)
        found: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in sorted(rows)]
        for entry in found:
            entry["at"] = iso_z(entry["at"])
        return found

    async def reset(self) -> None:
        await self._store.transact(("DELETE FROM deliveries", ()))


def dimensions(namespace: str, resource: str) -> Dimensions:
    """How a namespace of AWS's names a resource, by its ARN."""
    parsed = arn.parse(resource)
    name = parsed.resource if parsed is not None else resource
    if namespace == "AWS/Lambda":
        return (("FunctionName", name.split(":")[1] if ":" in name else name),)
    if namespace == "AWS/SNS":
        return (("TopicName", name),)
    parts = name.split("/")
    if namespace == "AWS/Events":  # rule/NAME, or rule/BUS/NAME
        bus = (("EventBusName", parts[1]),) if len(parts) > 2 else ()
        return (*bus, ("RuleName", parts[-1]))
    return (("ScheduleGroup", parts[1]),) if namespace == "AWS/Scheduler" and len(parts) > 1 else ()


FILTERS = ("account", "region", "source", "origin", "target", "event_id", "outcome", "reason")
"""Columns that `find` takes."""


def _like(text: str) -> str:
    return "%" + text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
