"""Dead-letter queues and message move tasks, by the sentences of facts/sqs.md §4."""

import json
import time

import pytest


def policy(arn, count):
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})


@pytest.fixture(params=[False, True], ids=["standard", "fifo"])
def pair(request, make, arn_of):
    """(source, its dead-letter queue), which take a message over after its first receive."""
    more = {"ContentBasedDeduplication": "true"} if request.param else {}
    dead = make(fifo=request.param, **more)
    source = make(fifo=request.param, VisibilityTimeout="10", RedrivePolicy=policy(arn_of(dead), "1"), **more)
    return source, dead


@pytest.fixture
def send(sqs):
    def send(url, body):
        group = {"MessageGroupId": "g"} if url.endswith(".fifo") else {}
        return sqs.send_message(QueueUrl=url, MessageBody=body, **group)

    return send


@pytest.fixture
def kill(send, bodies, platform):
    """Sends messages and receives them until they are in the dead-letter queue."""

    def kill(source, *texts):
        for text in texts:
            send(source, text)
        assert bodies(source) == list(texts)
        platform.advance(10)
        assert bodies(source) == []

    return kill


@pytest.fixture
def finished(sqs):
    """Waits until the newest task of a source has ended; its entry."""

    def finished(source_arn):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            [task] = sqs.list_message_move_tasks(SourceArn=source_arn)["Results"]
            if task["Status"] not in ("RUNNING", "CANCELLING"):
                return task
            time.sleep(0.02)
        raise AssertionError(task)

    return finished


def test_a_receive_beyond_the_count_moves_the_message_instead(pair, send, receive, bodies, counts, arn_of, platform):
    source, dead = pair
    sent = send(source, "poison")
    assert bodies(source) == ["poison"]
    platform.advance(10)
    assert counts(source) == (1, 0, 0)
    assert bodies(source) == []
    assert counts(source) == (0, 0, 0)
    [message] = receive(dead, AttributeNames=["All"])
    assert message["MessageId"] == sent["MessageId"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(source)
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_timeout_of_zero_moves_it_as_well(sqs, pair, send, bodies):
    source, dead = pair
    send(source, "poison")
    assert [bodies(source, VisibilityTimeout=0) for _ in range(3)] == [["poison"], [], []]
    assert bodies(dead) == ["poison"]


def test_whoever_waits_at_the_dead_letter_queue_gets_it(sqs, pair, send, bodies, platform):
    source, dead = pair
    send(source, "poison")
    bodies(source)
    platform.advance(10)
    assert bodies(source) == []
    assert bodies(dead, WaitTimeSeconds=20) == ["poison"]


def test_what_stands_behind_a_moved_message_is_delivered(pair, send, bodies, platform):
    source, _ = pair
    send(source, "poison")
    assert bodies(source) == ["poison"]
    send(source, "next")
    platform.advance(10)
    assert bodies(source) == ["next"]


def test_sources_of_a_dead_letter_queue_are_listed(sqs, pair, make, arn_of):
    source, dead = pair
    fifo = dead.endswith(".fifo")
    second = make(fifo=fifo, RedrivePolicy=policy(arn_of(dead), 3))
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == sorted([source, second])
    assert sqs.list_dead_letter_source_queues(QueueUrl=source)["queueUrls"] == []


def test_redrive_policies_that_cannot_be(sqs, make, url, fifo, arn_of, refused):
    target = arn_of(make())
    for text, reason in [
        ("{", ""),
        (json.dumps({"maxReceiveCount": 1}), "mandatory attribute: deadLetterTargetArn."),
        (policy(target, 0), "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive."),
        (policy(target, "1001"), "valid values are from 1 to 1000 both inclusive."),
        (json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 1, "x": 1}), ""),
        (policy(target + "x", 1), "Dead letter target does not exist."),
        (policy(target.replace("us-east-1", "eu-west-1"), 1), "Dead-letter target owner should be same as the source."),
        (policy(arn_of(fifo), 1), "Dead-letter queue must be same type of queue as the source."),
    ]:
        code, message, _ = refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": text})
        assert code == "InvalidParameterValue"
        assert message.startswith(f"Value {text} for parameter RedrivePolicy is invalid. Reason: ")
        assert message.endswith(reason)


