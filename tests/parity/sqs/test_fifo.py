"""FIFO queues, by the sentences of facts/sqs.md §6."""

import pytest


@pytest.fixture
def send(sqs):
    def send(url, body, group="g", **options):
        return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **options)

    return send


def by_body(messages):
    return {message["Body"]: message["ReceiptHandle"] for message in messages}


def test_a_group_is_delivered_in_order_and_sequence_numbers_grow(fifo, send, receive):
    numbers = [send(fifo, str(n))["SequenceNumber"] for n in range(12)]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {20}
    found = receive(fifo, AttributeNames=["All"])
    assert [message["Body"] for message in found] == [str(n) for n in range(10)]
    assert [message["Attributes"]["SequenceNumber"] for message in found] == numbers[:10]
    assert found[0]["Attributes"]["MessageGroupId"] == "g"
    assert len(found[0]["Attributes"]["MessageDeduplicationId"]) == 64


def test_while_any_message_of_a_group_is_in_flight_no_further_one_is_delivered(sqs, fifo, send, receive, bodies):
    for group in "ab":
        for number in range(3):
            send(fifo, f"{group}{number}", group)
    first = by_body(receive(fifo, MaxNumberOfMessages=2))
    assert list(first) == ["a0", "a1"]
    assert bodies(fifo) == ["b0", "b1", "b2"]
    assert bodies(fifo) == []
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["a0"])
    assert bodies(fifo) == []
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["a1"])
    assert bodies(fifo) == ["a2"]


def test_one_receive_takes_as_many_as_possible_from_one_group_then_from_others(fifo, send, bodies):
    for body, group in (("a0", "a"), ("b0", "b"), ("a1", "a"), ("c0", "c"), ("b1", "b")):
        send(fifo, body, group)
    assert bodies(fifo, MaxNumberOfMessages=4) == ["a0", "a1", "b0", "b1"]
    assert bodies(fifo) == ["c0"]


@pytest.mark.parametrize(("extended", "available"), [("foo", []), ("bar", ["foo"]), ("baz", ["foo", "bar"])])
def test_messages_before_a_hidden_one_are_available_and_those_after_are_blocked(
    sqs, make, send, receive, bodies, platform, extended, available
):
    url = make(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout="10")
    for body in ("foo", "bar", "baz"):
        send(url, body)
    handles = by_body(receive(url))
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles[extended], VisibilityTimeout=40)
    platform.advance(10)
    assert bodies(url) == available


def test_an_expired_handle_deletes_nothing_and_an_extended_one_does(sqs, make, send, receive, refused, platform):
    url = make(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout="10")
    send(url, "x")
    [first] = receive(url)
    platform.advance(10)
    handle = first["ReceiptHandle"]
    assert refused(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)[:2] == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    )
    [second] = receive(url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=60)
    platform.advance(30)
    batch = [{"Id": "old", "ReceiptHandle": handle}, {"Id": "new", "ReceiptHandle": second["ReceiptHandle"]}]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=batch)
    assert [entry["Id"] for entry in answer["Successful"]] == ["new"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("old", "InvalidParameterValue")]


def test_a_duplicate_succeeds_with_the_originals_ids_and_is_not_delivered(sqs, fifo, send, receive, bodies, platform):
    first = send(fifo, "x")
    again = send(fifo, "x")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    [message] = receive(fifo)
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
    assert send(fifo, "x")["MessageId"] == first["MessageId"]  # also after its deletion
    assert bodies(fifo) == []
    platform.advance(300)
    assert send(fifo, "x")["MessageId"] != first["MessageId"]
    assert bodies(fifo) == ["x"]


def test_duplicates_are_found_inside_a_batch(sqs, fifo, bodies):
    entries = [{"Id": str(n), "MessageBody": "same", "MessageGroupId": "g"} for n in range(3)]
    answer = sqs.send_message_batch(QueueUrl=fifo, Entries=entries)
    assert len({entry["MessageId"] for entry in answer["Successful"]}) == 1
    assert bodies(fifo) == ["same"]


def test_the_scope_of_duplicates_is_the_one_at_creation(sqs, make, send, bodies):
    queue = make("by-queue.fifo", fifo=True)
    group = make("by-group.fifo", fifo=True, DeduplicationScope="messageGroup")
    for url, changed, found in ((queue, "messageGroup", ["1"]), (group, "queue", ["1", "2"])):
        send(url, "1", "a", MessageDeduplicationId="d")
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": changed})
        shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DeduplicationScope"])["Attributes"]
        assert shown == {"DeduplicationScope": changed}
        send(url, "2", "b", MessageDeduplicationId="d")
        assert sorted(bodies(url)) == found


def test_what_a_send_needs(sqs, make, fifo, refused):
    plain = make(fifo=True)
    assert refused(sqs.send_message, QueueUrl=fifo, MessageBody="x")[:2] == (
        "MissingParameter", "The request must contain the parameter MessageGroupId."
    )  # fmt: skip
    batch = [{"Id": "a", "MessageBody": "x"}]
    assert refused(sqs.send_message_batch, QueueUrl=fifo, Entries=batch)[:2] == (
        "InvalidParameterValue", "The request must contain the parameter MessageGroupId."
    )  # fmt: skip
    assert refused(sqs.send_message, QueueUrl=plain, MessageBody="x", MessageGroupId="g")[1] == (
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )
    assert refused(sqs.send_message, QueueUrl=fifo, MessageBody="x", MessageGroupId="group 123")[1] == (
        "Value group 123 for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric "
        "and punctuation characters. 1 to 128 in length."
    )
    delayed = {"QueueUrl": fifo, "MessageBody": "x", "MessageGroupId": "g"}
    assert refused(sqs.send_message, **delayed, DelaySeconds=2)[1] == (
        "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for "
        "this queue type."
    )
    sqs.send_message(**delayed, DelaySeconds=0)


def test_the_queues_delay_applies_and_a_new_one_to_what_was_sent_already(sqs, make, send, bodies, platform, counts):
    url = make(fifo=True, ContentBasedDeduplication="true", DelaySeconds="20")
    send(url, "a")
    assert counts(url) == (0, 0, 1)
    platform.advance(20)
    assert bodies(url) == ["a"]
    send(url, "b", "other")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    assert bodies(url) == ["b"]


def test_a_receive_attempt_repeated_gets_the_same_messages_and_handles(sqs, fifo, send, receive, bodies):
    send(fifo, "x")
    first = receive(fifo, ReceiveRequestAttemptId="try")
    assert receive(fifo, ReceiveRequestAttemptId="try") == first
    assert bodies(fifo, ReceiveRequestAttemptId="another") == []
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first[0]["ReceiptHandle"])
    assert receive(fifo, ReceiveRequestAttemptId="try") == []


def test_a_group_that_was_emptied_delivers_its_next_message_at_once(sqs, fifo, send, receive, bodies, counts):
    send(fifo, "a")
    [message] = receive(fifo)
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
    assert counts(fifo) == (0, 0, 0)
    send(fifo, "b")
    assert bodies(fifo) == ["b"]
