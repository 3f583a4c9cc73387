"""Small state: records that are read from memory and written through.

Owns: Table, all of whose records stand in the database's one table `records`, as JSON. Refuses: bulk (messages, log
events, items), which is read by SQL.

1. Memory changes at once, so that a read-modify-write without an await in between is atomic on the event loop.
2. The await returns after the commit. When the commit fails, memory returns to what is on disk and the error is raised.
3. Several records, of several tables, change together: `await store.transact(a.putting(k, v), b.deleting(k), ...)`.
4. A record's type grows only by members with defaults; what was written before then still reads.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from samovar.store.sqlite import Statement, Store

Key = tuple[str, ...]
T = TypeVar("T", bound=msgspec.Struct)

_MIGRATIONS = [
    "CREATE TABLE records (name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, key))",
]


class Table(Generic[T]):
    """Made by `Table.open`."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._records: dict[Key, T] = {}
        self.get: Callable[[Key], T | None] = self._records.get
        """The record of a key. It is the dictionary's own, as a request asks for several."""
        self._sorted: list[Key] | None = None
        self._pending: dict[Key, _Pending[T]] = {}
        self.changes = 0
        """How often its memory has changed: for whoever keeps something that follows from the records."""

    @classmethod
    async def open(cls, store: Store, name: str, type: type[T]) -> "Table[T]":
        await store.migrate("records", _MIGRATIONS)
        table = cls(store, name)
        decode = msgspec.json.Decoder(type).decode
        for key, value in await store.query("SELECT key, value FROM records WHERE name = ?", (name,)):
            table._records[tuple(msgspec.json.decode(key, type=list[str]))] = decode(value)
        return table

    def items(self, prefix: Key = ()) -> list[tuple[Key, T]]:
        """The records whose key begins with `prefix`, sorted by key."""
        return list(self.scan(prefix))

    def scan(self, prefix: Key = (), start: Key = ()) -> Iterator[tuple[Key, T]]:
        """The same from the key `start` on, one after the other: for pages. Don't await before it is used up."""
        if self._sorted is None:
            self._sorted = sorted(self._records)
        for at in range(bisect_left(self._sorted, max(prefix, start)), len(self._sorted)):
            key = self._sorted[at]
            if key[: len(prefix)] != prefix:
                break
            yield key, self._records[key]

    def __len__(self) -> int:
        return len(self._records)

    async def put(self, key: Key, value: T) -> None:
        await self._store.transact(self.putting(key, value))

    async def delete(self, key: Key) -> bool:
        """Whether there was such a record."""
        if key not in self._records:
            return False
        await self._store.transact(self.deleting(key))
        return True

    async def clear(self) -> None:
        await self._store.transact(*(self.deleting(key) for key in self._records))

    def putting(self, key: Key, value: T) -> "RecordChange[T]":
        """The change that writes a record, for `Store.transact`; nothing happens before."""
        sql = (
            "INSERT INTO records (name, key, value) VALUES (?, ?, ?) "
            "ON CONFLICT (name, key) DO UPDATE SET value = excluded.value"
        )
        return RecordChange(self, key, value, (sql, (self._name, _text(key), _text(value))))

    def deleting(self, key: Key) -> "RecordChange[T]":
        """The change that removes a record if it is there, for `Store.transact`."""
        sql = "DELETE FROM records WHERE name = ? AND key = ?"
        return RecordChange(self, key, None, (sql, (self._name, _text(key))))

    def _apply(self, key: Key, value: T | None) -> None:
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Pending(self._records.get(key))
        pending.changes += 1
        self._remember(key, value)

    def _settle(self, key: Key, value: T | None, committed: bool) -> None:
        """Changes of one key settle in their order, so the last that was committed is what the disk holds."""
        pending = self._pending[key]
        pending.changes -= 1
        if committed:
            pending.durable = value
        if not pending.changes:
            del self._pending[key]
            self._remember(key, pending.durable)

    def _remember(self, key: Key, value: T | None) -> None:
        self.changes += 1
        if self._sorted is not None and (key in self._records) is (value is None):
            if value is None:
                del self._sorted[bisect_left(self._sorted, key)]
            else:
                insort(self._sorted, key)
        if value is None:
            self._records.pop(key, None)
        else:
            self._records[key] = value


class RecordChange(Generic[T]):
    """One record of one table, about to change (a `Change` for `Store.transact`)."""

    def __init__(self, table: Table[T], key: Key, value: T | None, statement: Statement) -> None:
        self.statement = statement
        self._table = table
        self._key = key
        self._value = value

    def apply(self) -> None:
        self._table._apply(self._key, self._value)

    def settle(self, committed: bool) -> None:
        self._table._settle(self._key, self._value, committed)


class _Pending(Generic[T]):
    """A key with changes on their way to the disk."""

    def __init__(self, durable: T | None) -> None:
        self.durable = durable
        self.changes = 0


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