def test_an_allow_policy_says_who_may_redrive(sqs, make, url, arn_of, refused):
    target = make()
    wish = {"QueueUrl": url, "Attributes": {"RedrivePolicy": policy(arn_of(target), 1)}}
    for allowed, sources in (("denyAll", None), ("byQueue", [arn_of(make())])):
        text = json.dumps({"redrivePermission": allowed} | ({"sourceQueueArns": sources} if sources else {}))
        sqs.set_queue_attributes(QueueUrl=target, Attributes={"RedriveAllowPolicy": text})
        assert refused(sqs.set_queue_attributes, **wish)[0] == "InvalidParameterValue"
    text = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn_of(url)]})
    sqs.set_queue_attributes(QueueUrl=target, Attributes={"RedriveAllowPolicy": text})
    sqs.set_queue_attributes(**wish)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])


def test_a_task_moves_messages_back_to_their_source_as_new_ones(sqs, pair, kill, receive, counts, arn_of, finished):
    source, dead = pair
    kill(source, "a", "b", "c")
    handle = sqs.start_message_move_task(SourceArn=arn_of(dead))["TaskHandle"]
    assert handle
    task = finished(arn_of(dead))
    assert task["Status"] == "COMPLETED"
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (3, 3)
    assert not {"TaskHandle", "DestinationArn", "MaxNumberOfMessagesPerSecond"} & set(task)
    assert counts(dead) == (0, 0, 0)
    found = receive(source, AttributeNames=["ApproximateReceiveCount"])
    assert [message["Body"] for message in found] == ["a", "b", "c"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in found} == {"1"}


def test_a_task_moves_messages_to_another_destination(sqs, pair, kill, make, bodies, arn_of, finished):
    source, dead = pair
    other = make(fifo=dead.endswith(".fifo"))
    kill(source, "a")
    sqs.start_message_move_task(SourceArn=arn_of(dead), DestinationArn=arn_of(other), MaxNumberOfMessagesPerSecond=500)
    task = finished(arn_of(dead))
    assert (task["Status"], task["DestinationArn"]) == ("COMPLETED", arn_of(other))
    assert bodies(other) == ["a"]


def test_a_slow_task_can_be_cancelled_and_there_is_one_at_a_time(sqs, pair, kill, arn_of, refused, finished, platform):
    source, dead = pair
    kill(source, *"abcdefghij")
    handle = sqs.start_message_move_task(SourceArn=arn_of(dead), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    [running] = sqs.list_message_move_tasks(SourceArn=arn_of(dead))["Results"]
    assert running["TaskHandle"] == handle
    code, text, status = refused(sqs.start_message_move_task, SourceArn=arn_of(dead))
    assert (code, status) == ("AWS.SimpleQueueService.UnsupportedOperation", 400)
    assert text.startswith("There is already a task running.")
    sqs.cancel_message_move_task(TaskHandle=handle)
    platform.advance(2)
    assert finished(arn_of(dead))["Status"] == "CANCELLED"


def test_move_tasks_that_cannot_be(sqs, url, arn_of, refused):
    arn = arn_of(url)
    assert refused(sqs.start_message_move_task, SourceArn=arn) == (
        "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.", 400
    )  # fmt: skip
    assert refused(sqs.start_message_move_task, SourceArn=arn + "x") == (
        "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.", 404
    )  # fmt: skip
    assert refused(sqs.start_message_move_task, SourceArn=arn, DestinationArn=arn + "x")[2] == 404
    assert refused(sqs.start_message_move_task, SourceArn="x")[1] == (
        "You must use this format to specify the SourceArn: "
        "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
    )
    assert refused(sqs.cancel_message_move_task, TaskHandle="x")[1] == "Value for parameter TaskHandle is invalid."
