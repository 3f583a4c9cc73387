"""Topics and subscriptions as records, by the sentences of facts/sns.md §1-§3."""

import json

import pytest

QUEUE = "arn:aws:sqs:us-east-1:{}:q"


def test_a_fresh_topic_has_these_attributes(sns, topic, account):
    found = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert set(found) == {
        "TopicArn", "Owner", "Policy", "DisplayName", "EffectiveDeliveryPolicy", "SubscriptionsConfirmed",
        "SubscriptionsPending", "SubscriptionsDeleted",
    }  # fmt: skip
    assert (found["TopicArn"], found["Owner"]) == (f"arn:aws:sns:us-east-1:{account}:standard", account)
    policy = json.loads(found["Policy"])
    assert policy["Statement"][0]["Condition"] == {"StringEquals": {"AWS:SourceOwner": account}}
    assert json.loads(found["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3


def test_creating_is_idempotent_but_for_other_attributes_and_tags(sns, refused):
    first = sns.create_topic(Name="t", Attributes={"DisplayName": "x"}, Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    assert sns.create_topic(Name="t")["TopicArn"] == first
    assert refused(sns.create_topic, Name="t", Attributes={"DisplayName": "y"}) == (
        "InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes", 400
    )  # fmt: skip
    assert refused(sns.create_topic, Name="t", Tags=[{"Key": "a", "Value": "2"}])[1].endswith("with different tags")


@pytest.mark.parametrize("name", ["x" * 257, "a b", "t.fifo", "ä"])
def test_a_wrong_name_is_refused(sns, refused, name):
    assert refused(sns.create_topic, Name=name) == ("InvalidParameter", "Invalid parameter: Topic Name", 400)
    assert refused(sns.create_topic, Name="t", Attributes={"FifoTopic": "true"})[1] == "Invalid parameter: Topic Name"


def test_arns_that_cannot_be(sns, refused, topic):
    assert refused(sns.publish, TopicArn="x", Message="m")[1] == (
        "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"
    )
    other = topic.replace("us-east-1", "eu-west-1")
    assert refused(sns.publish, TopicArn=other, Message="m")[1] == "Invalid parameter: TopicArn"
    assert refused(sns.publish, TopicArn=f"{topic}x", Message="m") == ("NotFound", "Topic does not exist", 404)
    assert refused(sns.get_subscription_attributes, SubscriptionArn=f"{topic}:{'0' * 36}")[:2] == (
        "NotFound", "Subscription does not exist"
    )  # fmt: skip


def test_deleting_what_is_not_there_succeeds(sns, topic):
    sns.delete_topic(TopicArn=topic)
    sns.delete_topic(TopicArn=topic)
    sns.unsubscribe(SubscriptionArn=f"{topic}:00000000-0000-4000-8000-000000000000")
    assert sns.list_topics()["Topics"] == []


def test_topics_are_listed_by_the_hundred(sns):
    arns = {sns.create_topic(Name=f"t{number}")["TopicArn"] for number in range(101)}
    first = sns.list_topics()
    rest = sns.list_topics(NextToken=first["NextToken"])
    assert len(first["Topics"]) == 100
    assert {topic["TopicArn"] for topic in first["Topics"] + rest["Topics"]} == arns


def test_attributes_are_set_and_what_is_not_here_is_refused_by_name(sns, topic, refused):
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SignatureVersion"] == "2"
    wrong = {"TopicArn": topic, "AttributeName": "FifoTopic", "AttributeValue": "true"}
    assert refused(sns.set_topic_attributes, **wrong)[1] == "Invalid parameter: AttributeName"
    absent = {"TopicArn": topic, "AttributeName": "SQSSuccessFeedbackRoleArn", "AttributeValue": "x"}
    assert refused(sns.set_topic_attributes, **absent)[2] == 501


def test_permissions_are_statements_of_the_policy(sns, topic, refused):
    wish = {"TopicArn": topic, "Label": "one", "AWSAccountId": ["1" * 12], "ActionName": ["Publish"]}
    sns.add_permission(**wish)
    assert refused(sns.add_permission, **wish)[1] == "Invalid parameter: Statement already exists"
    assert refused(sns.add_permission, **{**wish, "Label": "b", "ActionName": ["X"]})[1] == (
        "Invalid parameter: Policy statement action out of service scope!"
    )
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert policy["Statement"][1] == {
        "Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "SNS:Publish", "Resource": topic,
    }  # fmt: skip
    for _ in range(2):
        sns.remove_permission(TopicArn=topic, Label="one")
    assert len(json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]) == 1


def test_a_topic_is_tagged_and_untagged(sns, topic, refused):
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["b"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "a", "Value": "1"}]
    assert refused(sns.list_tags_for_resource, ResourceArn=f"{topic}x")[:2] == (
        "ResourceNotFound", "Resource does not exist"
    )  # fmt: skip


def test_subscribing_is_idempotent_per_protocol_and_endpoint(sns, topic, account, refused):
    wish = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": QUEUE.format(account)}
    first = sns.subscribe(**wish, Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"]
    assert first.startswith(f"{topic}:")
    assert sns.subscribe(**wish)["SubscriptionArn"] == first
    assert refused(sns.subscribe, **wish, Attributes={"RawMessageDelivery": "false"})[1] == (
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    )
    shown = sns.get_subscription_attributes(SubscriptionArn=first)["Attributes"]
    assert shown == {
        "SubscriptionArn": first, "TopicArn": topic, "Owner": account, "Protocol": "sqs",
        "Endpoint": QUEUE.format(account), "SubscriptionPrincipal": f"arn:aws:iam::{account}:root",
        "ConfirmationWasAuthenticated": "true", "PendingConfirmation": "false", "RawMessageDelivery": "true",
    }  # fmt: skip
    assert [each["SubscriptionArn"] for each in sns.list_subscriptions()["Subscriptions"]] == [first]
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 1
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"
    sns.unsubscribe(SubscriptionArn=first)
    assert sns.list_subscriptions()["Subscriptions"] == []


@pytest.mark.parametrize(
    ("protocol", "address", "text"),
    [
        ("test-protocol", "x", "Invalid parameter: Amazon SNS does not support this protocol string: test-protocol"),
        ("sqs", "http://x/1/q", "Invalid parameter: SQS endpoint ARN"),
        ("sms", "NAA+15551234567", "Invalid parameter: Invalid SMS endpoint: NAA+15551234567"),
        (
            "sqs", "arn:aws:sqs:us-east-1:1:q.fifo",
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard "
            "SNS topics",
        ),
    ],
)  # fmt: skip
def test_endpoints_that_cannot_be(sns, topic, refused, protocol, address, text):
    assert refused(sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=address)[1] == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RawMessageDelivery", "x", "RawMessageDelivery: Invalid value [x]. Must be true or false."),
        ("RedrivePolicy", '{"deadLetterTargetArn": "x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (
            "FilterPolicyScope", "Random",
            "FilterPolicyScope: Invalid value [Random]. Please use either MessageBody or MessageAttributes",
        ),
        ("FilterPolicy", '{"a": [{"x": 1}]}', "FilterPolicy: Unrecognized match type x\n at [Source: (String)"),
        ("FilterPolicy", '{"a": [{"wildcard": "*"}]}', "FilterPolicy: Unrecognized match type wildcard"),
        ("FilterPolicy", "{i}", "FilterPolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was"),
        ("FilterPolicy", json.dumps({c: ["x"] for c in "abcdef"}), "FilterPolicy: Filter policy can not have"),
        ("FilterPolicy", json.dumps({"a": list(map(str, range(151)))}), "FilterPolicy: Filter policy is too complex"),
        ("FilterPolicy", '{"a": {"b": ["x"]}}', "Filter policy scope MessageAttributes does not support nested filter"),
    ],
)  # fmt: skip
def test_attributes_of_subscriptions_that_cannot_be(sns, topic, account, refused, name, value, text):
    wish = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": QUEUE.format(account)}
    code, message, _ = refused(sns.subscribe, **wish, Attributes={name: value})
    assert code == "InvalidParameter"
    assert message.startswith(f"Invalid parameter: Attributes Reason: {text}")
    subscription = sns.subscribe(**wish)["SubscriptionArn"]
    change = {"SubscriptionArn": subscription, "AttributeName": name, "AttributeValue": value}
    assert refused(sns.set_subscription_attributes, **change)[1].startswith(f"Invalid parameter: {text}")


