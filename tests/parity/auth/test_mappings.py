"""A queue's messages reach a function as far as the function's role may read the queue; and what comes of a function
goes where its role may send it."""

import json
import sys
import time

import pytest
from botocore.exceptions import ClientError

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
READS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def until(condition, within_s=60):
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.05)
    return found


def test_a_mapping_reads_the_queue_as_the_functions_role_may(secured, iam, guarded):
    sqs, lambda_ = secured.client("sqs"), secured.client("lambda")
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    hidden = {"VisibilityTimeout": "3"}  # the function's timeout: what was read, and couldn't be deleted, comes soon
    url = sqs.create_queue(QueueName="read-by-role", Attributes=hidden)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    code = {"ZipFile": guarded.package("def handler(event, context):\n    pass\n")}
    lambda_.create_function(FunctionName="reads", Role=role, Handler="h.handler", Code=code, Runtime=RUNTIME)
    lambda_.get_waiter("function_active_v2").wait(
        FunctionName="reads", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000}
    )
    with pytest.raises(ClientError) as caught:
        lambda_.create_event_source_mapping(EventSourceArn=arn, FunctionName="reads")
    text = "The provided execution role does not have permissions to call ReceiveMessage on SQS"
    assert caught.value.response["Error"]["Message"] == text
    statement = {"Effect": "Allow", "Action": list(READS), "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=policy)
    mapping = lambda_.create_event_source_mapping(EventSourceArn=arn, FunctionName="reads")["UUID"]
    iam.delete_role_policy(RoleName="reader", PolicyName="p")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left():
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    sqs.send_message(QueueUrl=url, MessageBody="text")
    until(lambda: f"cannot poll {arn}: AccessDenied" in guarded.said())
    assert left() == 1
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=policy)
    until(lambda: left() == 0)
    lambda_.delete_event_source_mapping(UUID=mapping)
    lambda_.delete_function(FunctionName="reads")
    sqs.delete_queue(QueueUrl=url)
    iam.delete_role_policy(RoleName="reader", PolicyName="p")
    iam.delete_role(RoleName="reader")


def test_dead_letters_need_a_role_that_may_send_them(secured, iam, guarded):
    sqs, lambda_ = secured.client("sqs"), secured.client("lambda")
    role = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    url = sqs.create_queue(QueueName="dead-by-role")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = {
        "FunctionName": "sends", "Role": role, "Handler": "h.handler", "Runtime": RUNTIME,
        "Code": {"ZipFile": guarded.package("def handler(event, context):\n    pass\n")},
        "DeadLetterConfig": {"TargetArn": arn},
    }  # fmt: skip
    with pytest.raises(ClientError) as caught:
        lambda_.create_function(**wanted)
    text = "The provided execution role does not have permissions to call SendMessage on SQS"
    assert caught.value.response["Error"]["Message"] == text
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="sender", PolicyName="p", PolicyDocument=policy)
    lambda_.create_function(**wanted)
    lambda_.delete_function(FunctionName="sends")
    sqs.delete_queue(QueueUrl=url)
    iam.delete_role_policy(RoleName="sender", PolicyName="p")
    iam.delete_role(RoleName="sender")


def test_a_destination_needs_a_role_that_may_send_to_it(secured, iam, guarded):
    sqs, lambda_ = secured.client("sqs"), secured.client("lambda")
    role = iam.create_role(RoleName="teller", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    url = sqs.create_queue(QueueName="told-by-role")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    code = {"ZipFile": guarded.package("def handler(event, context):\n    pass\n")}
    lambda_.create_function(FunctionName="tells", Role=role, Handler="h.handler", Code=code, Runtime=RUNTIME)
    wanted = {"FunctionName": "tells", "DestinationConfig": {"OnFailure": {"Destination": arn}}}
    with pytest.raises(ClientError) as caught:
        lambda_.put_function_event_invoke_config(**wanted)
    text = f"The function's execution role does not have permissions to call SendMessage on {arn}"
    assert caught.value.response["Error"]["Message"] == text
    assert lambda_.list_function_event_invoke_configs(FunctionName="tells")["FunctionEventInvokeConfigs"] == []
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="teller", PolicyName="p", PolicyDocument=policy)
    lambda_.get_waiter("function_active_v2").wait(
        FunctionName="tells", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000}
    )
    lambda_.publish_version(FunctionName="tells")
    lambda_.create_alias(FunctionName="tells", Name="live", FunctionVersion="1")
    for qualifier in ("$LATEST", "1", "live"):
        kept = lambda_.put_function_event_invoke_config(**wanted, Qualifier=qualifier)
        assert kept["DestinationConfig"]["OnFailure"] == {"Destination": arn}
    iam.delete_role_policy(RoleName="teller", PolicyName="p")
    left = lambda_.update_function_event_invoke_config(FunctionName="tells", DestinationConfig={"OnFailure": {}})
    assert left["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    lambda_.delete_function(FunctionName="tells")
    sqs.delete_queue(QueueUrl=url)
    iam.delete_role(RoleName="teller")
