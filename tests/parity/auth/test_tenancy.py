"""Two accounts on one server: every operation of every service, asked by one about the other's resources.

Requests are made from the service models: whatever can name a resource names the other account's. What an answer shows
must not be theirs, and what they have must be the same afterwards.
"""

import contextlib
import json

import botocore.loaders
import pytest
from botocore.exceptions import BotoCoreError, ClientError

A, B = "000000000000", "333333333333"
SECRET = "BelongsToTheOther"
LAMBDA = f"arn:aws:lambda:us-east-1:{A}"
ROLE = f"arn:aws:iam::{A}:role/tenant"
QUEUE = f"arn:aws:sqs:us-east-1:{A}:tenant"
TOPIC = f"arn:aws:sns:us-east-1:{A}:tenant"
GROUP = f"arn:aws:logs:us-east-1:{A}:log-group:tenant"
BUS = f"arn:aws:events:us-east-1:{A}:event-bus/tenant"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Sid": SECRET, "Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
NAMES = {
    "lambda": {"FunctionName": f"{LAMBDA}:function:tenant", "LayerName": f"{LAMBDA}:layer:tenant", "VersionNumber": 1,
               "Arn": f"{LAMBDA}:layer:tenant:1", "Resource": f"{LAMBDA}:function:tenant",
               "ResourceArn": f"{LAMBDA}:function:tenant", "Role": ROLE, "Handler": "h.handler",
               "Code": {"ZipFile": b"x"}, "Name": "alias"},
    "sqs": {"QueueUrl": f"http://localhost/{A}/tenant", "SourceArn": QUEUE, "QueueOwnerAWSAccountId": A,
            "QueueName": "tenant", "Attributes": {"DelaySeconds": "7"}, "Tags": {"own": "x"}},
    "sns": {"TopicArn": TOPIC, "ResourceArn": TOPIC, "SubscriptionArn": f"{TOPIC}:SUB", "TargetArn": TOPIC,
            "Protocol": "sqs", "Endpoint": f"arn:aws:sqs:us-east-1:{B}:q", "AttributeName": "DisplayName"},
    "logs": {"logGroupName": "tenant", "logGroupIdentifier": GROUP, "resourceArn": GROUP, "logStreamName": "tenant",
             "logGroupArn": GROUP, "retentionInDays": 3},
    "iam": {"RoleName": "tenant", "UserName": "tenant", "GroupName": "tenant", "AccessKeyId": "AKEY",
            "PolicyArn": f"arn:aws:iam::{A}:policy/tenant", "PolicySourceArn": ROLE, "PolicyName": "tenant",
            "VersionId": "v1", "InstanceProfileName": "tenant",
            "PolicyDocument": json.dumps(ALLOW).replace(SECRET, "Own")},
    "sts": {"RoleArn": ROLE, "RoleSessionName": "session"},
    "s3": {"Bucket": "tenant-of-a", "Key": "key", "CopySource": "tenant-of-a/key", "UploadId": "u"},
    "events": {"Name": BUS, "EventBusName": BUS, "ResourceARN": BUS, "Rule": "tenant",
               "ScheduleExpression": "rate(1 day)",
               "Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": BUS}]},
    "scheduler": {"Name": "tenant", "ResourceArn": f"arn:aws:scheduler:us-east-1:{A}:schedule-group/tenant"},
    "application-autoscaling": {"ResourceARN": f"arn:aws:application-autoscaling:us-east-1:{A}:scalable-target/x"},
}  # fmt: skip
"""Members by name; an event rule is named `tenant` on the bus, which `Rule` and the bus's ARN say together."""
READS = [
    ("lambda", "get_function_configuration", {"FunctionName": "tenant"}),
    ("lambda", "list_tags", {"Resource": f"{LAMBDA}:function:tenant"}),
    ("lambda", "list_aliases", {"FunctionName": "tenant"}),
    ("lambda", "list_function_url_configs", {"FunctionName": "tenant"}),
    ("lambda", "get_account_settings", {}),
    ("lambda", "list_layers", {}),
    ("sqs", "get_queue_attributes", {"QueueUrl": f"http://localhost/{A}/tenant", "AttributeNames": ["All"]}),
    ("sqs", "list_queue_tags", {"QueueUrl": f"http://localhost/{A}/tenant"}),
    ("sns", "get_topic_attributes", {"TopicArn": TOPIC}),
    ("sns", "list_subscriptions_by_topic", {"TopicArn": TOPIC}),
    ("sns", "list_tags_for_resource", {"ResourceArn": TOPIC}),
    ("logs", "describe_log_groups", {"logGroupNamePrefix": "tenant"}),
    ("logs", "get_log_events", {"logGroupName": "tenant", "logStreamName": "tenant", "startFromHead": True}),
    ("logs", "list_tags_for_resource", {"resourceArn": GROUP}),
    ("iam", "get_role", {"RoleName": "tenant"}),
    ("iam", "list_role_policies", {"RoleName": "tenant"}),
    ("iam", "get_policy", {"PolicyArn": f"arn:aws:iam::{A}:policy/tenant"}),
    ("s3", "list_object_versions", {"Bucket": "tenant-of-a"}),
    ("s3", "get_bucket_tagging", {"Bucket": "tenant-of-a"}),
    ("s3", "get_object_tagging", {"Bucket": "tenant-of-a", "Key": "key"}),
    ("events", "describe_event_bus", {"Name": "tenant"}),
    ("events", "list_rules", {"EventBusName": "tenant"}),
    ("events", "list_targets_by_rule", {"EventBusName": "tenant", "Rule": "tenant"}),
    ("events", "list_tags_for_resource", {"ResourceARN": BUS}),
    ("scheduler", "get_schedule_group", {"Name": "tenant"}),
]


