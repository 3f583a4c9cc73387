"""Standard queues, by the sentences of facts/sqs.md §1, §2, §4, §5."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
BINARY = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"


def text(value, kind="String"):
    return {"DataType": kind, "StringValue": value}


def test_a_message_comes_back_as_it_was_sent(sqs, url, receive, account):
    sent = sqs.send_message(QueueUrl=url, MessageBody="message", MessageAttributes={"Foo": text("Bar")})
    assert sent["MD5OfMessageBody"] == "78e731027d8fd50ed642340b7c9a63b3"
    assert sent["MD5OfMessageAttributes"] == "ae7155c6026991b6d54b11589678bf9c"
    assert "SequenceNumber" not in sent
    [message] = receive(url, MessageAttributeNames=["All"], AttributeNames=["All"])
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "message")
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["MessageAttributes"] == {"Foo": text("Bar")}
    assert set(message["Attributes"]) == {
        "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"
    }  # fmt: skip
    assert message["Attributes"]["SenderId"] == account
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_an_empty_receive_has_no_messages(sqs, url):
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize(
    ("attributes", "md5"),
    [
        ({"attr1": text("99.12", "Number")}, "d302007e9aa062660afc85fd0a482472"),
        ({"MyAttribute": text("foobar")}, "adb59cd4678ea5a855436b949cd07ab6"),
        ({"attr1": {"DataType": "Binary", "BinaryValue": BINARY}}, "8cbe4db156db8a94db8b801b7addb984"),
        ({"Hello": text("There"), "Help.Me": text("Me"), "General": text("Kenobi")},
         "4c360f3fdafd970e05fae2f149d997f5"),
    ],
)  # fmt: skip
def test_the_md5_of_attributes_is_the_recorded_one(sqs, url, receive, attributes, md5):
    assert (
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)["MD5OfMessageAttributes"] == md5
    )
    [message] = receive(url, MessageAttributeNames=[".*"])
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == md5


def test_only_attributes_asked_for_are_returned_and_counted_in_their_md5(sqs, url, receive):
    attributes = {"Hello": text("There"), "General": text("Kenobi"), "Help.Me": text("Me")}
    for names, found, md5 in [
        (["Hel.*"], {"Hello", "Help.Me"}, "83fee93c1bcd8b9a5a923ffacdc636c7"),
        (["Hel*"], {"Hello", "Help.Me"}, "83fee93c1bcd8b9a5a923ffacdc636c7"),
        (["Hello", "General", "Unknown"], {"Hello", "General"}, "fca026605781cb4126a1e9044df24232"),
        (["Hello"], {"Hello"}, "a311262e065454b75da111d535b8dacd"),
        (["Foo", "..", "a b"], set(), None),
        ([], set(), None),
    ]:
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
        [message] = receive(url, MessageAttributeNames=names)
        assert set(message.get("MessageAttributes", {})) == found
        assert message.get("MD5OfMessageAttributes") == md5
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_trace_header_is_kept_as_system_attribute(sqs, url, receive):
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes={"AWSTraceHeader": text(TRACE)})
    assert sent["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"
    [message] = receive(url, MessageSystemAttributeNames=["AWSTraceHeader"])
    assert message["Attributes"] == {"AWSTraceHeader": TRACE}


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"X": text("")}, "Message (user) attribute 'X' must contain a non-empty value of type 'String'."),
        ({"AWS.x": text("a")}, "You can't use message attribute names beginning with 'AWS.'"),
        ({".x": text("a")}, "You can't use message attribute names beginning with"),
        ({"a..b": text("a")}, "You can't use message attribute names beginning with"),
        ({"a b": text("a")}, "Message (user) attributes name can only contain"),
        ({"x" * 257: text("a")}, "Message (user) attribute names must be shorter than 256 Bytes"),
        ({"x": text("a", "Text")}, "Type for parameter MessageAttributes.Attribute_name.DataType must be prefixed"),
        ({"x": text("a", "Number")}, "Can't cast the value of message (user) attribute 'x' to a number."),
        (
            {f"x{n}": text("a") for n in range(11)},
            "Number of message attributes [11] exceeds the allowed maximum [10].",
        ),
    ],
)
def test_attributes_that_cannot_be(sqs, url, refused, attributes, reason):
    code, message, _ = refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    assert code == "InvalidParameterValue"
    assert message.startswith(reason)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"attr1.1øßä": text("a", "String.custom")})


def test_bodies_that_cannot_be(sqs, url, refused):
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="")[:2] == (
        "MissingParameter", "The request must contain the parameter MessageBody."
    )  # fmt: skip
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="a\x01")[0] == "InvalidMessageContents"
    sqs.send_message(QueueUrl=url, MessageBody="\t\n\rä😀")


def test_the_largest_message_has_a_mebibyte_with_its_attributes(sqs, make, url, refused, bodies):
    large = "ä" * 524_288
    sqs.send_message(QueueUrl=url, MessageBody=large)
    assert bodies(url) == [large]
    assert refused(sqs.send_message, QueueUrl=url, MessageBody=large, MessageAttributes={"a": text("b")})[:2] == (
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    )
    small = make(MaximumMessageSize="1024")
    assert refused(sqs.send_message, QueueUrl=small, MessageBody="x" * 1025)[1].endswith("shorter than 1024 bytes.")


def test_a_received_message_is_hidden_for_the_visibility_timeout(sqs, make, bodies, counts, platform):
    url = make(VisibilityTimeout="20")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert bodies(url) == ["x"]
    assert bodies(url) == []
    assert counts(url) == (0, 1, 0)
    platform.advance(20)
    assert counts(url) == (1, 0, 0)
    assert bodies(url, VisibilityTimeout=300) == ["x"]
    platform.advance(250)
    assert bodies(url) == []
    platform.advance(50)
    assert bodies(url) == ["x"]


def test_a_timeout_of_zero_in_the_receive_makes_it_visible_at_once_and_counts_a_receive(sqs, url, receive):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    counted = [receive(url, VisibilityTimeout=0, AttributeNames=["ApproximateReceiveCount"]) for _ in range(3)]
    assert [message["Attributes"]["ApproximateReceiveCount"] for [message] in counted] == ["1", "2", "3"]


def test_a_message_stays_hidden_as_long_as_its_visibility_was_changed_to(sqs, url, receive, bodies, refused, platform):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    [message] = receive(url)
    handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    sqs.change_message_visibility(**handle, VisibilityTimeout=100)
    platform.advance(99)
    assert bodies(url) == []
    sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    [again] = receive(url)
    sqs.change_message_visibility(**handle, VisibilityTimeout=0)  # the old handle: 200, and nothing happens
    assert bodies(url) == []
    assert "must be an integer between 0 and 43200" in refused(
        sqs.change_message_visibility, **handle, VisibilityTimeout=43_201
    )[1]  # fmt: skip
    platform.advance(10)
    newer = {"QueueUrl": url, "ReceiptHandle": again["ReceiptHandle"]}
    assert "Total VisibilityTimeout" in refused(sqs.change_message_visibility, **newer, VisibilityTimeout=43_200)[1]
    sqs.delete_message(**newer)
    code, text, _ = refused(sqs.change_message_visibility, **newer, VisibilityTimeout=1)
    assert code == "InvalidParameterValue"
    assert text.endswith("Message does not exist or is not available for visibility timeout change.")


def test_an_old_receipt_handle_deletes_also_after_the_timeout(sqs, url, receive, bodies, counts, platform):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    [first] = receive(url)
    platform.advance(30)
    [second] = receive(url)
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    for _ in range(2):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert counts(url) == (0, 0, 0)


def test_a_handle_belongs_to_one_queue_and_garbage_is_none(sqs, make, url, receive, refused):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    [message] = receive(url)
    for queue, handle in ((make(), message["ReceiptHandle"]), (url, "garbage"), (url, "AAAA")):
        assert refused(sqs.delete_message, QueueUrl=queue, ReceiptHandle=handle)[0] == "ReceiptHandleIsInvalid"


def test_delays_of_queue_and_message(sqs, make, bodies, counts, platform, refused):
    url = make(DelaySeconds="50")
    sqs.send_message(QueueUrl=url, MessageBody="queue's")
    sqs.send_message(QueueUrl=url, MessageBody="own", DelaySeconds=10)
    sqs.send_message(QueueUrl=url, MessageBody="none", DelaySeconds=0)
    assert counts(url) == (1, 0, 2)
    assert bodies(url) == ["none"]
    platform.advance(10)
    assert bodies(url) == ["own"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    assert bodies(url) == []
    platform.advance(40)
    assert "queue's" in bodies(url)
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="x", DelaySeconds=901)[0] == "InvalidParameterValue"


def test_messages_expire_after_the_retention_period_from_their_send(sqs, make, bodies, platform):
    url = make(MessageRetentionPeriod="60")
    sqs.send_message(QueueUrl=url, MessageBody="old")
    platform.advance(40)
    sqs.send_message(QueueUrl=url, MessageBody="new")
    platform.advance(30)
    assert bodies(url) == ["new"]


def test_a_long_poll_answers_as_soon_as_one_message_is_there(sqs, url, bodies):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bodies, url, WaitTimeSeconds=20)
        sqs.send_message(QueueUrl=url, MessageBody="x")
        assert waiting.result(timeout=15) == ["x"]


def test_every_long_poll_gets_its_message_and_moving_the_clock_ends_the_others(sqs, make, bodies, platform):
    url = make(VisibilityTimeout="43200")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(bodies, url, WaitTimeSeconds=20, MaxNumberOfMessages=1) for _ in range(4)]
        for number in range(2):
            sqs.send_message(QueueUrl=url, MessageBody=str(number))
        while not all(each.done() for each in waiting):
            platform.advance(21)
            wait(waiting, timeout=0.2)
        assert sorted(body for each in waiting for body in each.result()) == ["0", "1"]


@pytest.mark.parametrize(
    ("parameter", "value", "text"),
    [
        ("MaxNumberOfMessages", 11, "Must be between 1 and 10, if provided."),
        ("WaitTimeSeconds", 21, "Must be >= 0 and <= 20, if provided."),
        ("WaitTimeSeconds", -1, "Must be >= 0 and <= 20, if provided."),
    ],
)  # fmt: skip
def test_a_receive_out_of_bounds_is_refused(sqs, url, refused, parameter, value, text):
    told = f"Value {value} for parameter {parameter} is invalid. Reason: {text}"
    assert refused(sqs.receive_message, QueueUrl=url, **{parameter: value}) == ("InvalidParameterValue", told, 400)


def test_standard_queues_take_groups_but_no_deduplication_ids(sqs, url, receive, refused):
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="tenant")
    [message] = receive(url, AttributeNames=["MessageGroupId"])
    assert message["Attributes"] == {"MessageGroupId": "tenant"}
    code, text, _ = refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageDeduplicationId="X")
    assert code == "InvalidParameterValue"
    assert text.startswith("Value X for parameter MessageDeduplicationId is invalid.")


def test_a_batch_fails_entry_by_entry(sqs, make, bodies):
    url = make(MaximumMessageSize="1024")
    entries = [
        {"Id": "good", "MessageBody": "a"},
        {"Id": "large", "MessageBody": "x" * 1025},
        {"Id": "late", "MessageBody": "b", "DelaySeconds": 60},
        {"Id": "bad", "MessageBody": "\x00"},
    ]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good", "late"]
    assert answer["Failed"][1] == {
        "Id": "bad", "SenderFault": True, "Code": "InvalidMessageContents", "Message": answer["Failed"][1]["Message"]
    }  # fmt: skip
    assert answer["Failed"][0] == {
        "Id": "large", "SenderFault": True, "Code": "InvalidParameterValue",
        "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
    }  # fmt: skip
    assert bodies(url) == ["a"]
    assert "Failed" not in sqs.send_message_batch(QueueUrl=url, Entries=entries[:1])


@pytest.mark.parametrize(
    ("entries", "code", "text"),
    [
        ([], "EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."),
        ([{"Id": str(n), "MessageBody": "x"} for n in range(20)], "TooManyEntriesInBatchRequest",
         "Maximum number of entries per request are 10. You have sent 20."),
        ([{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric"),
        ([{"Id": "", "MessageBody": "x"}], "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric"),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct", "Id a repeated."),
        ([{"Id": str(n), "MessageBody": "x" * 524_289} for n in range(2)], "BatchRequestTooLong",
         "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes."),
    ],
)  # fmt: skip
def test_a_batch_that_is_wrong_as_a_whole(sqs, url, refused, entries, code, text):
    found, message, status = refused(sqs.send_message_batch, QueueUrl=url, Entries=entries)
    assert (found, status) == (f"AWS.SimpleQueueService.{code}", 400)
    assert message.startswith(text)


def test_deleting_and_hiding_in_batches(sqs, url, receive, counts):
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(10)])
    found = receive(url)
    assert len(found) == 10
    hiding = [
        {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 0} for n, m in enumerate(found[:4])
    ]
    assert len(sqs.change_message_visibility_batch(QueueUrl=url, Entries=hiding)["Successful"]) == 4
    assert counts(url) == (4, 6, 0)
    deleting = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(found[:9])]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[*deleting, {"Id": "x", "ReceiptHandle": "garbage"}])
    assert len(answer["Successful"]) == 9
    assert [(e["Id"], e["Code"], e["SenderFault"]) for e in answer["Failed"]] == [("x", "ReceiptHandleIsInvalid", True)]
    assert counts(url) == (0, 1, 0)


def test_two_queues_of_one_name_in_time_share_nothing(sqs, make, bodies, platform):
    url = make("twice")
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.delete_queue(QueueUrl=url)
    platform.advance(60)
    assert bodies(make("twice")) == []
