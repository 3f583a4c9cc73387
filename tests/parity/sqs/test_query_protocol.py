"""The query protocol, which old SDKs and curl speak, by the tables of facts/sqs.md §2."""

import re

import pytest

NAMESPACE = 'xmlns="http://queue.amazonaws.com/doc/2012-11-05/"'


def test_a_message_there_and_back(query, endpoint, account):
    form = {"QueueName": "q", "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "60"}
    status, created = query(endpoint, "CreateQueue", **form)
    url = re.search("<QueueUrl>(.*)</QueueUrl>", created)[1]
    assert (status, url) == (200, f"{endpoint}/{account}/q")
    assert created.startswith(f"<CreateQueueResponse {NAMESPACE}><CreateQueueResult>")
    attribute = {"MessageAttribute.1.Name": "Foo", "MessageAttribute.1.Value.DataType": "String"}
    _, sent = query(
        url, "SendMessage", MessageBody="a & b", **attribute, **{"MessageAttribute.1.Value.StringValue": "Bar"}
    )
    assert "<MD5OfMessageAttributes>ae7155c6026991b6d54b11589678bf9c</MD5OfMessageAttributes>" in sent
    _, found = query(url, "ReceiveMessage", **{"AttributeName.1": "All", "MessageAttributeName.1": "All"})
    assert "<Message><MessageId>" in found
    assert "<Body>a &amp; b</Body>" in found
    assert "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>" in found
    assert re.search("<MessageAttribute><Name>Foo</Name><Value>.*<StringValue>Bar</StringValue>", found)
    handle = re.search("<ReceiptHandle>(.*)</ReceiptHandle>", found)[1]
    status, deleted = query(url, "DeleteMessage", ReceiptHandle=handle)
    assert status == 200
    assert deleted.startswith(f"<DeleteMessageResponse {NAMESPACE}><ResponseMetadata>")
    assert "<ReceiveMessageResult></ReceiveMessageResult>" in query(url, "ReceiveMessage")[1].replace(
        "<ReceiveMessageResult/>", "<ReceiveMessageResult></ReceiveMessageResult>"
    )


def test_batches_are_flattened(query, url):
    entries = {"SendMessageBatchRequestEntry.1.Id": "a", "SendMessageBatchRequestEntry.1.MessageBody": "x",
               "SendMessageBatchRequestEntry.2.Id": "b", "SendMessageBatchRequestEntry.2.MessageBody": "y"}  # fmt: skip
    _, sent = query(url, "SendMessageBatch", **entries)
    assert sent.count("<SendMessageBatchResultEntry><Id>") == 2


@pytest.mark.parametrize(
    ("action", "form", "status", "code", "text"),
    [
        ("FooBar", {}, 400, "InvalidAction", "The action FooBar is not valid for this endpoint."),
        (
            "CreateQueue",
            {"QueueName": "x"},
            400,
            "InvalidAction",
            "The action CreateQueue is not valid for this endpoint.",
        ),
        ("ListQueues", {}, 400, "InvalidAction", "The action ListQueues is not valid for this endpoint."),
        ("SendMessage", {}, 400, "MissingParameter", "The request must contain the parameter MessageBody."),
        ("GetQueueAttributes", {"AttributeName.1": "Foobar"}, 400, "InvalidAttributeName", "Unknown Attribute Foobar."),
    ],
)
def test_what_is_wrong_at_the_address_of_a_queue(query, url, action, form, status, code, text):
    found, answer = query(url, action, **form)
    assert found == status
    assert f"<Code>{code}</Code><Message>{text}</Message>" in answer


def test_a_missing_queue_has_its_old_name_and_words(query, endpoint, account):
    status, answer = query(f"{endpoint}/{account}/nowhere", "PurgeQueue")
    assert status == 400
    assert answer.startswith(f"<ErrorResponse {NAMESPACE}><Error><Type>Sender</Type>")
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer
    assert "<Message>The specified queue does not exist for this wsdl version.</Message>" in answer


def test_the_parameter_wins_over_the_address(query, url, endpoint, account):
    status, answer = query(f"{endpoint}/{account}/nowhere", "GetQueueUrl", QueueName="standard", QueueUrl=url)
    assert status == 400  # GetQueueUrl has no address of a queue
    status, answer = query(f"{endpoint}/{account}/nowhere", "SendMessage", MessageBody="x", QueueUrl=url)
    assert status == 200, answer