@pytest.fixture(scope="module")
def theirs(secured, guarded):
    """What account A has; each piece says SECRET somewhere."""
    iam, sqs, s3, events = (secured.client(name) for name in ("iam", "sqs", "s3", "events"))
    tags = [{"Key": SECRET, "Value": SECRET}]
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="tenant", AssumeRolePolicyDocument=document, Description=SECRET, Tags=tags)
    iam.put_role_policy(RoleName="tenant", PolicyName="tenant", PolicyDocument=json.dumps(ALLOW))
    iam.create_policy(PolicyName="tenant", PolicyDocument=json.dumps(ALLOW), Description=SECRET)
    sqs.create_queue(QueueName="tenant", tags={SECRET: SECRET})
    sqs.send_message(QueueUrl=f"http://localhost/{A}/tenant", MessageBody=SECRET)
    secured.client("sns").create_topic(Name="tenant", Attributes={"DisplayName": SECRET}, Tags=tags)
    logs = secured.client("logs")
    logs.create_log_group(logGroupName="tenant", tags={SECRET: SECRET})
    logs.create_log_stream(logGroupName="tenant", logStreamName="tenant")
    now = logs.describe_log_groups(logGroupNamePrefix="tenant")["logGroups"][0]["creationTime"]
    event = {"timestamp": now, "message": SECRET}
    logs.put_log_events(logGroupName="tenant", logStreamName="tenant", logEvents=[event])
    s3.create_bucket(Bucket="tenant-of-a")
    s3.put_bucket_tagging(Bucket="tenant-of-a", Tagging={"TagSet": tags})
    s3.put_object(Bucket="tenant-of-a", Key="key", Body=SECRET.encode(), Tagging=f"{SECRET}=x")
    events.create_event_bus(Name="tenant", Description=SECRET, Tags=tags)
    events.put_rule(Name="tenant", EventBusName="tenant", EventPattern='{"source":["x"]}', Description=SECRET)
    secured.client("scheduler").create_schedule_group(Name="tenant", Tags=tags)
    lambda_ = secured.client("lambda")
    lambda_.create_function(
        FunctionName="tenant", Role=ROLE, Runtime=guarded.runtime, Handler="h.handler", Description=SECRET,
        Code={"ZipFile": guarded.package("def handler(event, context): return 'x'")}, Tags={SECRET: SECRET},
    )  # fmt: skip
    lambda_.get_waiter("function_active_v2").wait(FunctionName="tenant")
    content = {"ZipFile": guarded.package({"x": "x"})}
    lambda_.publish_layer_version(LayerName="tenant", Description=SECRET, Content=content)


def state(secured, clients):
    found = {}
    for service, operation, params in READS:
        client = clients.setdefault(service, secured.client(service))
        answer = getattr(client, operation)(**params)
        answer.pop("ResponseMetadata")
        found[f"{service}.{operation}"] = json.dumps(answer, default=str, sort_keys=True)
    return found


def requests(service):
    """(operation, parameters) of a service's whole model."""
    model = botocore.loaders.Loader().load_service_model(service, "service-2")
    for name, operation in model["operations"].items():
        shape = operation.get("input", {}).get("shape")
        yield name, _value(model["shapes"], shape, NAMES[service], 0) if shape else {}


def _value(shapes, name, named, depth):
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        members, needed = shape["members"], shape.get("required", [])
        return {
            member: named[member] if member in named else _value(shapes, ref["shape"], named, depth + 1)
            for member, ref in members.items()
            if member in named or (member in needed and depth < 6)
        }
    if kind == "list":
        return [_value(shapes, shape["member"]["shape"], named, depth + 1)] if depth < 6 else []
    if kind == "map":
        return {}
    if kind in ("integer", "long", "float", "double"):
        return max(1, int(shape.get("min", 1)))
    if kind == "boolean":
        return True
    if kind == "blob":
        return b"x"
    if kind == "timestamp":
        return 1_700_000_000
    return shape["enum"][0] if shape.get("enum") else "x" * max(1, shape.get("min", 1))


@pytest.mark.parametrize("service", sorted(NAMES))
def test_no_operation_shows_or_changes_what_another_account_has(secured, theirs, keys, service):
    clients = {}
    before = state(secured, clients)
    other = keys(B)
    stranger = secured.client(service, other, parameter_validation=False, read_timeout=20)
    shown, asked = [], 0
    for operation, params in requests(service):
        try:
            answer = stranger._make_api_call(operation, params)
        except (ClientError, BotoCoreError, TypeError, ValueError, AttributeError, LookupError):
            continue
        asked += 1
        for member, value in answer.items():
            if hasattr(value, "read"):
                answer[member] = value.read()
            elif hasattr(value, "close"):
                with contextlib.suppress(Exception):
                    value.close()
        if SECRET in repr({name: each for name, each in answer.items() if name != "ResponseMetadata"}):
            shown.append(operation)
    assert not shown
    assert state(secured, clients) == before
    assert asked or service in ("application-autoscaling", "s3"), "some operations are about nothing, and answer"
