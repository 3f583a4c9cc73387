"""What subscribers get, by the sentences of facts/sns.md §1, §5-§9."""

import base64
import json
import re
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from .conftest import until

TEXT = {"DataType": "String", "StringValue": "v"}


def verify(envelope, certificate_url=None):
    """Check a signature as AWS's validators do."""
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if envelope["Type"] != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names if envelope.get(name) is not None)
    with urllib.request.urlopen(certificate_url or envelope["SigningCertURL"]) as response:
        certificate = x509.load_pem_x509_certificate(response.read())
    digest = hashes.SHA256() if envelope["SignatureVersion"] == "2" else hashes.SHA1()
    certificate.public_key().verify(base64.b64decode(envelope["Signature"]), text.encode(), padding.PKCS1v15(), digest)


def test_a_queue_gets_a_signed_envelope(sns, topic, subscribe):
    queue = subscribe(topic)
    binary = {"DataType": "Binary", "BinaryValue": b"\2\1\4"}
    sent = sns.publish(TopicArn=topic, Message="text", Subject="about", MessageAttributes={"a": TEXT, "b": binary})
    [message] = queue.receive()
    envelope = json.loads(message["Body"])
    assert list(envelope) == [
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
    ]  # fmt: skip
    assert (envelope["Message"], envelope["Subject"], envelope["TopicArn"]) == ("text", "about", topic)
    assert envelope["MessageId"] == sent["MessageId"] != message["MessageId"]
    assert envelope["MessageAttributes"] == {
        "a": {"Type": "String", "Value": "v"}, "b": {"Type": "Binary", "Value": "AgEE"}
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", envelope["Timestamp"])
    assert re.search(r"/SimpleNotificationService-[0-9a-f]{32}\.pem$", envelope["SigningCertURL"])
    assert envelope["UnsubscribeURL"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={queue.subscription}")
    assert "MessageAttributes" not in message
    verify(envelope)


def test_keys_that_have_nothing_to_say_are_absent_and_version_2_signs_with_sha256(sns, topic, subscribe):
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    queue = subscribe(topic)
    sns.publish(TopicArn=topic, Message="text")
    [envelope] = queue.bodies()
    assert not {"Subject", "MessageAttributes"} & set(envelope)
    assert envelope["SignatureVersion"] == "2"
    verify(envelope)


def test_raw_delivery_is_the_message_with_its_attributes(sns, topic, subscribe):
    queue = subscribe(topic, RawMessageDelivery="true")
    sns.publish(
        TopicArn=topic, Message="text", Subject="lost", MessageAttributes={"Foo": {**TEXT, "StringValue": "Bar"}}
    )
    [message] = queue.receive()
    assert message["Body"] == "text"
    assert message["MessageAttributes"] == {"Foo": {"DataType": "String", "StringValue": "Bar"}}
    assert message["MD5OfMessageAttributes"] == "ae7155c6026991b6d54b11589678bf9c"


def test_every_subscriber_gets_it_and_none_is_no_error(sns, topic, subscribe):
    assert sns.publish(TopicArn=topic, Message="lost")["MessageId"]
    queues = [subscribe(topic) for _ in range(3)]
    sns.publish(TargetArn=topic, Message="text")
    assert [queue.bodies()[0]["Message"] for queue in queues] == ["text"] * 3


def test_a_message_of_another_text_for_each_protocol(sns, topic, subscribe):
    queue = subscribe(topic)
    sns.publish(TopicArn=topic, Message=json.dumps({"default": "d", "sqs": "for sqs", "n": 1}), MessageStructure="json")
    sns.publish(TopicArn=topic, Message=json.dumps({"default": "d", "http": "h"}), MessageStructure="json")
    found = queue.bodies(2)
    assert sorted(envelope["Message"] for envelope in found) == ["d", "for sqs"]
    for envelope in found:
        verify(envelope)


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"Message": ""}, "InvalidParameter", "Invalid parameter: Empty message"),
        ({"Message": "m", "Subject": ""}, "InvalidParameter", "Invalid parameter: Subject"),
        ({"Message": "m", "Subject": "a\nb"}, "InvalidParameter", "Invalid parameter: Subject"),
        ({"Message": "x" * 262_145}, "InvalidParameter", "Invalid parameter: Message too long"),
        ({"Message": "{}", "MessageStructure": "json"}, "InvalidParameter",
         "Invalid parameter: Message Structure - No default entry in JSON message body"),
        ({"Message": "x", "MessageStructure": "json"}, "InvalidParameter",
         "Invalid parameter: Message Structure - JSON message body failed to parse"),
        ({"Message": "m", "MessageDeduplicationId": "d"}, "InvalidParameter",
         "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter "
         "that is not valid for this topic type"),
        ({"Message": "m", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
         "ParameterValueInvalid", "The message attribute 'a' must contain non-empty message attribute value for "
         "message attribute type 'String'."),
        ({"Message": "m", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
         "ParameterValueInvalid", "The message attribute 'a' has an invalid message attribute type, the set of "
         "supported type prefixes is Binary, Number, and String."),
        ({"Message": "m", "MessageAttributes": {"a^": TEXT}}, "ParameterValueInvalid",
         "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include "
         "alphanumeric characters, hyphens, underscores, or dots."),
        ({"Message": "m", "MessageAttributes": {".a": TEXT}}, "ParameterValueInvalid",
         "Invalid message attribute name starting with character '.' was found."),
    ],
)  # fmt: skip
def test_messages_that_cannot_be(sns, topic, refused, params, code, text):
    assert refused(sns.publish, TopicArn=topic, **params) == (code, text, 400)


