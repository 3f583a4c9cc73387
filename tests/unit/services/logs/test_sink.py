"""services/logs/sink.py: the way in for what functions print."""

import asyncio
import logging
from pathlib import Path

import pytest

from samovar.core.clock import FakeClock
from samovar.core.meter import Meter
from samovar.services import logs
from samovar.services.logs import sink
from samovar.store.sqlite import open_store

ACCOUNT, REGION = "111111111111", "us-east-1"


def test_the_first_event_creates_group_and_stream(run):
    async def body(lab):
        lab.sink.append(ACCOUNT, REGION, "/aws/lambda/f", "2026/11/22/[$LATEST]ab", [(lab.now(), "hello")])
        [group] = (await lab.call("DescribeLogGroups", logGroupNamePrefix="/aws/lambda/f"))["logGroups"]
        assert group["logGroupName"] == "/aws/lambda/f"
        [stream] = (await lab.call("DescribeLogStreams", logGroupName="/aws/lambda/f"))["logStreams"]
        assert (stream["logStreamName"], stream["lastEventTimestamp"]) == ("2026/11/22/[$LATEST]ab", lab.now())

    run(body)


@pytest.mark.parametrize("operation", ["GetLogEvents", "FilterLogEvents"])
def test_a_log_is_complete_as_soon_as_it_was_appended(run, operation):
    async def body(lab):
        for number in range(1000):
            lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), f"a{number}"), (lab.now(), f"b{number}")])
        which = {"logStreamName": "s", "startFromHead": True} if operation == "GetLogEvents" else {}
        answer = await lab.call(operation, logGroupName="g", **which)
        assert [event["message"] for event in answer["events"]] == [f"{x}{n}" for n in range(1000) for x in "ab"]
        assert lab.sink.backlog_bytes == 0

    run(body)


def test_who_holds_lines_back_is_reminded_once_before_the_next_write(run):
    async def body(lab):
        reminded: list[int] = []

        def holds() -> None:
            reminded.append(1)
            lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "held")])

        lab.sink.remind(holds)
        lab.sink.remind(holds)
        assert await lab.messages() == ["held"]
        assert await lab.messages() == ["held"]
        assert reminded == [1]

    run(body)


def test_what_is_held_back_is_written_though_nothing_else_is(run):
    async def body(lab):
        written = asyncio.Event()

        def holds() -> None:
            lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "held")])
            written.set()

        lab.sink.remind(holds)
        async with asyncio.timeout(10):
            await written.wait()

    run(body)


def test_events_are_written_without_anybody_asking(run):
    async def body(lab):
        lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "hello")])
        async with asyncio.timeout(10):
            while lab.sink.backlog_bytes:  # noqa: ASYNC110 - nothing tells; that it happens unasked is the point
                await asyncio.sleep(0.001)
        assert await lab.store.query("SELECT message FROM log_events") == [("hello",)]

    run(body)


def test_much_is_written_at_once(run, monkeypatch):
    monkeypatch.setattr(sink, "_INTERVAL_S", 3600.0)

    async def body(lab):
        part = "x" * (lab.sink.limit_bytes // 16 // 200_000 + 1)
        lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "hello")])
        lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), part * 200) for _ in range(1000)])
        async with asyncio.timeout(30):
            while lab.sink.backlog_bytes:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.001)
        assert await lab.store.query("SELECT COUNT(*) FROM log_events") == [(1001,)]

    run(body)


def test_streams_and_accounts_and_regions_are_kept_apart(run):
    async def body(lab):
        for account, region in ((ACCOUNT, REGION), ("222222222222", REGION), (ACCOUNT, "eu-west-1")):
            lab.sink.append(account, region, "f", "s", [(lab.now(), f"{account} {region}")])
        for account, region in ((ACCOUNT, REGION), ("222222222222", REGION), (ACCOUNT, "eu-west-1")):
            assert await lab.messages("f", account=account, region=region) == [f"{account} {region}"]

    run(body)


def test_the_backlog_can_be_read_and_is_bounded(run):
    async def body(lab):
        lab.sink.limit_bytes = 1000
        for _ in range(5):
            lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "x" * 474)])
        assert lab.sink.backlog_bytes == 1000
        assert lab.sink.dropped_events == 3
        assert len(await lab.messages()) == 2
        lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "fits again")])
        assert len(await lab.messages()) == 3

    run(body)


def test_a_message_that_utf8_cannot_carry_does_not_stop_the_others(run):
    async def body(lab):
        lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "half \ud800 pair"), (lab.now(), "é\0whole")])
        assert await lab.messages() == ["half ? pair", "é\0whole"]

    run(body)


def test_when_the_store_refuses_events_wait_and_are_written_later(run, caplog):
    async def body(lab):
        [(pages,)] = await lab.store.query("PRAGMA page_count")
        await lab.store.transact((f"PRAGMA max_page_count = {pages}", ()))
        lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "x" * 100_000)])
        assert await lab.messages() == [], "reading works, only the new events are missing"
        assert lab.sink.backlog_bytes > 100_000
        await lab.store.transact(("PRAGMA max_page_count = 1000000", ()))
        assert await lab.messages() == ["x" * 100_000]

    with caplog.at_level(logging.WARNING):
        run(body)
    assert "function logs wait for the store" in caplog.text


def test_a_reader_that_hangs_up_loses_and_doubles_nothing(run):
    async def body(lab):
        for number in range(20):
            lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), str(number))])
            reading = asyncio.create_task(lab.messages())
            for _ in range(number):
                await asyncio.sleep(0)
            reading.cancel()
        assert await lab.messages() == [str(number) for number in range(20)]

    run(body)


def test_closing_writes_what_waits(tmp_path: Path):
    async def write() -> None:
        store = await open_store(tmp_path)
        service, sink = await logs.build(store, FakeClock(), Meter(FakeClock()))
        sink.append(ACCOUNT, REGION, "f", "s", [(1_700_000_000_000, "last words")])
        assert service.close is not None
        await service.close()
        await store.close()

    async def read() -> None:
        store = await open_store(tmp_path)
        assert await store.query("SELECT message FROM log_events") == [("last words",)]
        await store.close()

    asyncio.run(write())
    asyncio.run(read())


def test_a_deleted_group_takes_its_pending_events_along(run):
    async def body(lab):
        lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "old")])
        await lab.call("DeleteLogGroup", logGroupName="g")
        lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "new")])
        assert await lab.messages() == ["new"]

    run(body)


def test_reset_empties_everything_at_once(run):
    async def body(lab):
        await lab.put((lab.now(), "stored"))
        lab.sink.append(ACCOUNT, REGION, "f", "s", [(lab.now(), "waiting")])
        await lab.service.reset()
        assert (await lab.call("DescribeLogGroups", logGroupNamePrefix="new"))["logGroups"] == []
        for table in ("log_events", "log_streams"):
            assert await lab.store.query(f"SELECT count(*) FROM {table}") == [(0,)]

    run(body)


def test_reset_forgets_what_is_held_back_as_well(run):
    async def body(lab):
        reminded: list[int] = []

        def holds() -> None:
            reminded.append(1)
            lab.sink.append(ACCOUNT, REGION, "g", "s", [(lab.now(), "held")])

        lab.sink.remind(holds)
        await lab.service.reset()
        assert reminded == [1], "who isn't reminded holds it until the next time"
        assert await lab.store.query("SELECT count(*) FROM log_events") == [(0,)]
        assert lab.sink.backlog_bytes == 0

    run(body)
