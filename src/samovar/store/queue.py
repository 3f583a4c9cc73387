"""Durable queues: work that must happen, at least once, also after a crash.

Owns: the table `queue_items`, claims and their leases. Refuses: knowing what an item means, when to retry, who may put.

1. `put` returns after the commit; what was put is claimed at least once.
2. A claim hides an item for a lease. Who holds it acks it (gone), releases it (claimable again, now or later), extends
   the lease, or declares it dead (kept and shown, never claimed). When none of that happens in time, the next claim
   gets it: a worker that died loses nothing.
3. Every claim has a token. What a worker does with an item whose lease it has lost changes nothing, and answers False.
4. Order: by the moment at which items become claimable, then by that of their put.
5. Every operation walks one index to its rows: O(log n), however much waits.
6. Waiting costs nothing: who finds nothing sleeps until something is put or becomes claimable (`bell.py`).
"""

from collections.abc import Sequence

import msgspec

from samovar.core.clock import Clock
from samovar.store.bell import Bell
from samovar.store.bodies import Bodies
from samovar.store.sqlite import Row, Statement, Store

MIGRATIONS = [
    "CREATE TABLE queue_items (id BIGINT PRIMARY KEY, queue TEXT NOT NULL, due BIGINT NOT NULL, token BIGINT NOT NULL, "
    "attempts INTEGER NOT NULL, put_at BIGINT NOT NULL, reason TEXT NOT NULL, blob TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX queue_items_by_due ON queue_items (queue, due, id)",
    "CREATE INDEX queue_items_with_blobs ON queue_items (blob) WHERE blob <> ''",
    "CREATE TABLE queue_runs (one INTEGER PRIMARY KEY, run BIGINT NOT NULL)",
]
_NEW_RUN = (
    "INSERT INTO queue_runs (one, run) VALUES (1, 1) "
    "ON CONFLICT (one) DO UPDATE SET run = queue_runs.run + 1 RETURNING run"
)
_IDS_PER_RUN_BITS = 40
_DEAD = 2**62
"""Due when nobody waits any more."""
_ITEM = "id, token, attempts, put_at, reason, blob, body"


class Item(msgspec.Struct, frozen=True):
    id: int
    """Greater than that of every item put before."""
    token: int
    """Of the claim that this is; 0 for one that is only looked at."""
    attempts: int
    """Claims so far, this one included."""
    put_at: float
    body: str
    reason: str = ""
    """Why it is dead."""
    blob: str = ""


class Counts(msgspec.Struct, frozen=True):
    claimable: int
    later: int
    """Delayed, or claimed by somebody."""
    dead: int


