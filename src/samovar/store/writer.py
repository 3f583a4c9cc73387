"""The one thread that writes: group commit.

Owns: the writing connection and the queue before it. Refuses: reads, and knowing what the statements mean.

1. Whatever waits when the writer becomes free is one group: one BEGIN, one COMMIT, one fsync (execution.md §5).
2. A transaction inside a group stands behind its own SAVEPOINT: when it fails, only it fails.
3. When the group as a whole cannot be committed (disk full, I/O error), each of its transactions is tried alone.
4. Outcomes reach the event loop after the fsync, in the order of submission.
5. A procedure that fails, whatever it raises, fails its own transaction and nothing else.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from samovar.store.errors import StoreError

_log = logging.getLogger(__name__)

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[object]]


class Many(msgspec.Struct, frozen=True):
    """One statement for many parameter rows; gives no rows back."""

    sql: str
    rows: Sequence[Sequence[object]]


Steps = Generator["Statement | Many", list[Row], list[Row]]
"""Yields statements, is sent the rows of each, and returns the rows of the whole."""


class Procedure(msgspec.Struct, frozen=True):
    """Statements that depend on what the ones before them found. `steps` runs on the writer's thread, and may run
    again from its beginning when its group had to be tried anew: it reads and changes nothing but its own names."""

    steps: Callable[[], Steps]


class Change(Protocol):
    """A statement with a copy in memory to keep in step (see `table.py`)."""

    @property
    def statement(self) -> Statement: ...

    def apply(self) -> None:
        """Change memory; runs at once, before the statement is written."""
        ...

    def settle(self, committed: bool) -> None:
        """Keep the change, or put memory back."""
        ...


# What sqlite3 raises for a statement that it will not run; all but the first for parameters that it cannot bind.
_REFUSALS = (sqlite3.Error, sqlite3.Warning, ValueError, TypeError, OverflowError, MemoryError)


class Transaction:
    """Statements that happen together or not at all, and the future that says which."""

    def __init__(
        self, steps: Sequence[Statement | Many | Procedure | Change], future: asyncio.Future[list[list[Row]]]
    ) -> None:
        self.statements: list[Statement | Many | Procedure] = []
        self._changes: list[Change] = []
        for step in steps:
            if isinstance(step, (tuple, Many, Procedure)):
                self.statements.append(step)
            else:
                self.statements.append(step.statement)
                self._changes.append(step)
        self.future = future
        self.rows: list[list[Row]] = []
        self.error: StoreError | None = None

    def apply(self) -> None:
        for change in self._changes:
            change.apply()

    def settle(self) -> None:
        """Tell memory first, then whoever waits, who may be gone: a cancelled caller doesn't undo a commit."""
        for change in self._changes:
            change.settle(self.error is None)
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.rows)
        else:
            self.future.set_exception(self.error)


class Writer:
    def __init__(
        self,
        connection: sqlite3.Connection,
        where: str,
        turn: AbstractContextManager[object],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`turn` is held during a group, for the reader that shares an in-memory connection."""
        self._connection = connection
        self._where = where
        self._turn = turn
        self._loop = loop
        self._queue: queue.SimpleQueue[Transaction | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="samovar-writer", daemon=True)
        self.commits = 0
        """Groups committed so far: how often the disk was asked."""
        self._thread.start()

    def submit(self, transaction: Transaction) -> None:
        """Apply the transaction to memory now, and write it when its turn comes."""
        if not self._thread.is_alive():
            raise StoreError(f"the store in {self._where} is closed")
        transaction.apply()
        self._queue.put(transaction)

    def finish(self) -> None:
        """Write what waits, then end the thread. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            group: list[Transaction] = []
            waiting: Transaction | None = self._queue.get()
            while waiting is not None:
                group.append(waiting)
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
            else:
                closing = True
            if group:
                with self._turn:
                    self._write(group)
                self._loop.call_soon_threadsafe(_settle, group)

    def _write(self, group: list[Transaction]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for transaction in group:
                self._attempt(transaction)
            self._connection.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if len(group) > 1:
                for transaction in group:
                    transaction.rows, transaction.error = [], None
                    self._write([transaction])
            else:
                group[0].error = self._refusal(error)

    def _attempt(self, transaction: Transaction) -> None:
        """Run one transaction of the group. Raises only when it took the whole group down with it."""
        if len(transaction.statements) == 1 and isinstance(transaction.statements[0], tuple):
            self._attempt_one(transaction, transaction.statements[0])
            return
        self._connection.execute("SAVEPOINT one")
        try:
            transaction.rows = [self._execute(statement) for statement in transaction.statements]
        except _REFUSALS as error:
            # SQLite answers some errors (disk full, I/O) by rolling everything back: then the group has failed.
            if isinstance(error, sqlite3.Error) and not self._connection.in_transaction:
                raise
            transaction.error = self._refusal(error)
            self._connection.execute("ROLLBACK TO one")
        except Exception as error:  # noqa: BLE001 - a bug in a procedure must not end the thread that everybody needs
            _log.exception("a procedure of a transaction failed")
            transaction.error = self._refusal(error)
            self._connection.execute("ROLLBACK TO one")
        self._connection.execute("RELEASE one")

    def _attempt_one(self, transaction: Transaction, statement: Statement) -> None:
        """A statement alone happens entirely or not at all by itself: that saves two thirds of the work."""
        try:
            transaction.rows = [self._execute(statement)]
        except _REFUSALS as error:
            if isinstance(error, sqlite3.Error) and not self._connection.in_transaction:
                raise
            transaction.error = self._refusal(error)

    def _run_procedure(self, procedure: Procedure) -> list[Row]:
        steps = procedure.steps()
        try:
            statement = next(steps)
            while True:
                statement = steps.send(self._execute(statement))
        except StopIteration as returned:
            rows: list[Row] = returned.value
            return rows

    def _execute(self, statement: Statement | Many | Procedure) -> list[Row]:
        if isinstance(statement, Procedure):
            return self._run_procedure(statement)
        if isinstance(statement, Many):
            self._connection.executemany(statement.sql, statement.rows)
            return []
        return self._connection.execute(*statement).fetchall()

    def _refusal(self, error: Exception) -> StoreError:
        refusal = StoreError(f"cannot write to {self._where}: {error}")
        refusal.__cause__ = error
        return refusal


def _settle(group: list[Transaction]) -> None:
    for transaction in group:
        transaction.settle()
