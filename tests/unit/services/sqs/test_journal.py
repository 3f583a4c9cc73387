"""services/sqs/journal.py: what each operation costs, and what a receive does with expired and poisoned messages."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec
import pytest

from samovar.services.sqs import journal
from samovar.services.sqs.journal import DROPPED, MOVED, TAKEN, Receiving, Sending
from samovar.services.sqs.messages import Envelope
from samovar.store.sqlite import Many, Procedure, Statement, Store, open_store

BOX, DEAD, NOW = 1, 2, 1_000_000


def run(body: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        store = await open_store(None)
        try:
            await store.migrate("sqs", journal.MIGRATIONS)
            await body(store)
        finally:
            await store.close()

    asyncio.run(main())


def message(seq: int, lane: str = "", sent: int = NOW) -> Sending:
    envelope = Envelope("id", "md5", "sender", dedup=str(seq))
    return Sending(BOX, seq, NOW, sent, envelope, f"m{seq}", "", lane, 1, "")


def order(fifo: bool = False, **changes: Any) -> Receiving:
    return msgspec.structs.replace(Receiving(BOX, NOW, 10, NOW + 30, 0, fifo), **changes)


async def send(store: Store, *messages: Sending) -> None:
    fifo = bool(messages[0].lane)
    steps = Procedure(partial(journal.send_fifo, list(messages))) if fifo else journal.sending(messages)
    await store.transact(steps)


class Watching:
    """Runs procedures, and notes every statement that they ask for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._statements: list[Statement] = []

    async def __call__(self, steps: Any) -> list[Any]:
        def watched() -> Any:
            inner = steps()
            rows = None
            try:
                while True:
                    statement = inner.send(rows)
                    if not isinstance(statement, Many):
                        self._statements.append(statement)
                    rows = yield statement
            except StopIteration as returned:
                return returned.value

        [rows] = await self._store.transact(Procedure(watched))
        return rows

    async def scans(self) -> list[str]:
        """The statements that would read a whole table."""
        found = []
        for sql, params in dict(self._statements).items():
            plan = await self._store.query(f"EXPLAIN QUERY PLAN {sql}", params)
            found += [sql for row in plan if row[3].startswith("SCAN") and "CONSTANT" not in row[3]]
        return found


@pytest.mark.parametrize("lane", ["", "g"])
def test_every_operation_finds_its_rows_by_an_index(lane: str) -> None:
    async def body(store: Store) -> None:
        do = Watching(store)
        await do(partial(journal.send_fifo, [message(0, "g"), message(1, "g")]))
        await send(store, message(2, lane), message(3, lane))
        dying = order(bool(lane), max_receives=1, dead_box=DEAD)
        await do(partial(journal.receive, dying))
        await do(partial(journal.hide, BOX, 0, 1, NOW, NOW))
        await do(partial(journal.receive, dying))
        await do(partial(journal.receive, order(bool(lane), box=DEAD)))
        await do(partial(journal.receive_again, DEAD, [(0, 2)], NOW, NOW + 9))
        await do(partial(journal.delete_fifo, DEAD, 0, 2, NOW))
        await do(partial(journal.expire, BOX, NOW + 1, 10))
        await do(partial(journal.sweep, BOX, 10))
        assert await do.scans() == []

    run(body)


@pytest.mark.parametrize("fifo", [False, True])
def test_a_receive_drops_expired_messages_moves_poisoned_ones_and_takes_the_rest(fifo: bool) -> None:
    async def body(store: Store) -> None:
        for seq, sent in ((1, NOW - 100), (2, NOW), (3, NOW)):
            await send(store, message(seq, f"g{seq}" if fifo else "", sent))
        await store.transact(("UPDATE sqs_messages SET receives = 5 WHERE seq = 2", ()))
        wish = order(fifo, oldest=NOW - 50, max_receives=5, dead_box=DEAD, source_arn="arn")
        [rows] = await store.transact(Procedure(partial(journal.receive, wish)))
        assert sorted((row[0], row[1]) for row in rows) == [(DROPPED, 1), (MOVED, 2), (TAKEN, 3)]
        left = await store.query("SELECT box, seq, source FROM sqs_messages ORDER BY seq")
        assert left == [(DEAD, 2, "arn"), (BOX, 3, "")]
        lanes = await store.query("SELECT box, lane FROM sqs_lanes ORDER BY lane")
        assert lanes == ([(DEAD, "g2"), (BOX, "g3")] if fifo else [])

    run(body)


def test_a_receive_of_many_poisoned_messages_lets_others_have_their_turn() -> None:
    async def body(store: Store) -> None:
        await send(store, *(message(seq) for seq in range(3000)))
        await store.transact(("UPDATE sqs_messages SET receives = 5", ()))
        wish = order(max_receives=5, dead_box=DEAD)
        [rows] = await store.transact(Procedure(partial(journal.receive, wish)))
        assert {row[0] for row in rows} == {MOVED}
        assert journal.MOST_MOVES <= len(rows) < 2 * journal.MOST_MOVES

    run(body)
