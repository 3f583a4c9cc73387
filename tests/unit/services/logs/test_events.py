"""services/logs: reading by the page, whatever the sizes, and time limits of writing (facts/cloudwatch.md §2)."""

import random

import pytest

from samovar.core.errors import AwsError

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


async def filter_pages(lab, **params):
    pages, token = [], None
    while True:
        more = {"nextToken": token} if token else {}
        answer = await lab.call("FilterLogEvents", logGroupName="g", **params, **more)
        pages.append(answer["events"])
        token = answer.get("nextToken")
        if token is None:
            return pages


def test_a_batch_may_reach_two_hours_ahead_and_fourteen_days_back(run):
    async def body(lab):
        now = lab.now()
        oldest = now - 14 * DAY_MS
        answer = await lab.put((oldest - 1, "too old"), (oldest, "oldest"), (oldest + DAY_MS, "b"))
        assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
        answer = await lab.put((now, "now"), (now + 2 * HOUR_MS, "newest"), (now + 2 * HOUR_MS + 1, "too new"))
        assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 2}
        assert await lab.messages() == ["oldest", "b", "now", "newest"]
        answer = await lab.put((now + 2 * HOUR_MS + 1, "too new"))
        assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 0}
        assert "rejectedLogEventsInfo" not in await lab.put((now, "fine"))

    run(body)


def test_events_past_the_retention_are_rejected_as_expired(run):
    async def body(lab):
        await lab.call("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
        answer = await lab.put((lab.now() - DAY_MS - 1, "expired"), (lab.now(), "fresh"))
        assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
        assert await lab.messages() == ["fresh"]

    run(body)


def test_a_batch_of_rejected_events_still_needs_its_stream(run):
    async def body(lab):
        with pytest.raises(AwsError, match="The specified log stream does not exist"):
            await lab.put((1, "too old"), stream="nowhere")

    run(body)


def test_valid_events_of_a_batch_span_at_most_a_day(run):
    async def body(lab):
        await lab.put((lab.now() - DAY_MS, "a"), (lab.now(), "b"))
        with pytest.raises(AwsError, match="cannot span more than 24 hours"):
            await lab.put((lab.now() - DAY_MS - 1, "a"), (lab.now(), "b"))
        await lab.put((1, "too old to count"), (lab.now(), "b"))

    run(body)


def test_a_batch_is_a_megabyte_counted_with_26_bytes_an_event(run):
    async def body(lab):
        half = "é" * ((1_048_576 // 2 - 26) // 2)
        await lab.put((lab.now(), half), (lab.now(), half))
        with pytest.raises(AwsError, match="Upload too large: 1048577 bytes exceeds limit of 1048576"):
            await lab.put((lab.now(), half), (lab.now(), half + "x"))

    run(body)


def test_filtering_turns_pages_of_a_megabyte_without_gap_or_repetition(run):
    async def body(lab):
        rng = random.Random(7)
        sizes = [rng.choice([1, 100, 10_000, 400_000, 1_000_000]) for _ in range(40)]
        for number, size in enumerate(sizes):
            lab.log(lab.now() + number // 3, f"{number} " + "x" * size)
        by_stream = ({"logStreamNames": ["s"]}, {"logStreamNamePrefix": "s"})
        for params in ({}, *by_stream, {"limit": 7}, {"filterPattern": "x"}):
            pages = await filter_pages(lab, **params)
            numbers = [int(event["message"].split()[0]) for page in pages for event in page]
            assert numbers == list(range(40)), params
            assert all(len(page) == 1 or sum(len(event["message"]) for event in page) <= 1_048_576 for page in pages)
        pages = await filter_pages(lab, startFromHead=False, startTime=lab.now())
        assert [int(event["message"].split()[0]) for page in pages for event in page] == list(range(39, -1, -1))

    run(body)


def test_a_search_that_finds_nothing_in_many_megabytes_answers_empty_pages_with_a_token(run):
    async def body(lab):
        for _ in range(20):
            lab.log(lab.now(), "x" * 1_000_000)
        lab.log(lab.now(), "needle")
        pages = await filter_pages(lab, filterPattern="needle")
        assert [len(page) for page in pages] == [0, 1]

    run(body)


def test_get_log_events_turns_the_same_pages_in_both_directions(run):
    async def body(lab):
        await lab.put(*((lab.now() + number // 4, str(number)) for number in range(100)))

        async def read(token, **params):
            which = {"logGroupName": "g", "logStreamName": "s", "limit": 9, **params}
            return await lab.call("GetLogEvents", **which, **({"nextToken": token} if token else {}))

        async def walk(direction, **params):
            seen, token = [], None
            while True:
                answer = await read(token, **params)
                if answer[direction] == token:
                    assert answer["events"] == []
                    return seen, token
                seen.append([int(event["message"]) for event in answer["events"]])
                token = answer[direction]

        forward, end = await walk("nextForwardToken", startFromHead=True)
        assert [number for page in forward for number in page] == list(range(100))
        backward, _ = await walk("nextBackwardToken")
        assert backward[0] == list(range(91, 100)), "the latest page comes first, in ascending order"
        assert [number for page in reversed(backward) for number in page] == list(range(100))

        await lab.put((lab.now() + 1000, "later"))
        assert [event["message"] for event in (await read(end))["events"]] == ["later"]
        middle = (await read(None, startFromHead=True))["nextForwardToken"]
        back = (await read((await read(middle))["nextBackwardToken"]))["events"]
        assert [int(event["message"]) for event in back] == list(range(9)), "a page back from the second is the first"

    run(body)


def test_reading_many_streams_is_one_merged_order(run):
    async def body(lab):
        for number in range(300):
            lab.log(lab.now() + number, str(number), f"m{number % 150:03d}")
        everything = [str(number) for number in range(300)]
        assert await lab.messages() == everything
        assert await lab.messages(logStreamNamePrefix="m") == everything
        assert await lab.messages(logStreamNamePrefix="m00") == [n for n in everything if int(n) % 150 < 10]
        assert await lab.messages(logStreamNamePrefix="nobody") == []
        names = ["m149", "m000", "m007"]
        assert await lab.messages(logStreamNames=names) == ["0", "7", "149", "150", "157", "299"]

    run(body)


def test_event_ids_have_56_digits_and_sort_as_the_events(run):
    async def body(lab):
        await lab.put(*((lab.now() + number // 2, "x") for number in range(50)))
        ids = [event["eventId"] for page in await filter_pages(lab) for event in page]
        assert ids == sorted(set(ids))
        assert {len(id_) for id_ in ids} == {56}

    run(body)


@pytest.mark.parametrize("token", ["f/123", "nonsense", "f/" + "9" * 56, "x/" + "3" * 56, "f/3" + "0" * 55])
def test_a_token_of_nobody_is_refused(run, token):
    async def body(lab):
        for operation, params in (("GetLogEvents", {"logStreamName": "s"}), ("FilterLogEvents", {})):
            with pytest.raises(AwsError, match="The specified nextToken is invalid") as caught:
                await lab.call(operation, logGroupName="g", nextToken=token, **params)
            assert caught.value.code == "InvalidParameterException"
        for operation in ("DescribeLogGroups", "DescribeLogStreams"):
            which = {} if operation == "DescribeLogGroups" else {"logGroupName": "g"}
            with pytest.raises(AwsError, match="The specified nextToken is invalid"):
                await lab.call(operation, nextToken=token, **which)

    run(body)
