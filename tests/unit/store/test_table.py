"""store/table.py: memory and disk say the same, whatever fails."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from samovar.store.sqlite import Store, StoreError, open_store
from samovar.store.table import Table


class Record(msgspec.Struct, frozen=True):
    text: str
    number: int = 0


@pytest.fixture(params=["directory", "memory"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "directory" else None


def run(path: Path | None, body: Callable[[Store, Table[Record]], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        store = await open_store(path)
        try:
            await body(store, await Table.open(store, "records of a test", Record))
        finally:
            await store.close()

    asyncio.run(main())


async def reread(store: Store) -> list[tuple[tuple[str, ...], Record]]:
    """What is on disk, whatever memory says."""
    return (await Table.open(store, "records of a test", Record)).items()


async def fill_the_disk(store: Store) -> None:
    [(pages,)] = await store.query("PRAGMA page_count")
    await store.transact((f"PRAGMA max_page_count = {pages}", ()))


HUGE = Record("x" * 1_000_000)


def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    async def write(store: Store, table: Table[Record]) -> None:
        await table.put(("a", "ü/1"), Record("one", 2**53))
        await table.put(("b",), Record("gone"))
        assert await table.delete(("b",))
        assert not await table.delete(("b",))

    async def read(store: Store, table: Table[Record]) -> None:
        assert table.items() == [(("a", "ü/1"), Record("one", 2**53))]
        assert table.get(("b",)) is None

    run(tmp_path, write)
    run(tmp_path, read)


def test_memory_changes_at_once_and_the_await_is_the_commit(path: Path | None) -> None:
    async def body(store: Store, table: Table[Record]) -> None:
        async def increment() -> None:
            old = table.get(("n",)) or Record("n")
            await table.put(("n",), Record("n", old.number + 1))

        await asyncio.gather(*(increment() for _ in range(100)))
        assert table.get(("n",)) == Record("n", 100)
        assert await reread(store) == [(("n",), Record("n", 100))]

    run(path, body)


def test_items_are_sorted_and_begin_with_the_prefix(path: Path | None) -> None:
    async def body(store: Store, table: Table[Record]) -> None:
        keys = [("1", "b"), ("1", "a"), ("10", "a"), ("1",), ("2", "a")]
        for key in keys:
            await table.put(key, Record("-"))
        assert [key for key, _ in table.items(("1",))] == [("1",), ("1", "a"), ("1", "b")]
        await table.delete(("1", "a"))
        await table.put(("1", "c"), Record("-"))
        assert [key for key, _ in table.items(("1",))] == [("1",), ("1", "b"), ("1", "c")]
        assert [key for key, _ in table.items()] == sorted(set(keys) - {("1", "a")} | {("1", "c")})

    run(path, body)


def test_a_failed_commit_puts_memory_back(path: Path | None) -> None:
    async def body(store: Store, table: Table[Record]) -> None:
        await table.put(("kept",), Record("old"))
        await fill_the_disk(store)
        for key in (("kept",), ("new",)):
            writing = asyncio.create_task(table.put(key, HUGE))
            await asyncio.sleep(0)
            assert table.get(key) == HUGE, "memory changes before the commit"
            with pytest.raises(StoreError, match="full"):
                await writing
        assert table.items() == [(("kept",), Record("old"))] == await reread(store)

    run(path, body)


def test_a_failed_commit_does_not_undo_what_came_after_it(path: Path | None) -> None:
    async def body(store: Store, table: Table[Record]) -> None:
        await table.put(("k",), Record("old"))
        await fill_the_disk(store)
        writes = (table.put(("k",), HUGE), table.put(("k",), Record("new")), table.put(("k",), HUGE))
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StoreError, type(None), StoreError]
        assert table.get(("k",)) == Record("new")
        assert await reread(store) == [(("k",), Record("new"))]

    run(path, body)


def test_a_cancelled_writer_leaves_memory_and_disk_agreed(path: Path | None) -> None:
    async def body(store: Store, table: Table[Record]) -> None:
        await fill_the_disk(store)
        tasks = [asyncio.create_task(table.put(("k",), HUGE)), asyncio.create_task(table.put(("l",), Record("l")))]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await store.transact()
        assert table.items() == await reread(store)
        assert table.get(("k",)) is None

    run(path, body)


def test_several_tables_change_together_or_not_at_all(path: Path | None) -> None:
    async def body(store: Store, table: Table[Record]) -> None:
        other = await Table.open(store, "another", Record)
        await table.put(("a",), Record("a"))
        with pytest.raises(StoreError):
            await store.transact(table.deleting(("a",)), other.putting(("b",), Record("b")), ("no sql", ()))
        assert table.get(("a",)) == Record("a")
        assert other.get(("b",)) is None
        await store.transact(table.deleting(("a",)), other.putting(("b",), Record("b")))
        assert table.get(("a",)) is None
        assert other.get(("b",)) == Record("b")

    run(path, body)


def test_clear_empties_this_table_only(path: Path | None) -> None:
    async def body(store: Store, table: Table[Record]) -> None:
        other = await Table.open(store, "another", Record)
        for owner in (table, other):
            await owner.put(("a",), Record("a"))
        await table.clear()
        assert not table.items()
        assert not await reread(store)
        assert len(other) == 1

    run(path, body)


def test_a_type_may_grow_by_members_with_defaults(tmp_path: Path) -> None:
    class Before(msgspec.Struct):
        text: str

    async def main() -> None:
        store = await open_store(tmp_path)
        await (await Table.open(store, "growing", Before)).put(("k",), Before("t"))
        assert (await Table.open(store, "growing", Record)).get(("k",)) == Record("t", 0)
        await store.close()

    asyncio.run(main())


def test_any_changes_leave_the_keys_in_order(path: Path | None) -> None:
    async def body(store: Store, table: Table[Record]) -> None:
        chance, model = random.Random(7), dict[tuple[str, ...], Record]()
        for step in range(300):
            key = (chance.choice("ab"), str(chance.randrange(20)))
            if chance.random() < 0.4:
                model.pop(key, None)
                await table.delete(key)
            else:
                model[key] = Record("x", step)
                await table.put(key, model[key])
            prefix = chance.choice([(), ("a",), ("b",), ("a", "1"), ("c",)])
            start = chance.choice([(), ("a", "15"), ("b", "0"), ("b", "9"), ("c",)])
            expected = [(k, v) for k, v in sorted(model.items()) if k[: len(prefix)] == prefix]
            assert table.items(prefix) == expected
            assert list(table.scan(prefix, start)) == [each for each in expected if each[0] >= start]

    run(path, body)


def test_a_page_reads_no_other_records() -> None:
    class Counting(dict[tuple[str, ...], Record]):
        reads = 0

        def __getitem__(self, key: tuple[str, ...]) -> Record:
            self.reads += 1
            return super().__getitem__(key)

    async def body(store: Store, table: Table[Record]) -> None:
        await store.transact(*(table.putting(("a", f"{number:05d}"), Record("x", number)) for number in range(10_000)))
        table._records = counting = Counting(table._records)
        page = [record.number for _, record in islice(table.scan(("a",), ("a", "05000")), 50)]
        assert page == list(range(5000, 5050))
        assert counting.reads == 50

    run(None, body)
