"""services/sns/retries.py: when a delivery is tried again (facts/sns.md §3, §4)."""

import json

import pytest

from samovar.core.errors import AwsError
from samovar.services.sns import retries


def delays(protocol, count, **policy):
    return [retries.delay_s(protocol, policy, attempt) for attempt in range(1, count + 1)]


def test_queues_and_functions_are_tried_a_hundred_thousand_times():
    found = delays("sqs", 16)
    assert found[:5] == [0, 0, 0, 1, 1]
    assert found[5:15] == sorted(found[5:15])
    assert 1 < found[5] < found[14] == 20
    assert retries.delay_s("lambda", {}, 100_015) == 20
    assert retries.delay_s("lambda", {}, 100_016) is None


def test_mails_are_tried_fifty_times():
    assert delays("email", 2) == [10, 10]
    assert retries.delay_s("email", {}, 50) == 600
    assert retries.delay_s("email", {}, 51) is None


def test_addresses_are_tried_as_their_policy_says():
    assert delays("http", 4) == [20, 20, 20, None]
    policy = {"numRetries": 7, "numNoDelayRetries": 1, "numMinDelayRetries": 1, "numMaxDelayRetries": 2}
    found = delays("https", 8, minDelayTarget=1, maxDelayTarget=9, **policy)
    assert found == [0, 1, 1, 5, 9, 9, 9, None]
    geometric = delays("http", 3, minDelayTarget=1, maxDelayTarget=100, numRetries=3, backoffFunction="geometric")
    assert geometric == pytest.approx([1, 10, 100])


@pytest.mark.parametrize(
    "policy",
    [
        *({"minDelayTarget": 0}, {"maxDelayTarget": 3601}, {"minDelayTarget": 30}, {"numRetries": 101}),
        *({"backoffFunction": "random"}, {"numRetries": "3"}, {"numRetries": True}, "x"),
    ],
)
def test_policies_that_cannot_be(policy):
    with pytest.raises(AwsError):
        retries.check(json.dumps({"healthyRetryPolicy": policy}), "healthyRetryPolicy")
    with pytest.raises(AwsError):
        retries.check("[", "healthyRetryPolicy")


def test_a_policy_reads_back_expanded():
    text = json.dumps(
        {"requestPolicy": {"headerContentType": "text/csv"}, "throttlePolicy": {"maxReceivesPerSecond": 9}}
    )
    assert retries.expanded_subscription_policy(text) == {
        "healthyRetryPolicy": retries.HEALTHY,
        "sicklyRetryPolicy": None,
        "throttlePolicy": {"maxReceivesPerSecond": 9},
        "requestPolicy": {"headerContentType": "text/csv"},
        "guaranteed": False,
    }