def test_a_filter_policy_is_kept_with_its_scope_and_an_empty_one_removes_it(sns, topic, account):
    policy = '{"a": ["x"]}'
    wish = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": QUEUE.format(account)}
    arn = sns.subscribe(**wish, Attributes={"FilterPolicy": policy})["SubscriptionArn"]

    def shown():
        return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]

    assert (shown()["FilterPolicy"], shown()["FilterPolicyScope"]) == (policy, "MessageAttributes")
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="")
    assert not {"FilterPolicy", "FilterPolicyScope"} & set(shown())


def test_settings_of_text_messages(sns, refused):
    assert sns.get_sms_attributes()["attributes"] == {"MonthlySpendLimit": "1"}
    sns.set_sms_attributes(attributes={"DefaultSenderID": "Shop1"})
    assert sns.get_sms_attributes(attributes=["DefaultSenderID"])["attributes"] == {"DefaultSenderID": "Shop1"}
    assert refused(sns.set_sms_attributes, attributes={"X": "1"})[1] == "X is not a valid attribute"
    assert sns.check_if_phone_number_is_opted_out(phoneNumber="+15551234567")["isOptedOut"] is False


def test_what_is_not_here_says_so(sns, refused):
    wish = {"Name": "app", "Platform": "GCM", "Attributes": {}}
    assert refused(sns.create_platform_application, **wish)[2] == 501
