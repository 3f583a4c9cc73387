"""Deliveries between services are let in by the target's own policy, and by the role that a function runs under."""

import json
import time
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from samovar.store import keyfile

A = "000000000000"
QUEUE = f"arn:aws:sqs:us-east-1:{A}:from-s3"
DEADLINE_S = 60


def until(found):
    """What `found` gives, as soon as it gives something."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it hasn't come in time")


@pytest.fixture(scope="module")
def journal(guarded, data_dir):
    """The platform's own record of deliveries, as its operator sees it."""
    secret = keyfile.derive(keyfile.read(data_dir), "SAMOVAROPERATOR")

    def read():
        request = AWSRequest("GET", f"{guarded.endpoint}/_samovar/events")
        SigV4Auth(Credentials("SAMOVAROPERATOR", secret), "samovar", "local").add_auth(request)
        with urllib.request.urlopen(urllib.request.Request(request.url, headers=dict(request.headers))) as response:
            return response.read().decode()

    return read


def test_only_the_operator_sees_the_journal(guarded):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{guarded.endpoint}/_samovar/events")
    refused.value.close()
    assert refused.value.code == 403


def test_a_bucket_reaches_a_queue_whose_policy_admits_s3_for_it_and_no_other(secured, journal):
    s3, sqs = secured.client("s3"), secured.client("sqs")
    url = sqs.create_queue(QueueName="from-s3")["QueueUrl"]
    wiring = {"QueueConfigurations": [{"QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"]}]}
    for bucket in ("delivers-not", "delivers-well"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=wiring, SkipDestinationValidation=True
        )
    statement = {
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": QUEUE,
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::delivers-well"},
                      "StringEquals": {"aws:SourceAccount": A}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    s3.put_object(Bucket="delivers-not", Key="refused", Body=b"x")
    said = until(lambda: "no resource-based policy allows the sqs:SendMessage action" in journal() and journal())
    assert "s3.amazonaws.com is not authorized to perform: sqs:SendMessage" in said
    s3.put_object(Bucket="delivers-well", Key="admitted", Body=b"x")

    def received():
        return sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages")

    bodies = [message["Body"] for message in until(received)]
    assert any('"admitted"' in body for body in bodies) and not any('"refused"' in body for body in bodies)
