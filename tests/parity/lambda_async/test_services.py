"""Dead letters and destinations in the services that they go to (facts/lambda-events.md §3)."""

import json

import pytest

ACCOUNT = "123456789012"
FAILS = "def handler(event, context): raise ValueError('boom')"


@pytest.fixture
def queue(platform, request):
    """(url, arn) of a queue of the test's own."""
    sqs = platform.client("sqs")
    name = request.node.name[:60].replace("[", "-").replace("]", "")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    yield url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def receive(platform, until):
    def message(url):
        def look():
            return platform.client("sqs").receive_message(
                QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
            ).get("Messages")

        [found] = until(look)
        return found

    return message


def once(platform, function, **config):
    platform.client("lambda").put_function_event_invoke_config(
        FunctionName=function.name, MaximumRetryAttempts=0, **config
    )


def test_a_dead_letter_queue_gets_the_event_with_three_attributes(platform, deploy, send, queue, receive):
    url, arn = queue
    function = deploy(FAILS, DeadLetterConfig={"TargetArn": arn})
    once(platform, function)
    id = send(function, b'{"a": 1}')
    message = receive(url)
    assert message["Body"] == '{"a": 1}'
    attributes = {name: (each["DataType"], each["StringValue"]) for name, each in message["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": ("String", id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "boom"),
    }


def test_a_dead_letter_topic_gets_them_as_well(platform, deploy, send, queue, receive):
    url, arn = queue
    sns = platform.client("sns")
    topic = sns.create_topic(Name="dead-letters")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "*", "Resource": arn}
    policy = {"Statement": [allow]}
    platform.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    function = deploy(FAILS, DeadLetterConfig={"TargetArn": topic})
    once(platform, function)
    id = send(function, b'{"a": 2}')
    told = json.loads(receive(url)["Body"])
    assert told["Message"] == '{"a": 2}'
    assert told["MessageAttributes"]["RequestID"] == {"Type": "String", "Value": id}
    sns.delete_topic(TopicArn=topic)


def test_a_queue_as_destination_gets_the_record_and_the_trace(platform, deploy, send, queue, receive):
    url, arn = queue
    function = deploy("def handler(event, context): return [1]")
    once(platform, function, DestinationConfig={"OnSuccess": {"Destination": arn}})
    id = send(function, b'"x"')
    message = receive(url)
    told = json.loads(message["Body"])
    assert told["requestContext"]["requestId"] == id
    assert (told["requestPayload"], told["responsePayload"]) == ("x", [1])
    assert "Lineage=" in message["Attributes"]["AWSTraceHeader"]


def test_a_bus_as_destination_gets_it_as_the_detail_of_an_event(platform, deploy, send, queue, receive):
    url, arn = queue
    events = platform.client("events")
    bus = events.create_event_bus(Name="results")["EventBusArn"]
    events.put_rule(Name="all", EventBusName="results", EventPattern='{"source": ["lambda"]}')
    events.put_targets(Rule="all", EventBusName="results", Targets=[{"Id": "q", "Arn": arn}])
    function = deploy(FAILS)
    once(platform, function, DestinationConfig={"OnFailure": {"Destination": bus}})
    id = send(function)
    event = json.loads(receive(url)["Body"])
    assert event["detail-type"] == "Lambda Function Invocation Result - Failure"
    assert event["resources"] == [bus, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function.name}:$LATEST"]
    assert event["detail"]["requestContext"]["requestId"] == id
    events.delete_event_bus(Name="results")


def test_a_bucket_as_failure_destination_gets_an_object(platform, deploy, send, until):
    s3 = platform.client("s3")
    s3.create_bucket(Bucket="failures")
    function = deploy(FAILS)
    once(platform, function, DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}})
    id = send(function)
    [found] = until(lambda: s3.list_objects_v2(Bucket="failures").get("Contents"))
    assert found["Key"].startswith(f"aws/lambda/async/{function.name}/")
    told = json.loads(s3.get_object(Bucket="failures", Key=found["Key"])["Body"].read())
    assert told["requestContext"]["requestId"] == id
    s3.delete_object(Bucket="failures", Key=found["Key"])
    s3.delete_bucket(Bucket="failures")
