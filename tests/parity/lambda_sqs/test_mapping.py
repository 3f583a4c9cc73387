"""Event source mappings from SQS, by the sentences of facts/lambda-events.md §4.3, §5, §7."""

import json

import pytest

from .conftest import until

FAILS = "raise ValueError('no')"
REPORTS = ["ReportBatchItemFailures"]


def test_a_sent_message_runs_the_function_with_every_key_that_aws_sends_and_is_deleted(mapped):
    queue = mapped()
    attribute = {
        "Author": {"DataType": "String", "StringValue": "x"},
        "b": {"DataType": "Binary", "BinaryValue": b"\1"},
    }
    sent = queue.sqs.send_message(QueueUrl=queue.url, MessageBody="text", MessageAttributes=attribute)
    [event] = queue.wait_for(1)
    [record] = event["Records"]
    assert record.pop("receiptHandle")
    attributes = record.pop("attributes")
    assert set(attributes) == {
        "ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"
    }  # fmt: skip
    assert all(isinstance(value, str) for value in attributes.values())
    empty = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": sent["MessageId"],
        "body": "text",
        "messageAttributes": {
            "Author": {"stringValue": "x", "dataType": "String", **empty},
            "b": {"binaryValue": "AQ==", "dataType": "Binary", **empty},
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": "us-east-1",
    }
    assert queue.drained() == ["text"]


def test_every_message_of_a_backlog_is_done_once(mapped):
    queue = mapped(ScalingConfig={"MaximumConcurrency": 3})
    bodies = [str(number) for number in range(60)]
    queue.send(*bodies)
    assert sorted(queue.drained(), key=int) == bodies
    assert max(len(event["Records"]) for event in queue.events()) <= 10


def test_a_batch_of_one(mapped):
    queue = mapped(BatchSize=1)
    queue.send("a", "b", "c")
    assert sorted(queue.drained()) == ["a", "b", "c"]
    assert [len(event["Records"]) for event in queue.events()] == [1, 1, 1]


def test_a_window_gathers_a_larger_batch(mapped, platform):
    queue = mapped(
        Enabled=False, BatchSize=25, MaximumBatchingWindowInSeconds=300, ScalingConfig={"MaximumConcurrency": 2}
    )
    queue.send(*map(str, range(25)))
    queue.lambda_.update_event_source_mapping(UUID=queue.uuid, Enabled=True)
    assert sorted(queue.drained(), key=int) == [str(number) for number in range(25)]
    assert len(queue.events()) == 1  # full before the window was over


