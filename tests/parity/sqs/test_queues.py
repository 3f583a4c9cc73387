"""Queues and their attributes, by the sentences of facts/sqs.md §1-§3, §7."""

import json

import pytest

STANDARD = {
    "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp", "DelaySeconds", "LastModifiedTimestamp", "MaximumMessageSize", "MessageRetentionPeriod",
    "QueueArn", "ReceiveMessageWaitTimeSeconds", "SqsManagedSseEnabled", "VisibilityTimeout",
}  # fmt: skip


def attributes(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names or ["All"]).get("Attributes", {})


def test_a_fresh_standard_queue_has_exactly_these_attributes(sqs, url, account):
    found = attributes(sqs, url)
    assert set(found) == STANDARD
    assert found["MaximumMessageSize"] == "1048576"
    assert found["SqsManagedSseEnabled"] == "true"
    assert found["QueueArn"] == f"arn:aws:sqs:us-east-1:{account}:standard"
    assert url.endswith(f"/{account}/standard")


def test_a_fifo_queue_has_four_more(sqs, make):
    found = attributes(sqs, make(fifo=True))
    assert set(found) - STANDARD == {
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "FifoQueue",
        "FifoThroughputLimit",
    }
    assert (found["DeduplicationScope"], found["FifoThroughputLimit"]) == ("queue", "perQueue")


def test_creating_again_with_equal_or_no_attributes_returns_the_url(sqs, make, refused):
    url = make("again", DelaySeconds="5")
    assert make("again") == make("again", DelaySeconds="5") == url
    code, text, status = refused(sqs.create_queue, QueueName="again", Attributes={"DelaySeconds": "6"})
    assert (code, status) == ("QueueAlreadyExists", 400)
    assert text == "A queue already exists with the same name and a different value for attribute DelaySeconds"


@pytest.mark.parametrize("name", ["", "a b", "x" * 81, "standard.fifo", "ä"])
def test_a_wrong_name_is_refused(sqs, refused, name):
    code, text, _ = refused(sqs.create_queue, QueueName=name)
    assert code in ("InvalidParameterValue", "MissingParameter"), text


def test_a_deleted_queue_is_gone_and_its_name_is_free_after_a_minute(sqs, url, refused, platform):
    sqs.delete_queue(QueueUrl=url)
    assert refused(sqs.delete_queue, QueueUrl=url) == (
        "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400
    )  # fmt: skip
    code, text, _ = refused(sqs.create_queue, QueueName="standard")
    assert code == "AWS.SimpleQueueService.QueueDeletedRecently"
    assert text.startswith("You must wait 60 seconds after deleting a queue")
    platform.advance(60)
    assert sqs.create_queue(QueueName="standard")["QueueUrl"] == url


def test_a_queue_is_found_by_name_url_of_any_host_and_bare_name(sqs, url, account):
    assert sqs.get_queue_url(QueueName="standard")["QueueUrl"] == url
    for form in (
        f"https://sqs.us-east-1.amazonaws.com/{account}/standard",
        f"https://queue.amazonaws.com/{account}/standard",
        "standard",
    ):
        assert attributes(sqs, form, "QueueArn")
    assert sqs.exceptions.QueueDoesNotExist


def test_the_error_of_a_missing_queue_carries_two_names(sqs):
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.get_queue_url(QueueName="nowhere")
    error = caught.value.response["Error"]
    assert error["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert error["QueryErrorCode"] == "QueueDoesNotExist"
    assert error["Type"] == "Sender"


def test_queues_are_listed_by_prefix_and_in_pages(sqs, make):
    urls = sorted(make(f"list-{number}") for number in range(5))
    make("other")
    assert sqs.list_queues(QueueNamePrefix="list-")["QueueUrls"] == urls
    first = sqs.list_queues(QueueNamePrefix="list-", MaxResults=3)
    rest = sqs.list_queues(QueueNamePrefix="list-", MaxResults=3, NextToken=first["NextToken"])
    assert first["QueueUrls"] + rest["QueueUrls"] == urls
    assert "NextToken" not in rest
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="none")


def test_attributes_are_set_within_their_bounds(sqs, url, refused):
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0", "DelaySeconds": "900"})
    assert attributes(sqs, url, "VisibilityTimeout", "DelaySeconds") == {
        "VisibilityTimeout": "0",
        "DelaySeconds": "900",
    }
    for name, value in {
        "VisibilityTimeout": "43201", "DelaySeconds": "-1", "MaximumMessageSize": "1048577",
        "MessageRetentionPeriod": "59", "ReceiveMessageWaitTimeSeconds": "x",
    }.items():  # fmt: skip
        code, text, _ = refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={name: value})
        assert (code, text) == ("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Foobar": "1"})[:2] == (
        "InvalidAttributeName", "Unknown Attribute Foobar."
    )  # fmt: skip
    assert refused(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Foobar"])[0] == "InvalidAttributeName"


def test_asking_for_no_or_unset_attributes_answers_none(sqs, url):
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "FifoQueue"])