@pytest.mark.parametrize(
    ("scope", "policy", "wanted", "unwanted"),
    [
        ("MessageAttributes", {"n": [{"numeric": ["<=", 100]}]}, ("m", ("Number", "99")), ("m", ("Number", "111"))),
        ("MessageAttributes", {"n": [{"exists": False}]}, ("m", None), ("m", ("String", "x"))),
        ("MessageAttributes", {"n": ["a"]}, ("m", ("String.Array", '["a", "b"]')), ("m", ("String.Array", '["b"]'))),
        ("MessageAttributes", {"n": [None, {"anything-but": "x"}]}, ("m", ("String", "y")), ("m", None)),
        ("MessageBody", {"o": {"key": [{"prefix": "auto-"}]}}, ('{"o": {"key": "auto-1"}}', None), ('"auto-"', None)),
        ("MessageBody", {"ip": [{"cidr": "10.0.0.0/24"}]}, ('{"ip": "10.0.0.255"}', None), ("plain", None)),
    ],
)  # fmt: skip
def test_a_filter_policy_lets_only_some_messages_through(sns, topic, subscribe, scope, policy, wanted, unwanted):
    queue = subscribe(topic, FilterPolicy=json.dumps(policy), FilterPolicyScope=scope)
    for number, (text, attribute) in enumerate((unwanted, wanted)):
        attributes = {} if attribute is None else {"n": {"DataType": attribute[0], "StringValue": attribute[1]}}
        sns.publish(TopicArn=topic, Message=text, Subject=str(number), MessageAttributes=attributes)
    assert [envelope["Subject"] for envelope in queue.bodies()] == ["1"]


def test_a_batch_is_published_entry_by_entry(sns, topic, subscribe, refused):
    queue = subscribe(topic)
    entries = [{"Id": str(number), "Message": str(number)} for number in range(10)]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == [str(number) for number in range(10)]
    assert answer["Failed"] == []
    assert sorted(envelope["Message"] for envelope in queue.bodies(10)) == [str(number) for number in range(10)]
    for wrong, code, text in [
        ([*entries, {"Id": "x", "Message": "m"}], "TooManyEntriesInBatchRequest",
         "The batch request contains more entries than permissible."),
        ([entries[0]] * 2, "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."),
        ([{"Id": "msg@1", "Message": "m"}], "InvalidBatchEntryId",
         "The Id of a batch entry in the batch request contains an impermissible character: msg@1"),
        ([{"Id": str(n), "Message": "x" * 131_073} for n in range(2)], "BatchRequestTooLong",
         "The length of all the messages put together is more than the limit."),
    ]:  # fmt: skip
        assert refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=wrong)[:2] == (code, text)


def test_a_fifo_topic_keeps_order_and_drops_duplicates_itself(sns, fifo, subscribe):
    ordered, standard = subscribe(fifo, ".fifo"), subscribe(fifo)
    sent = [sns.publish(TopicArn=fifo, Message=str(n), MessageGroupId="g") for n in range(5)]
    again = sns.publish(TopicArn=fifo, Message="0", MessageGroupId="g")
    assert (again["MessageId"], again["SequenceNumber"]) == (sent[0]["MessageId"], sent[0]["SequenceNumber"])
    numbers = [each["SequenceNumber"] for each in sent]
    assert numbers == sorted(numbers)
    messages = ordered.receive(5)
    envelopes = [json.loads(message["Body"]) for message in messages]
    assert [envelope["Message"] for envelope in envelopes] == ["0", "1", "2", "3", "4"]
    assert list(envelopes[0]) == [
        "Type", "MessageId", "SequenceNumber", "TopicArn", "Message", "Timestamp", "UnsubscribeURL"
    ]  # fmt: skip
    assert [envelope["SequenceNumber"] for envelope in envelopes] == numbers
    assert messages[0]["Attributes"]["MessageGroupId"] == "g"
    assert len(messages[0]["Attributes"]["MessageDeduplicationId"]) == 64
    assert not {"MessageGroupId", "MessageDeduplicationId"} & set(standard.receive(5)[0]["Attributes"])


def test_what_a_fifo_topic_needs(sns, fifo, refused):
    assert refused(sns.publish, TopicArn=fifo, Message="m")[1] == (
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    )
    plain = sns.create_topic(Name="plain.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    assert refused(sns.publish, TopicArn=plain, Message="m", MessageGroupId="g")[1] == (
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
        "provided explicitly"
    )


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue_as_it_would_have_been(sns, sqs, topic, subscribe):
    queue, letters = subscribe(topic), sqs.create_queue(QueueName="letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn})
    change = {"SubscriptionArn": queue.subscription, "AttributeName": "RedrivePolicy", "AttributeValue": policy}
    sns.set_subscription_attributes(**change)
    sqs.delete_queue(QueueUrl=queue.url)
    sns.publish(TopicArn=topic, Message="text")
    [message] = until(lambda: sqs.receive_message(QueueUrl=letters, MessageAttributeNames=["All"]).get("Messages"))
    envelope = json.loads(message["Body"])
    assert envelope["Message"] == "text"
    assert "MessageAttributes" not in message
    verify(envelope)


def test_a_function_gets_one_record(platform, deploy):
    function = deploy("import json\ndef handler(event, context):\n    print(json.dumps(event))\n")
    sns = platform.client("sns")
    topic = sns.create_topic(Name="to-a-function")["TopicArn"]
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="text")

    def got():
        lines = [line for stream in function.log().values() for line in stream if line.startswith('{"Records"')]
        return lines and json.loads(lines[0])

    [record] = until(got)["Records"]
    told = record.pop("Sns")
    assert record == {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription}
    assert (told["Message"], told["Subject"], told["MessageAttributes"]) == ("text", None, {})
    assert {"SigningCertUrl", "UnsubscribeUrl"} < set(told)
    verify(told, told["SigningCertUrl"])
    sns.delete_topic(TopicArn=topic)


def visit(url):
    with urllib.request.urlopen(url) as response:
        return response.read().decode()


def test_an_address_confirms_and_then_gets_notifications(sns, topic, site):
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=site.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    [(headers, body)] = site.requests(1)
    asked = json.loads(body)
    assert headers["x-amz-sns-message-type"] == asked["Type"] == "SubscriptionConfirmation"
    assert headers["x-amz-sns-topic-arn"] == topic
    assert headers["x-amz-sns-subscription-arn"] is None
    assert (headers["Content-Type"], headers["User-Agent"]) == (
        "text/plain; charset=UTF-8", "Amazon Simple Notification Service Agent"
    )  # fmt: skip
    verify(asked)
    sns.publish(TopicArn=topic, Message="too early")
    [listed] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    arn = re.search("<SubscriptionArn>(.*)</SubscriptionArn>", visit(asked["SubscribeURL"]))[1]
    assert sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"] == arn
    sns.publish(TopicArn=topic, Message="text")
    headers, body = site.requests(2)[1]
    assert headers["x-amz-sns-subscription-arn"] == arn
    notification = json.loads(body)
    assert notification["Message"] == "text"
    verify(notification)
    visit(notification["UnsubscribeURL"])
    headers, body = site.requests(3)[2]
    assert json.loads(body)["Type"] == "UnsubscribeConfirmation"


def test_raw_delivery_to_an_address_is_the_text_alone(sns, topic, site):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=site.url, Attributes={"RawMessageDelivery": "true"})
    asked = json.loads(site.requests(1)[0][1])
    visit(asked["SubscribeURL"])
    sns.publish(TopicArn=topic, Message="raw text", MessageAttributes={"a": TEXT})
    headers, body = site.requests(2)[1]
    assert (body, headers["x-amz-sns-rawdelivery"]) == (b"raw text", "true")


def test_a_server_that_fails_is_tried_again_and_one_that_refuses_is_not(sns, topic, site, platform):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=site.url)
    visit(json.loads(site.requests(1)[0][1])["SubscribeURL"])
    site.statuses = [500, 503, 200]
    sns.publish(TopicArn=topic, Message="retried")
    for tries in (2, 3):
        site.requests(tries)
        until(lambda tries=tries: (platform.advance(21), len(site.got) > tries)[1])
    assert [json.loads(body)["Message"] for _, body in site.got[1:]] == ["retried"] * 3
    site.statuses = [404]
    sns.publish(TopicArn=topic, Message="refused")
    site.requests(5)
    platform.advance(100)
    sns.publish(TopicArn=topic, Message="last")
    assert json.loads(site.requests(6)[5][1])["Message"] == "last"


@pytest.mark.parametrize(("token", "text"), [("x", "Invalid token"), ("0" * 288, "Invalid parameter: Token")])
def test_tokens_that_confirm_nothing(sns, topic, refused, token, text):
    assert refused(sns.confirm_subscription, TopicArn=topic, Token=token)[1] == text


def test_the_platforms_own_doors_are_no_endpoints(sns, topic, endpoint):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{endpoint}/_samovar/reset")

    def failed():
        with urllib.request.urlopen(f"{endpoint}/_samovar/events?origin={topic}&outcome=failed") as response:
            return json.loads(response.read())["events"]

    [event] = until(failed)
    assert "no endpoints" in event["reason"]
    assert sns.get_topic_attributes(TopicArn=topic)


def test_mails_and_text_messages_are_kept_and_shown(sns, topic, endpoint, account):
    def shown():
        with urllib.request.urlopen(f"{endpoint}/_samovar/mail?account={account}") as response:
            return json.loads(response.read())["messages"]

    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="someone@example.com")
    [asked] = until(shown)
    assert (asked["protocol"], asked["address"]) == ("email", "someone@example.com")
    visit(re.search(r"http://\S+", asked["body"])[0])
    sns.publish(TopicArn=topic, Message="text", Subject="about")
    sns.publish(PhoneNumber="+15551234567", Message="by phone")
    found = until(lambda: len(shown()) == 3 and shown())
    assert {(each["protocol"], each["subject"]) for each in found[1:]} == {("email", "about"), ("sms", "")}
    assert any(each["body"].startswith("text\n") for each in found)


def test_phone_numbers_that_cannot_be(sns, refused):
    assert refused(sns.publish, PhoneNumber="+1a234", Message="m")[1] == (
        "Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish to"
    )
