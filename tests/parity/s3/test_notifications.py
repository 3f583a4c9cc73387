"""What happens to objects is told to queues, functions and buses (facts/s3.md §9)."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import package


@pytest.fixture
def queue(client: Callable[..., Any]) -> Any:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def queue_arn(client, queue):
    return client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


@pytest.fixture
def heard(client, queue):
    """The next `count` messages."""

    def heard(count):
        sqs, found, until = client("sqs"), [], time.monotonic() + 20
        while len(found) < count and time.monotonic() < until:
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        assert len(found) == count, found
        return found

    return heard


@pytest.fixture
def listen(s3, queue_arn, heard):
    """Has a bucket tell the queue, and takes the test event."""

    def listen(bucket, *events, **filters):
        rules = [{"Name": name, "Value": value} for name, value in filters.items()]
        configuration = {"QueueArn": queue_arn, "Events": list(events), "Filter": {"Key": {"FilterRules": rules}}}
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [configuration]}
        )
        [test] = heard(1)
        assert (test["Service"], test["Event"], test["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)

    return listen


def test_the_record_of_a_new_object(s3, bucket, listen, heard, account):
    listen(bucket, "s3:ObjectCreated:*")
    tag = s3.put_object(Bucket=bucket, Key="a b/@ö", Body=b"12345")["ETag"].strip('"')
    [message] = heard(1)
    [record] = message["Records"]
    told = (record["eventVersion"], record["eventSource"], record["eventName"])
    assert told == ("2.1", "aws:s3", "ObjectCreated:Put")
    assert record["awsRegion"] == "us-east-1" and record["eventTime"].endswith("Z")
    about = record["s3"]
    assert about["bucket"]["name"] == bucket and about["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert about["s3SchemaVersion"] == "1.0" and about["configurationId"]
    object_ = about["object"]
    assert (object_["key"], object_["size"], object_["eTag"]) == ("a+b/%40%C3%B6", 5, tag)
    assert len(object_["sequencer"]) == 18 and "versionId" not in object_
    assert record["responseElements"].keys() == {"x-amz-request-id", "x-amz-id-2"}


def test_each_way_to_make_and_remove_has_its_name(s3, versioned, listen, heard):
    listen(versioned, "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*")
    named = {"Bucket": versioned, "Key": "k"}
    id = s3.put_object(**named, Body=b"1")["VersionId"]
    s3.copy_object(Bucket=versioned, Key="c", CopySource=named)
    upload = {**named, "UploadId": s3.create_multipart_upload(**named)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    s3.put_object_tagging(**named, Tagging={"TagSet": []})
    s3.delete_object(**named)
    s3.delete_object(**named, VersionId=id)
    records = {message["Records"][0]["eventName"]: message["Records"][0] for message in heard(6)}
    assert records.keys() == {
        "ObjectCreated:Put", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload", "ObjectTagging:Put",
        "ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete",
    }  # fmt: skip
    deleted = records["ObjectRemoved:Delete"]["s3"]["object"]
    assert deleted["versionId"] == id and "size" not in deleted and "eTag" not in deleted
    marker = records["ObjectRemoved:DeleteMarkerCreated"]["s3"]["object"]
    assert marker["eTag"] == "d41d8cd98f00b204e9800998ecf8427e"
    tagged = records["ObjectTagging:Put"]
    assert tagged["eventVersion"] == "2.3" and "sequencer" not in tagged["s3"]["object"]


def test_only_what_the_filter_lets_through(s3, bucket, listen, heard):
    listen(bucket, "s3:ObjectCreated:Put", prefix="in/", suffix=".jpg")
    for key in ("in/a.png", "out/a.jpg", "in/a.jpg"):
        s3.put_object(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key="in/a.jpg")
    [message] = heard(1)
    assert message["Records"][0]["s3"]["object"]["key"] == "in/a.jpg"
    [kept] = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert [rule["Name"] for rule in kept["Filter"]["Key"]["FilterRules"]] == ["Prefix", "Suffix"]


def test_a_picture_that_arrives_runs_a_function(s3, bucket, deploy):
    function = deploy("""
    def handler(event, context):
        [record] = event["Records"]
        print("seen", record["s3"]["bucket"]["name"], record["s3"]["object"]["key"])
    """)
    target = f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
    configuration = {"LambdaFunctionArn": target, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    s3.put_object(Bucket=bucket, Key="picture", Body=b"x")
    until = time.monotonic() + 20
    while not (said := [line for stream in function.log().values() for line in stream if "seen" in line]):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert said == [f"seen {bucket} picture\n"]


def test_eventbridge_hears_everything(s3, bucket, client, queue_arn, heard):
    events = client("events")
    events.put_rule(Name="all", EventPattern='{"source": ["aws.s3"]}')
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": queue_arn}])
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=bucket, Key="a b", Body=b"12")
    [event] = heard(1)
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]
    detail = event["detail"]
    assert (detail["bucket"]["name"], detail["object"]["key"], detail["object"]["size"]) == (bucket, "a b", 2)
    assert detail["reason"] == "PutObject"
    events.remove_targets(Rule="all", Ids=["q"])
    events.delete_rule(Name="all")


def test_configurations_that_cannot_be(s3, bucket, refusal, queue_arn):
    def put(*configurations, **more):
        return refusal(
            s3.put_bucket_notification_configuration,
            Bucket=bucket,
            NotificationConfiguration={"QueueConfigurations": list(configurations), **more},
        )

    every = ["s3:ObjectCreated:*"]
    assert put({"QueueArn": "no", "Events": every}) == (400, "InvalidArgument", "The ARN could not be parsed")
    missing = queue_arn.replace("events", "none")
    assert put({"QueueArn": missing, "Events": every}) == (
        400, "InvalidArgument", "Unable to validate the following destination configurations",
    )  # fmt: skip
    assert put({"QueueArn": queue_arn, "Events": ["s3:Nothing"]})[2] == (
        "A specified event is not supported for notifications."
    )
    twice = [{"QueueArn": queue_arn, "Events": every}, {"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:Put"]}]
    assert put(*twice)[2].startswith("Configuration is ambiguously defined.")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_code_comes_from_buckets(s3, bucket, platform, deploy):
    """Code.S3Bucket; a version of the object by its id."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = lambda text: s3.put_object(Bucket=bucket, Key="f.zip", Body=package(f"def handler(e, c): return {text!r}"))  # noqa: E731
    first = put("one")["VersionId"]
    put("two")
    function = deploy("def handler(e, c): return 'zero'")
    lambda_ = platform.client("lambda")
    lambda_.update_function_code(FunctionName=function.name, S3Bucket=bucket, S3Key="f.zip")
    function.settle("function_updated_v2")
    assert function().result == "two"
    lambda_.update_function_code(FunctionName=function.name, S3Bucket=bucket, S3Key="f.zip", S3ObjectVersion=first)
    function.settle("function_updated_v2")
    assert function().result == "one"
