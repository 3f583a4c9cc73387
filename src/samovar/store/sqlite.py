"""What lasts, on one machine: a SQLite database in WAL mode.

Owns: the database file of a data directory, its lock, and its schema versions. Refuses: knowing what anybody stores.

1. `transact` returns after the fsync; nothing may be acknowledged earlier (design.md §7).
2. Writes go through one thread with group commit (`writer.py`), reads through another on a snapshot: the event loop
   touches neither the disk nor the database.
3. One server per data directory.
4. SQL is the common subset of SQLite >= 3.35 and PostgreSQL >= 14.
5. Every owner of tables names itself and its migrations; data written by a newer version is refused.

A query started after a transaction has returned sees that transaction.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from samovar.store.errors import StoreBusy, StoreError
from samovar.store.lock import DirectoryLock
from samovar.store.writer import Change, Many, Procedure, Row, Statement, Steps, Transaction, Writer

__all__ = [
    "Change",
    "Many",
    "Procedure",
    "Row",
    "Statement",
    "Steps",
    "Store",
    "StoreBusy",
    "StoreError",
    "open_store",
]

_OLDEST_SQLITE = (3, 35, 0)  # RETURNING
_SCHEMA = "CREATE TABLE IF NOT EXISTS schema_versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL)"


async def open_store(path: Path | None) -> "Store":
    """Open the data directory `path`, made with mode 0700 when it isn't there; None keeps everything in memory.

    Raises StoreBusy when another server holds the directory, StoreError when it cannot be used.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(f"this Python carries SQLite {sqlite3.sqlite_version}; Samovar needs 3.35 or later")
    store = await asyncio.to_thread(Store, path, asyncio.get_running_loop())
    await store.transact((_SCHEMA, ()))
    return store


class Store:
    """Made by `open_store`."""

    def __init__(self, directory: Path | None, loop: asyncio.AbstractEventLoop) -> None:
        self._directory = directory
        self._where = "memory" if directory is None else str(directory)
        self._lock = None if directory is None else DirectoryLock(directory)
        try:
            connection = _connect(directory)
            # A database in memory has one connection, so its reader and its writer take turns.
            self._reading = connection if directory is None else _connect(directory)
        except sqlite3.Error as error:
            self._unlock()
            raise StoreError(
                f"cannot open the database in {self._where}: {error}; set samovar.db there right, or choose another "
                "data directory (--data-dir)"
            ) from error
        self._connection = connection
        self._turn = threading.Lock() if directory is None else nullcontext()
        self._reader = ThreadPoolExecutor(1, "samovar-reader")
        self.at_once = False
        """Whether reads are done in the caller's thread: quicker than going to another and back, while a start waits
        for them and nobody is served."""
        self._loop = loop
        self._writer = Writer(connection, self._where, self._turn, loop)
        self._closed = False

    @property
    def commits(self) -> int:
        """How many groups were committed so far."""
        return self._writer.commits

    async def transact(self, *steps: Statement | Many | Procedure | Change) -> list[list[Row]]:
        """Run `steps` as one transaction; the rows of each, after the commit has reached the disk.

        Raises StoreError with nothing applied. Changes touch memory before the first suspension.
        """
        self._check_open()
        transaction = Transaction(steps, self._loop.create_future())
        self._writer.submit(transaction)
        return await transaction.future

    async def query(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        self._check_open()
        if self.at_once:
            return self._read(sql, params)
        return await self._loop.run_in_executor(self._reader, self._read, sql, params)

    async def migrate(self, name: str, statements: Sequence[str]) -> None:
        """Bring the tables of `name` up to date: `statements` only ever grows, and the version is how many have run."""
        found = await self.query("SELECT version FROM schema_versions WHERE name = ?", (name,))
        version = int(found[0][0]) if found else 0
        if version > len(statements):
            raise StoreError(
                f"{self._where} was written by a newer Samovar ({name} is at version {version}, this one knows "
                f"{len(statements)}); run that version, or choose another data directory"
            )
        if version == len(statements):
            return
        await self.transact(
            *((sql, ()) for sql in statements[version:]),
            (
                "INSERT INTO schema_versions (name, version) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET version = excluded.version",
                (name, len(statements)),
            ),
        )

    async def close(self) -> None:
        """Finish what was submitted, then let go of the directory."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._writer.finish()
        self._reader.shutdown()
        self._reading.close()
        self._connection.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the store in {self._where} is closed")

    def _read(self, sql: str, params: Sequence[object]) -> list[Row]:
        try:
            with self._turn:
                return self._reading.execute(sql, params).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"cannot read from {self._where}: {error}") from error


def _connect(directory: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(
        ":memory:" if directory is None else directory / "samovar.db",
        isolation_level=None,  # transactions are ours, not the module's
        check_same_thread=False,  # opened and closed on other threads than the one that uses it
        cached_statements=512,
    )
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection
