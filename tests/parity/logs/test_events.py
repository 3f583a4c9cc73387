"""Log events through boto3 (facts/cloudwatch.md §0-§3)."""

import pytest

NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.", 400)


def messages(answer):
    return [event["message"] for event in answer["events"]]


def test_get_log_events_answers_these_members(logs, group, put, now):
    put((now, "häl\u0000lo\n"))
    answer = logs.get_log_events(logGroupName=group, logStreamName="one")
    [event] = answer["events"]
    assert event.pop("ingestionTime") >= now
    assert event == {"timestamp": now, "message": "häl\u0000lo\n"}
    for key, letter in (("nextForwardToken", "f"), ("nextBackwardToken", "b")):
        kind, digits = answer[key].split("/")
        assert (kind, len(digits), digits.isdigit()) == (letter, 56, True)


def test_get_log_events_without_start_from_head_is_the_latest_page_in_ascending_order(logs, group, put, now):
    put(*((now + number, str(number)) for number in range(10)))
    which = {"logGroupName": group, "logStreamName": "one", "limit": 3}
    assert messages(logs.get_log_events(**which)) == ["7", "8", "9"]
    assert messages(logs.get_log_events(**which, startFromHead=True)) == ["0", "1", "2"]


def test_the_end_is_recognised_by_an_unchanged_token(logs, group, put, now):
    which = {"logGroupName": group, "logStreamName": "one", "startFromHead": True}
    empty = logs.get_log_events(**which)["nextForwardToken"]
    put((now, "1"))
    first = logs.get_log_events(**which, nextToken=empty)
    assert messages(first) == ["1"]
    end = logs.get_log_events(**which, nextToken=first["nextForwardToken"])
    assert messages(end) == []
    assert end["nextForwardToken"] == first["nextForwardToken"]
    put((now, "2"))
    assert messages(logs.get_log_events(**which, nextToken=end["nextForwardToken"])) == ["2"]


def test_start_time_is_included_and_end_time_is_not_except_in_filters(logs, group, put, now):
    put(*((now + number, str(number)) for number in range(5)))
    between = {"logGroupName": group, "startTime": now + 1, "endTime": now + 3}
    assert messages(logs.get_log_events(**between, logStreamName="one")) == ["1", "2"]
    assert messages(logs.filter_log_events(**between)) == ["1", "2", "3"]


def test_a_stream_that_is_not_there(logs, group, refused, now):
    which = {"logGroupName": group, "logStreamName": "no"}
    assert refused(logs.get_log_events, **which) == NO_STREAM
    assert refused(logs.put_log_events, **which, logEvents=[{"timestamp": now, "message": "m"}]) == NO_STREAM
    assert refused(logs.filter_log_events, logGroupName=group, logStreamNames=["one", "no"]) == NO_STREAM


def test_events_out_of_order_are_refused(logs, group, put, refused, now):
    events = [{"timestamp": now, "message": "a"}, {"timestamp": now - 1, "message": "b"}]
    assert refused(logs.put_log_events, logGroupName=group, logStreamName="one", logEvents=events) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
        400,
    )
    assert messages(logs.filter_log_events(logGroupName=group)) == []


def test_old_and_future_events_are_rejected_with_200(put, now):
    day = 86_400_000
    answer = put((now - 15 * day, "old"), (now, "fine"), (now + 3 * 3_600_000, "new"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}


def test_sequence_tokens_are_ignored_and_still_returned(logs, group, put, now):
    assert put((now, "a"))["nextSequenceToken"].isdigit()
    logs.put_log_events(
        logGroupName=group, logStreamName="one", sequenceToken="wrong", logEvents=[{"timestamp": now, "message": "b"}]
    )
    assert messages(logs.filter_log_events(logGroupName=group)) == ["a", "b"]


def test_an_empty_message_is_refused(client, group, refused, now):
    careless = client("logs", parameter_validation=False)
    events = [{"timestamp": now, "message": ""}]
    code, _, status = refused(careless.put_log_events, logGroupName=group, logStreamName="one", logEvents=events)
    assert (code, status) == ("InvalidParameterException", 400)


def test_filter_log_events_interleaves_streams_by_timestamp(logs, group, put, now):
    put((now, "1"), (now + 2, "3"))
    put((now + 1, "2"), (now + 3, "4"), stream="two")
    answer = logs.filter_log_events(logGroupName=group, interleaved=True)
    assert messages(answer) == ["1", "2", "3", "4"]
    assert [event["logStreamName"] for event in answer["events"]] == ["one", "two"] * 2
    assert set(answer["events"][0]) == {"logStreamName", "timestamp", "message", "ingestionTime", "eventId"}
    assert answer["searchedLogStreams"] == []
    assert "nextToken" not in answer
    assert messages(logs.filter_log_events(logGroupName=group, logStreamNames=["two"])) == ["2", "4"]
    assert messages(logs.filter_log_events(logGroupName=group, logStreamNamePrefix="on")) == ["1", "3"]
    assert messages(logs.filter_log_events(logGroupName=group, startFromHead=False, startTime=now)) == [
        "4",
        "3",
        "2",
        "1",
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("ERROR", ["[ERROR] disk full"]),
        ("?ERROR ?WARN", ["[ERROR] disk full", "[WARN] disk slow"]),
        ("disk -full", ["[WARN] disk slow"]),
        ('"disk full"', ["[ERROR] disk full"]),
        ("{ $.status >= 500 }", ['{"status": 500}']),
        ("[level, what = disk, how]", ["[ERROR] disk full", "[WARN] disk slow"]),
        ("%disk (s|f)%", None),
        ("%disk.[sf]%", ["[ERROR] disk full", "[WARN] disk slow"]),
        ("a@b", None),
    ],
)
def test_a_filter_pattern_finds_the_lines_that_it_means_or_is_refused(logs, group, put, now, refused, pattern, found):
    put((now, "[ERROR] disk full"), (now, "[WARN] disk slow"), (now, '{"status": 500}'), (now, '{"status": 200}'))
    if found is None:
        code, message, status = refused(logs.filter_log_events, logGroupName=group, filterPattern=pattern)
        assert (code, status) == ("InvalidParameterException", 400)
        assert "Invalid" in message
    else:
        assert messages(logs.filter_log_events(logGroupName=group, filterPattern=pattern)) == found


def test_the_paginator_of_filter_log_events_finds_every_event_once(logs, group, put, now):
    put(*((now + number // 3, str(number)) for number in range(25)))
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 4})
    assert [event["message"] for page in pages for event in page["events"]] == [str(number) for number in range(25)]


def test_tail_follow_sees_each_event_once_in_order(logs, group, put, now):
    """As `aws logs tail --follow`: read all pages, then ask again from the last timestamp, skipping known ids."""
    shown: list[str] = []
    known: set[str] = set()
    start = now - 1000
    for round_ in range(5):
        put((now + round_, f"{round_}a"), (now + round_, f"{round_}b"))
        request = {"logGroupName": group, "interleaved": True, "startTime": start}
        while True:
            answer = logs.filter_log_events(**request)
            for event in answer["events"]:
                if event["eventId"] not in known:
                    known.add(event["eventId"])
                    shown.append(event["message"])
                start = max(start, event["timestamp"])
            if "nextToken" not in answer:
                break
            request["nextToken"] = answer["nextToken"]
    assert shown == [f"{round_}{letter}" for round_ in range(5) for letter in "ab"]


def test_names_and_prefix_of_streams_exclude_each_other(logs, group, refused):
    code, _, status = refused(
        logs.filter_log_events, logGroupName=group, logStreamNames=["one"], logStreamNamePrefix="o"
    )
    assert (code, status) == ("InvalidParameterException", 400)


def test_test_metric_filter_numbers_the_messages_that_match(logs):
    answer = logs.test_metric_filter(
        filterPattern="[ip, ..., status = 4*, bytes]",
        logEventMessages=["10.0.0.1 GET / 200 5", '10.0.0.2 "GET /x" 404 7'],
    )
    assert answer["matches"] == [
        {
            "eventNumber": 2,
            "eventMessage": '10.0.0.2 "GET /x" 404 7',
            "extractedValues": {"$ip": "10.0.0.2", "$status": "404", "$bytes": "7"},
        }
    ]
    answer = logs.test_metric_filter(filterPattern="{ $.a = * }", logEventMessages=['{"a": "b"}'])
    assert answer["matches"][0]["extractedValues"] == {"$.a": "b"}
