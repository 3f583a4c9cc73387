"""Permissions that count (facts/iam.md §6), with boto3."""

import json

import pytest
from botocore.exceptions import ClientError

QUEUES = {"Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:ListQueues", "sqs:GetQueueUrl"], "Resource": "*"}
A = "000000000000"


def refused(call, **params):
    with pytest.raises(ClientError) as error:
        call(**params)
    found = error.value.response
    return found["Error"]["Code"], found["Error"]["Message"], found["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(scope="module")
def queue(secured):
    sqs = secured.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def test_what_isnt_allowed_is_refused_in_awss_words_and_with_permission_it_works(secured, user, queue):
    ada = user("ada", QUEUES)
    sqs = secured.client("sqs", ada)
    text = (
        f"User: arn:aws:iam::{A}:user/ada is not authorized to perform: sqs:SendMessage on resource: "
        f"arn:aws:sqs:us-east-1:{A}:jobs because no identity-based policy allows the sqs:SendMessage action"
    )
    assert refused(sqs.send_message, QueueUrl=queue, MessageBody="x")[:2] == ("AccessDenied", text)
    sends = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:*:{A}:jobs"}
    user.allow("ada", QUEUES, sends)
    assert sqs.send_message(QueueUrl=queue, MessageBody="x")["MessageId"]
    user.allow("ada", QUEUES, sends, {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"})
    denied = refused(sqs.send_message, QueueUrl=queue, MessageBody="x")
    assert denied[1].endswith("with an explicit deny in an identity-based policy")


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "status", "action"),
    [
        ("lambda", "list_functions", {}, "AccessDeniedException", 403, "lambda:ListFunctions"),
        ("lambda", "get_function", {"FunctionName": "f"}, "AccessDeniedException", 403, "lambda:GetFunction"),
        ("logs", "describe_log_groups", {}, "AccessDeniedException", 400, "logs:DescribeLogGroups"),
        ("iam", "get_role", {"RoleName": "r"}, "AccessDenied", 403, "iam:GetRole"),
    ],
)
def test_each_protocol_has_its_own_code_and_status(secured, user, service, operation, params, code, status, action):
    nobody = user("nobody", QUEUES)
    found = refused(getattr(secured.client(service, nobody), operation), **params)
    assert found[0] == code and found[2] == status
    assert f"user/nobody is not authorized to perform: {action} " in found[1]


def test_who_am_i_needs_no_permission(secured, user):
    denied = user("denied", {"Effect": "Deny", "Action": "*", "Resource": "*"})
    assert secured.client("sts", denied).get_caller_identity()["Arn"] == f"arn:aws:iam::{A}:user/denied"


def test_a_role_admits_whom_it_trusts_and_its_session_may_do_what_the_role_may(secured, user, iam, queue):
    role = _role(iam, "sender", {"AWS": f"arn:aws:iam::{A}:root"})
    mine = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role["Arn"]}
    allowed, stranger = user("allowed", mine), user("stranger", QUEUES)
    ask = {"RoleArn": role["Arn"], "RoleSessionName": "s1"}
    stranger_arn = f"arn:aws:iam::{A}:user/stranger"
    text = f"User: {stranger_arn} is not authorized to perform: sts:AssumeRole on resource: {role['Arn']}"
    assert refused(secured.client("sts", stranger).assume_role, **ask) == ("AccessDenied", text, 403)
    ghost = {"RoleArn": f"arn:aws:iam::{A}:role/ghost", "RoleSessionName": "s1"}
    assert refused(secured.client("sts", allowed).assume_role, **ghost)[0] == "AccessDenied"
    answer = secured.client("sts", allowed).assume_role(**ask)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{A}:assumed-role/sender/s1"
    session = answer["Credentials"]
    assert secured.client("sts", session).get_caller_identity()["UserId"] == f"{role['RoleId']}:s1"
    sqs = secured.client("sqs", session)
    assert "assumed-role/sender/s1 is not authorized" in refused(sqs.send_message, QueueUrl=queue, MessageBody="x")[1]
    iam.put_role_policy(RoleName="sender", PolicyName="p", PolicyDocument=_document("sqs:*"))
    assert sqs.send_message(QueueUrl=queue, MessageBody="x")["MessageId"]
    only_reading = _document("sqs:GetQueueAttributes")
    cut = secured.client("sts", allowed).assume_role(**ask, Policy=only_reading)
    assert cut["PackedPolicySize"] > 0
    message = refused(secured.client("sqs", cut["Credentials"]).send_message, QueueUrl=queue, MessageBody="x")[1]
    assert message.endswith("because no session policy allows the sqs:SendMessage action")
    iam.delete_role_policy(RoleName="sender", PolicyName="p")
    iam.delete_role(RoleName="sender")
    assert refused(sqs.send_message, QueueUrl=queue, MessageBody="x")[0] == "InvalidClientTokenId"


def test_conditions_of_a_request_count(secured, user, iam, queue):
    tagged = {"StringEquals": {"aws:PrincipalTag/team": "a", "aws:RequestedRegion": "us-east-1"}}
    here = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "Bool": {"aws:SecureTransport": "false"}}
    ada = user("tagged", {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": {**tagged, **here}})
    sqs = secured.client("sqs", ada)
    assert refused(sqs.send_message, QueueUrl=queue, MessageBody="x")[0] == "AccessDenied"
    iam.tag_user(UserName="tagged", Tags=[{"Key": "team", "Value": "a"}])
    assert sqs.send_message(QueueUrl=queue, MessageBody="x")["MessageId"]


def _role(iam, name, principal):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]


def _document(action):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