def test_what_belongs_to_fifo_queues_is_refused_for_standard_ones(sqs, make, refused):
    for name, text in {
        "FifoQueue": "Unknown Attribute FifoQueue.",
        "ContentBasedDeduplication": "Unknown Attribute ContentBasedDeduplication.",
        "DeduplicationScope": "You can specify the DeduplicationScope only when FifoQueue is set to true.",
        "FifoThroughputLimit": "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
    }.items():
        value = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}.get(name, "false")
        assert refused(sqs.create_queue, QueueName="s", Attributes={name: value})[:2] == ("InvalidAttributeName", text)
    url = make(fifo=True)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "True"})
    assert attributes(sqs, url, "ContentBasedDeduplication") == {"ContentBasedDeduplication": "true"}
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"FifoQueue": "false"})[1] == (
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    )


def test_one_kind_of_encryption_at_a_time(sqs, url, refused):
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds": "300"}
    )
    assert attributes(sqs, url, "SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "false"}
    assert (
        refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})[0]
        == "InvalidAttributeName"
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"})
    assert set(attributes(sqs, url)) == STANDARD
    assert attributes(sqs, url, "SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "false"}


def test_a_policy_is_kept_as_text_and_an_empty_one_removes_it(sqs, url, refused):
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    assert attributes(sqs, url, "Policy") == {"Policy": policy}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert attributes(sqs, url, "Policy") == {}
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": "{"})[0] == "InvalidAttributeValue"


def test_permissions_are_statements_of_the_policy(sqs, url, arn_of, account, refused):
    arn = arn_of(url)
    sqs.add_permission(QueueUrl=url, Label="one", AWSAccountIds=["111111111111"], Actions=["ReceiveMessage"])
    sqs.add_permission(QueueUrl=url, Label="two", AWSAccountIds=["1" * 12, "2" * 12], Actions=["*", "SendMessage"])
    policy = json.loads(attributes(sqs, url, "Policy")["Policy"])
    assert policy == {
        "Version": "2008-10-17",
        "Id": f"{arn}/SQSDefaultPolicy",
        "Statement": [
            {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
             "Action": "SQS:ReceiveMessage", "Resource": arn},
            {"Sid": "two", "Effect": "Allow", "Principal": {"AWS": [f"arn:aws:iam::{n * 12}:root" for n in "12"]},
             "Action": ["SQS:*", "SQS:SendMessage"], "Resource": arn},
        ],
    }  # fmt: skip
    again = {"QueueUrl": url, "Label": "one", "AWSAccountIds": ["1" * 12], "Actions": ["*"]}
    assert (
        refused(sqs.add_permission, **again)[1] == "Value one for parameter Label is invalid. Reason: Already exists."
    )
    for label in ("one", "two"):
        sqs.remove_permission(QueueUrl=url, Label=label)
    assert attributes(sqs, url, "Policy") == {}
    assert refused(sqs.remove_permission, QueueUrl=url, Label="one")[1].endswith("Reason: can't find label.")


def test_a_queue_is_tagged_and_untagged_up_to_fifty_times(sqs, make, refused):
    url = sqs.create_queue(QueueName="tagged", tags={"a": "1"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"b": "", "a": "2"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "2", "b": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["a", "b", "c"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
    assert refused(sqs.tag_queue, QueueUrl=url, Tags={f"k{n}": "" for n in range(51)})[0] == "InvalidParameterValue"


def test_a_purge_empties_the_queue_in_flight_and_delayed_once_a_minute(sqs, url, receive, counts, refused, platform):
    for delay in (0, 0, 100):
        sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=delay)
    [message] = receive(url, MaxNumberOfMessages=1)
    sqs.purge_queue(QueueUrl=url)
    assert counts(url) == (0, 0, 0)
    assert refused(sqs.purge_queue, QueueUrl=url) == (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Only one PurgeQueue operation on standard is allowed every 60 seconds.",
        403,
    )
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.send_message(QueueUrl=url, MessageBody="after")
    platform.advance(100)
    assert [m["Body"] for m in receive(url)] == ["after"]
    sqs.purge_queue(QueueUrl=url)


def test_queues_of_other_regions_are_others(client, sqs, url, refused):
    assert refused(client("sqs", region="eu-west-1").get_queue_url, QueueName="standard")[0].endswith(
        "NonExistentQueue"
    )
    assert client("sqs", account="222222222222").get_queue_url(
        QueueName="standard", QueueOwnerAWSAccountId=url.split("/")[-2]
    )["QueueUrl"] == url  # fmt: skip
