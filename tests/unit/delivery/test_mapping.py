"""delivery/mapping.py: filters, reports of failures, and the size of events (facts/lambda-events.md §4.3, §5)."""

import json

import pytest

from samovar.delivery.mapping import EVENT_LIMIT, Filter, events, failed_records

IDS = ["a", "b", "c"]


@pytest.mark.parametrize("result", ["", '""', "null", "{}", '{"batchItemFailures": []}', '{"batchItemFailures": null}'])
def test_the_whole_batch_succeeds(result):
    failed = failed_records(result.encode(), IDS)
    assert failed is not None
    assert list(failed) == []


@pytest.mark.parametrize(
    "entries",
    [
        *('[{"itemIdentifier": ""}]', '[{"itemIdentifier": null}]', '[{"id": "a"}]', '[{"itemIdentifier": "x"}]'),
        *('"a"', '["a"]'),
    ],
)
def test_the_whole_batch_fails(entries):
    assert failed_records(f'{{"batchItemFailures": {entries}}}'.encode(), IDS) is None


@pytest.mark.parametrize("result", ["{", '{"failures": []}', "[1]", "1"])
def test_what_is_no_report_fails_the_whole_batch(result):
    assert failed_records(result.encode(), IDS) is None


def test_the_listed_records_have_failed():
    report = b'{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}'
    assert failed_records(report, IDS) == ["b", "a"]


@pytest.mark.parametrize(
    ("pattern", "body", "wanted"),
    [
        ({"body": {"n": [300]}}, '{"n": 300}', True),
        ({"body": {"n": [300]}}, '{"n": 300.0}', False),
        ({"body": {"n": [300]}}, "plain", False),
        ({"body": ["plain"]}, "plain", True),
        ({"body": ["plain"]}, '{"plain": 1}', False),
        ({"awsRegion": ["us-east-1"]}, "anything", True),
        ({"awsRegion": ["eu-west-1"]}, "anything", False),
    ],
)
def test_a_record_is_wanted_if_one_of_the_filters_matches_it(pattern, body, wanted):
    record = {"body": body, "awsRegion": "us-east-1"}
    assert Filter([json.dumps(pattern)]).wants(record, "body") is wanted
    assert Filter([json.dumps(pattern), '{"awsRegion": [{"exists": true}]}']).wants(record, "body")


def test_an_event_has_at_most_six_megabytes_and_so_many_records():
    made = events([{"body": "x" * 1_000_000}] * 7, most=10)
    assert [len(records) for records, _ in made] == [6, 1]
    assert all(len(event) <= EVENT_LIMIT for _, event in made)
    assert [len(json.loads(event)["Records"]) for _, event in events([{"n": n} for n in range(5)], most=2)] == [2, 2, 1]
