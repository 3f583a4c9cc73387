"""Deliveries between services are let in by the target's own policy, and by the role that a function runs under."""

import json
import sys
import time
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from samovar.store import keyfile

A = "000000000000"
QUEUE = f"arn:aws:sqs:us-east-1:{A}:from-s3"
DEADLINE_S = 60
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


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


def test_a_bucket_reaches_a_function_whose_policy_admits_s3_for_it(secured, iam, guarded, journal):
    """It is asked when the notification is configured, and again when it is delivered."""
    s3, lambda_ = secured.client("s3"), secured.client("lambda")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="pictures", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    code = {"ZipFile": guarded.package("def handler(event, context):\n    pass\n")}
    function = lambda_.create_function(
        FunctionName="pictures", Role=role, Handler="h.handler", Code=code, Runtime=RUNTIME
    )["FunctionArn"]  # fmt: skip
    lambda_.get_waiter("function_active_v2").wait(
        FunctionName="pictures", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000}
    )
    s3.create_bucket(Bucket="pictures")
    wiring = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]}
    asked = {"Bucket": "pictures", "NotificationConfiguration": wiring}
    with pytest.raises(ClientError, match="Unable to validate the following destination configurations"):
        s3.put_bucket_notification_configuration(**asked)
    lambda_.add_permission(
        FunctionName="pictures", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::pictures", SourceAccount=A,
    )  # fmt: skip
    s3.put_bucket_notification_configuration(**asked)
    s3.put_object(Bucket="pictures", Key="k", Body=b"x")
    told = f'"origin":"arn:aws:s3:::pictures","target":"{function}"'
    assert '"outcome":"delivered"' in until(lambda: told in journal() and journal())
    lambda_.remove_permission(FunctionName="pictures", StatementId="s3")
    s3.put_object(Bucket="pictures", Key="l", Body=b"x")
    until(lambda: "s3.amazonaws.com is not authorized to perform: lambda:InvokeFunction" in journal())
    s3.delete_objects(Bucket="pictures", Delete={"Objects": [{"Key": "k"}, {"Key": "l"}]})
    s3.delete_bucket(Bucket="pictures")
    lambda_.delete_function(FunctionName="pictures")
    iam.delete_role(RoleName="pictures")
