"""services/logs/jobs.py: what goes by itself."""

from samovar.core.clock import FakeClock
from samovar.services.logs import jobs
from samovar.services.logs.state import LogsState
from samovar.store.sqlite import Store

DAY_S = 86_400


async def state(store: Store, clock: FakeClock) -> LogsState:
    return await LogsState.open(store, clock)


def test_events_past_the_retention_of_their_group_go(run):
    async def body(lab):
        for group in ("kept", "short"):
            lab.sink.append("111111111111", "us-east-1", group, "s", [(lab.now(), "old"), (lab.now() + 1, "older")])
        await lab.sink.flush()
        await lab.call("PutRetentionPolicy", logGroupName="short", retentionInDays=3)
        lab.clock.advance(3 * DAY_S)
        assert await jobs.sweep(await state(lab.store, lab.clock)) == 0
        lab.clock.advance(1)
        lab.sink.append("111111111111", "us-east-1", "short", "s", [(lab.now(), "new")])
        await lab.sink.flush()
        assert await jobs.sweep(await state(lab.store, lab.clock)) == 2
        assert await lab.messages("short") == ["new"]
        assert await lab.messages("kept") == ["old", "older"]

    run(body)


def test_without_a_retention_policy_events_stay_forever(run):
    async def body(lab):
        await lab.put((lab.now(), "old"))
        await lab.call("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
        await lab.call("DeleteRetentionPolicy", logGroupName="g")
        lab.clock.advance(4000 * DAY_S)
        assert await jobs.sweep(await state(lab.store, lab.clock)) == 0
        assert await lab.messages() == ["old"]

    run(body)


def test_what_was_deleted_is_out_of_sight_at_once_and_off_the_disk_later(run):
    async def body(lab):
        await lab.call("CreateLogStream", logGroupName="g", logStreamName="other")
        await lab.put(*((lab.now(), f"event {number}") for number in range(2500)))
        await lab.put((lab.now(), "stays"), stream="other")
        await lab.call("DeleteLogStream", logGroupName="g", logStreamName="s")
        await lab.call("CreateLogStream", logGroupName="g", logStreamName="s")
        assert await lab.messages() == ["stays"]
        assert await lab.messages(logStreamNames=["s"]) == []
        assert await lab.store.query("SELECT count(*) FROM log_events") == [(2501,)]
        assert await jobs.sweep(await state(lab.store, lab.clock)) == 2500
        assert await lab.store.query("SELECT count(*) FROM log_events") == [(1,)]
        assert await lab.store.query("SELECT * FROM log_garbage") == []

        await lab.call("DeleteLogGroup", logGroupName="g")
        await lab.call("CreateLogGroup", logGroupName="g")
        assert await lab.messages() == []
        assert await jobs.sweep(await state(lab.store, lab.clock)) == 1

    run(body)


def test_ids_are_never_used_twice(run):
    """Not even after a restart: an id is what tells a stream from one of the same name that was deleted."""

    async def body(lab):
        first = await state(lab.store, lab.clock)
        ids = [first.new_id() for _ in range(3)]
        again = await state(lab.store, lab.clock)
        assert again.new_id() > max(ids)

    run(body)