def test_the_end_of_the_window_closes_a_batch(mapped, platform):
    queue = mapped(BatchSize=10, MaximumBatchingWindowInSeconds=30, attributes={"VisibilityTimeout": "600"})
    queue.send("a")
    until(lambda: queue.sqs.get_queue_attributes(
        QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1")  # fmt: skip
    assert queue.events() == []
    platform.advance(31)
    assert queue.drained() == ["a"]


def test_after_an_error_messages_reappear_when_the_visibility_timeout_ends_and_go_to_the_dead_letter_queue(
    mapped, platform
):
    sqs = platform.client("sqs")
    dead = sqs.create_queue(QueueName="dead-of-mapping")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    queue = mapped(FAILS, attributes={"VisibilityTimeout": "60", "RedrivePolicy": policy})
    queue.send("poison")
    for attempt in (1, 2):
        [*_, event] = queue.wait_for(attempt)
        assert event["Records"][0]["attributes"]["ApproximateReceiveCount"] == str(attempt)
        platform.advance(61)

    def moved():
        return sqs.receive_message(QueueUrl=dead, AttributeNames=["All"]).get("Messages")

    [message] = until(moved)
    assert (message["Body"], message["Attributes"]["ApproximateReceiveCount"]) == ("poison", "3")
    assert len(queue.events()) == 2
    sqs.delete_queue(QueueUrl=dead)


def test_reported_failures_stay_and_the_others_are_deleted(mapped, platform):
    then = (
        "return {'batchItemFailures': [{'itemIdentifier': r['messageId']} for r in event['Records'] if "
        "r['body'] == 'bad' and r['attributes']['ApproximateReceiveCount'] == '1']}"
    )
    queue = mapped(then, FunctionResponseTypes=REPORTS, attributes={"VisibilityTimeout": "60"})
    queue.send("good", "bad", "good too")
    until(lambda: len(queue.bodies()) >= 3 and queue.left() == 1)
    platform.advance(61)
    assert sorted(queue.drained()) == ["bad", "bad", "good", "good too"]


@pytest.mark.parametrize(
    "result", ["{'batchItemFailures': [{'itemIdentifier': ''}]}", "{'batchItemFailures': [{'id': 'x'}]}"]
)
def test_a_report_that_makes_no_sense_fails_the_whole_batch(mapped, platform, result):
    queue = mapped(f"return {result}", FunctionResponseTypes=REPORTS, attributes={"VisibilityTimeout": "60"})
    queue.send("a")
    queue.wait_for(1)
    until(lambda: queue.left() == 1)
    platform.advance(61)
    assert len(queue.wait_for(2)) >= 2


def test_messages_that_no_filter_wants_are_deleted_unseen(mapped):
    patterns = [{"body": {"kind": ["order"], "n": [{"numeric": [">", 10]}]}}, {"body": ["plain"]}]
    queue = mapped(FilterCriteria={"Filters": [{"Pattern": json.dumps(each)} for each in patterns]})
    wanted = ['{"kind": "order", "n": 11}', "plain"]
    queue.send(*wanted, '{"kind": "order", "n": 10}', '{"kind": "other", "n": 11}', "other", '{"plain": 1}', "[]")
    assert sorted(queue.drained()) == sorted(wanted)


def test_a_fifo_queue_delivers_each_group_in_order(mapped):
    queue = mapped("import time; time.sleep(0.01)", fifo=True, BatchSize=3)
    for number in range(12):
        queue.send(f"{number % 3}-{number:02}", group=str(number % 3))
    until(lambda: queue.left() == 0 and len(queue.bodies()) >= 12)
    events = sorted(
        queue.events(), key=lambda event: int(event["Records"][0]["attributes"]["ApproximateFirstReceiveTimestamp"])
    )
    for group in "012":
        bodies = [r["body"] for event in events for r in event["Records"] if r["body"].startswith(group)]
        assert bodies == sorted(bodies)
        assert len(bodies) == 4
    assert {"SequenceNumber", "MessageGroupId", "MessageDeduplicationId"} <= set(events[0]["Records"][0]["attributes"])


def test_a_disabled_mapping_fetches_nothing_until_it_is_enabled(mapped):
    queue = mapped()
    queue.settle("Enabled")
    assert queue.lambda_.update_event_source_mapping(UUID=queue.uuid, Enabled=False)["State"] == "Disabling"
    queue.settle("Disabled")
    queue.send("a")
    assert queue.left() == 1
    assert queue.lambda_.update_event_source_mapping(UUID=queue.uuid, Enabled=True)["State"] == "Enabling"
    assert queue.drained() == ["a"]


def test_throttled_messages_wait_for_the_function(mapped, platform):
    queue = mapped(attributes={"VisibilityTimeout": "300"})
    queue.lambda_.put_function_concurrency(FunctionName=queue.function.name, ReservedConcurrentExecutions=0)
    queue.send("a")
    until(lambda: queue.sqs.get_queue_attributes(
        QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1")  # fmt: skip
    queue.lambda_.delete_function_concurrency(FunctionName=queue.function.name)
    platform.advance(5)
    assert queue.drained() == ["a"]
    assert queue.events()[0]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"


def test_a_mapping_outlives_its_queue(mapped, platform):
    queue = mapped()
    queue.settle("Enabled")
    queue.sqs.delete_queue(QueueUrl=queue.url)
    platform.advance(60)
    name = queue.url.rpartition("/")[2]
    assert queue.sqs.create_queue(QueueName=name)["QueueUrl"] == queue.url
    queue.send("again")
    platform.advance(6)
    assert queue.drained() == ["again"]


def test_provisioned_pollers_deliver(mapped):
    queue = mapped(ProvisionedPollerConfig={"MinimumPollers": 2, "MaximumPollers": 3})
    queue.send("a", "b")
    assert sorted(queue.drained()) == ["a", "b"]


def test_a_queue_sends_to_a_function_that_a_topic_feeds(mapped, platform):
    queue = mapped()
    sns = platform.client("sns")
    topic = sns.create_topic(Name=f"feeds-{queue.function.name}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    sns.publish(TopicArn=topic, Message="through")
    [body] = until(lambda: queue.left() == 0 and queue.bodies())
    assert json.loads(body)["Message"] == "through"
    sns.delete_topic(TopicArn=topic)
