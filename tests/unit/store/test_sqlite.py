"""store/sqlite.py and writer.py: one contract, for a directory and for memory."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from samovar.store.sqlite import Many, Procedure, Steps, Store, StoreBusy, StoreError, open_store

Body = Callable[[Store], Coroutine[Any, Any, None]]


@pytest.fixture(params=["directory", "memory"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "data" if request.param == "directory" else None


@asynccontextmanager
async def opened(path: Path | None) -> AsyncIterator[Store]:
    store = await open_store(path)
    try:
        yield store
    finally:
        await store.close()


def run(path: Path | None, body: Body) -> None:
    async def main() -> None:
        async with opened(path) as store:
            await store.transact(("CREATE TABLE IF NOT EXISTS t (k TEXT PRIMARY KEY, v INTEGER NOT NULL)", ()))
            await body(store)

    asyncio.run(main())


def insert(key: str, value: object = 1) -> tuple[str, tuple[object, ...]]:
    return ("INSERT INTO t (k, v) VALUES (?, ?)", (key, value))


def test_a_query_sees_every_transaction_that_returned_before_it(path: Path | None) -> None:
    async def body(store: Store) -> None:
        for number in range(50):
            await store.transact(insert(str(number)))
            assert await store.query("SELECT count(*) FROM t") == [(number + 1,)]

    run(path, body)


def test_each_statement_gives_its_rows(path: Path | None) -> None:
    async def body(store: Store) -> None:
        rows = await store.transact(
            insert("a", 1),
            ("UPDATE t SET v = v + 1 WHERE k = ? RETURNING k, v", ("a",)),
            Many("INSERT INTO t (k, v) VALUES (?, ?)", [("b", 1), ("c", 1)]),
            ("SELECT count(*) FROM t", ()),
        )
        assert rows == [[], [("a", 2)], [], [(3,)]]

    run(path, body)


def test_a_transaction_happens_entirely_or_not_at_all(path: Path | None) -> None:
    async def body(store: Store) -> None:
        await store.transact(insert("taken"))
        with pytest.raises(StoreError, match="UNIQUE constraint failed"):
            await store.transact(insert("new"), insert("taken"))
        assert await store.query("SELECT k FROM t") == [("taken",)]

    run(path, body)


@pytest.mark.parametrize("unfit", [object(), 2**70, "\ud800", float("nan")])
def test_a_value_that_cannot_be_stored_fails_alone_and_the_writer_lives_on(path: Path | None, unfit: object) -> None:
    async def body(store: Store) -> None:
        outcomes = await asyncio.gather(
            store.transact(insert("before")),
            store.transact(insert("unfit", unfit)),
            store.transact(insert("after")),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [list, StoreError, list]
        assert await store.query("SELECT k FROM t ORDER BY k") == [("after",), ("before",)]

    run(path, body)


def test_what_waits_together_is_committed_together(path: Path | None) -> None:
    async def body(store: Store) -> None:
        before = store.commits
        await asyncio.gather(*(store.transact(insert(str(number))) for number in range(500)))
        assert await store.query("SELECT count(*) FROM t") == [(500,)]
        assert store.commits - before < 100, "500 transactions submitted at once must share commits"

    run(path, body)


def test_a_failure_inside_a_group_leaves_the_others_alone(path: Path | None) -> None:
    async def body(store: Store) -> None:
        outcomes = await asyncio.gather(
            *(store.transact(insert(str(number // 2))) for number in range(200)), return_exceptions=True
        )
        failed = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, StoreError)]
        assert failed == list(range(1, 200, 2))
        assert await store.query("SELECT count(*) FROM t") == [(100,)]

    run(path, body)


def test_a_cancelled_caller_does_not_undo_or_disturb_the_group(path: Path | None) -> None:
    async def body(store: Store) -> None:
        tasks = [asyncio.create_task(store.transact(insert(str(number)))) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [list, asyncio.CancelledError, list]
        await store.transact(insert("last"))
        assert await store.query("SELECT count(*) FROM t") == [(4,)]

    run(path, body)


def test_closing_finishes_what_was_submitted(tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        tasks = [asyncio.create_task(store.transact(insert(str(number)))) for number in range(100)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*tasks)

    async def count(store: Store) -> None:
        assert await store.query("SELECT count(*) FROM t") == [(100,)]

    run(tmp_path, body)
    run(tmp_path, count)


def test_a_closed_store_says_so(path: Path | None) -> None:
    async def body(store: Store) -> None:
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await store.transact(insert("a"))
        with pytest.raises(StoreError, match="closed"):
            await store.query("SELECT 1")

    run(path, body)


def test_a_bad_query_is_a_store_error(path: Path | None) -> None:
    async def body(store: Store) -> None:
        with pytest.raises(StoreError, match="no such table"):
            await store.query("SELECT * FROM nowhere")

    run(path, body)


def test_a_full_disk_refuses_writes_and_nothing_else(path: Path | None) -> None:
    async def body(store: Store) -> None:
        await store.transact(insert("before"))
        [(pages,)] = await store.query("PRAGMA page_count")
        await store.transact((f"PRAGMA max_page_count = {pages + 4}", ()))
        outcomes = await asyncio.gather(
            store.transact(insert("small")),
            store.transact(insert("huge" * 100_000)),
            store.transact(insert("small too")),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [list, StoreError, list]
        assert "database or disk is full" in str(outcomes[1])
        assert await store.query("SELECT k FROM t ORDER BY k") == [("before",), ("small",), ("small too",)]

    run(path, body)


def test_migrations_run_once_and_forward(tmp_path: Path) -> None:
    first = ["CREATE TABLE x (a TEXT)"]
    second = [*first, "ALTER TABLE x ADD COLUMN b TEXT NOT NULL DEFAULT 'old'"]

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.migrate("x", first)
            await store.migrate("x", first)
            await store.transact(("INSERT INTO x (a) VALUES ('1')", ()))
        async with opened(tmp_path) as store:
            await store.migrate("x", second)
            assert await store.query("SELECT a, b FROM x") == [("1", "old")]

    asyncio.run(main())


def test_a_migration_that_fails_leaves_nothing_behind(path: Path | None) -> None:
    async def body(store: Store) -> None:
        with pytest.raises(StoreError):
            await store.migrate("x", ["CREATE TABLE x (a TEXT)", "no sql"])
        await store.migrate("x", ["CREATE TABLE x (a TEXT)"])

    run(path, body)


def test_data_written_by_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.migrate("logs", ["CREATE TABLE a (a TEXT)", "CREATE TABLE b (b TEXT)"])
        async with opened(tmp_path) as store:
            with pytest.raises(StoreError, match=r"newer Samovar \(logs is at version 2, this one knows 1\)"):
                await store.migrate("logs", ["CREATE TABLE a (a TEXT)"])

    asyncio.run(main())


def test_the_directory_is_private(tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700

    run(tmp_path / "data", body)


def test_a_second_server_is_refused_and_told_who_holds_the_directory(tmp_path: Path) -> None:
    open_and_close = (
        "import asyncio, pathlib, sys\n"
        "from samovar.store.sqlite import open_store\n"
        "async def main(): await (await open_store(pathlib.Path(sys.argv[1]))).close()\n"
        "asyncio.run(main())\n"
    )

    def other() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", open_and_close, tmp_path], capture_output=True, text=True)

    async def body(store: Store) -> None:
        with pytest.raises(StoreBusy, match=f"{tmp_path} is in use by process {os.getpid()}"):
            await open_store(tmp_path)
        refused = await asyncio.to_thread(other)
        assert f"StoreBusy: data directory {tmp_path} is in use by process {os.getpid()}" in refused.stderr

    run(tmp_path, body)
    assert other().returncode == 0, "once closed, the directory is free"


def test_a_python_with_an_older_sqlite_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreError, match=r"needs 3\.35 or later"):
        asyncio.run(open_store(None))


def test_a_directory_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=f"cannot use data directory {tmp_path}/file"):
        asyncio.run(open_store(tmp_path / "file"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "samovar.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=f"cannot open the database in {tmp_path}/data: file is not a database"):
        asyncio.run(open_store(tmp_path / "data"))


def _raise_by(key: str, step: int) -> Steps:
    """Adds `step` to the greatest value so far, for a new key."""
    [(greatest,)] = yield ("SELECT COALESCE(MAX(v), 0) FROM t", ())
    yield insert(key, greatest + step)
    return [(greatest + step,)]


def test_a_procedure_decides_by_what_it_finds_and_others_see_all_of_it_or_nothing(path: Path | None) -> None:
    async def body(store: Store) -> None:
        rows = await asyncio.gather(
            *(store.transact(Procedure(partial(_raise_by, str(number), 2))) for number in range(50))
        )
        assert sorted(value for [[(value,)]] in rows) == list(range(2, 102, 2))
        with pytest.raises(StoreError, match="UNIQUE"):
            await store.transact(insert("other"), Procedure(partial(_raise_by, "7", 2)))
        assert await store.query("SELECT count(*) FROM t") == [(50,)]

    run(path, body)


def test_a_bug_in_a_procedure_fails_its_transaction_and_the_writer_lives_on(
    path: Path | None, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong() -> Steps:
        yield insert("lost")
        raise KeyError("a bug")

    async def body(store: Store) -> None:
        outcomes = await asyncio.gather(
            store.transact(insert("a")), store.transact(Procedure(wrong)), store.transact(insert("b")),
            return_exceptions=True,
        )  # fmt: skip
        assert [type(outcome) for outcome in outcomes] == [list, StoreError, list]
        assert await store.query("SELECT k FROM t ORDER BY k") == [("a",), ("b",)]

    run(path, body)
    assert "a bug" in caplog.text