class Queues:
    """Made by `Queues.open`."""

    def __init__(self, store: Store, clock: Clock, bodies: Bodies, run: int) -> None:
        self.store = store
        self.clock = clock
        self.bodies = bodies
        self._last_id = run << _IDS_PER_RUN_BITS
        self._queues: dict[str, Queue] = {}

    @classmethod
    async def open(cls, store: Store, clock: Clock, bodies: Bodies) -> "Queues":
        """`bodies` are these queues' alone. Leases of a server that is gone run out by themselves (or see `free`)."""
        await store.migrate("queues", MIGRATIONS)
        [[(run,)]] = await store.transact((_NEW_RUN, ()))
        rows = await store.query("SELECT blob FROM queue_items WHERE blob <> ''")
        await bodies.sweep(row[0] for row in rows)
        return cls(store, clock, bodies, run)

    def queue(self, name: str) -> "Queue":
        """The queue of this name, which need not have been there before."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(self, name)
        return queue

    async def names(self, prefix: str = "") -> list[str]:
        """Of the queues that hold anything, sorted."""
        names: list[str] = []
        bound, last = ">=", prefix
        while True:
            sql = f"SELECT queue FROM queue_items WHERE queue {bound} ? ORDER BY queue LIMIT 1"
            rows = await self.store.query(sql, (last,))
            if not rows or not rows[0][0].startswith(prefix):
                return names
            bound, last = ">", rows[0][0]
            names.append(last)

    async def clear(self) -> None:
        """Empty all of them."""
        _, blobs = await self.store.transact(
            ("DELETE FROM queue_items WHERE blob = ''", ()), ("DELETE FROM queue_items RETURNING blob", ())
        )
        await self.bodies.drop(row[0] for row in blobs)

    def new_id(self) -> int:
        """Greater than every id and token before: each run of the server has its own 2**40."""
        self._last_id += 1
        return self._last_id


class Queue:
    """Made by `Queues.queue`."""

    def __init__(self, house: Queues, name: str) -> None:
        self.name = name
        self._house = house
        self._store = house.store
        self._clock = house.clock
        self._bell = Bell(house.clock)

    async def put(self, body: str, delay_s: float = 0.0) -> int:
        """Commit an item that can be claimed after the delay; its id."""
        statement, id = await self.putting(body, delay_s)
        await self._store.transact(statement)
        self.ring(delay_s)
        return id

    async def putting(self, body: str, delay_s: float = 0.0) -> tuple[Statement, int]:
        """The statement that puts an item, for a transaction with more than that; call `ring` after its commit."""
        text, blob = await self._house.bodies.keep(body)
        id, now = self._house.new_id(), self._now_ms()
        sql = (
            f"INSERT INTO queue_items (queue, due, {_ITEM}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # as _ITEM orders them
        )
        return (sql, (self.name, now + _ms(delay_s), id, 0, 0, now, "", blob, text)), id

    def ring(self, delay_s: float = 0.0) -> None:
        """Tell whoever waits that something can be claimed, now or after the delay."""
        self._bell.ring(self._clock.now() + delay_s)

    async def claim(self, limit: int, lease_s: float) -> list[Item]:
        """What can be claimed now, at most `limit` items, in the order of their puts."""
        now = self._now_ms()
        sql = (
            "UPDATE queue_items SET due = ?, token = ?, attempts = attempts + 1 WHERE id IN "
            f"(SELECT id FROM queue_items WHERE queue = ? AND due <= ? ORDER BY due, id LIMIT ?) RETURNING {_ITEM}"
        )
        params = (now + _ms(lease_s), self._house.new_id(), self.name, now, limit)
        [rows] = await self._store.transact((sql, params))
        return await self._items(sorted(rows))

    async def wait(self, limit: int, lease_s: float, until: float) -> list[Item]:
        """`claim`; when there is nothing, sleep until there is, or until the moment `until`."""
        while True:
            seen = self._bell.rings
            items = await self.claim(limit, lease_s)
            if items:
                self._bell.pass_on()
                return items
            if self._clock.now() >= until or not await self._bell.wait(seen, await self.next_due(), until):
                return []

    async def next_due(self) -> float | None:
        """When the next item can be claimed; None when there is none."""
        sql = "SELECT due FROM queue_items WHERE queue = ? AND due < ? ORDER BY due LIMIT 1"
        rows = await self._store.query(sql, (self.name, _DEAD))
        return rows[0][0] / 1000 if rows else None

    async def ack(self, *items: Item) -> bool:
        """They are done. Whether all of them were still this worker's."""
        gone = await self._store.transact(*(self.acking(item) for item in items))
        await self._house.bodies.drop(item.blob for item, rows in zip(items, gone, strict=True) if rows)
        return all(gone)

    def acking(self, item: Item) -> Statement:
        """The statement of `ack`, for a transaction with more than that; a row comes back when it was this worker's."""
        return ("DELETE FROM queue_items WHERE id = ? AND token = ? RETURNING id", (item.id, item.token))

    async def release(self, item: Item, delay_s: float = 0.0) -> bool:
        """Let it be claimed again, after the delay. Whether it was still this worker's."""
        released = await self._set_due(item, self._now_ms() + _ms(delay_s), token=0)
        if released:
            self.ring(delay_s)
        return released

    async def extend(self, item: Item, lease_s: float) -> bool:
        """Hold it for so long from now. Whether it was still this worker's."""
        return await self._set_due(item, self._now_ms() + _ms(lease_s), token=item.token)

    async def dead(self, item: Item, reason: str) -> bool:
        """Keep it, but never claim it again. Whether it was still this worker's."""
        return await self._set_due(item, _DEAD, token=0, reason=reason)

    async def dead_items(self, limit: int) -> list[Item]:
        """The oldest of them."""
        sql = f"SELECT {_ITEM} FROM queue_items WHERE queue = ? AND due = ? ORDER BY id LIMIT ?"
        return await self._items(await self._store.query(sql, (self.name, _DEAD, limit)))

    async def revive(self, id: int) -> bool:
        """Let a dead item be claimed again. Whether there was such a one."""
        sql = "UPDATE queue_items SET due = ?, reason = '' WHERE id = ? AND due = ? RETURNING id"
        [rows] = await self._store.transact((sql, (self._now_ms(), id, _DEAD)))
        if rows:
            self.ring()
        return bool(rows)

    async def free(self) -> int:
        """Let go of every lease: for the one server of a data directory, at its start. How many there were."""
        sql = (
            "UPDATE queue_items SET due = ?, token = 0 WHERE queue = ? AND due > ? AND due < ? AND token <> 0 "
            "RETURNING id"
        )
        now = self._now_ms()
        [rows] = await self._store.transact((sql, (now, self.name, now, _DEAD)))
        return len(rows)

    async def counts(self) -> Counts:
        """Counted, which takes longer the more there is."""
        sql = (
            "SELECT COUNT(*), SUM(CASE WHEN due <= ? THEN 1 ELSE 0 END), SUM(CASE WHEN due = ? THEN 1 ELSE 0 END) "
            "FROM queue_items WHERE queue = ?"
        )
        [(all_, claimable, dead)] = await self._store.query(sql, (self._now_ms(), _DEAD, self.name))
        return Counts(claimable or 0, all_ - (claimable or 0) - (dead or 0), dead or 0)

    async def clear(self) -> int:
        """Empty it, also of what is claimed. How many items went."""
        [rows] = await self._store.transact(("DELETE FROM queue_items WHERE queue = ? RETURNING blob", (self.name,)))
        await self._house.bodies.drop(row[0] for row in rows)
        return len(rows)

    async def _set_due(self, item: Item, due: int, token: int, reason: str = "") -> bool:
        sql = "UPDATE queue_items SET due = ?, token = ?, reason = ? WHERE id = ? AND token = ? RETURNING id"
        [rows] = await self._store.transact((sql, (due, token, reason, item.id, item.token)))
        return bool(rows)

    async def _items(self, rows: Sequence[Row]) -> list[Item]:
        fetch = self._house.bodies.fetch
        return [
            Item(id, token, attempts, put_at / 1000, await fetch(body, blob), reason, blob)
            for id, token, attempts, put_at, reason, blob, body in rows
        ]

    def _now_ms(self) -> int:
        return _ms(self._clock.now())


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
