"""What the platform tells of itself: AWS/Lambda, AWS/SQS, AWS/SNS, AWS/Events (facts/cloudwatch.md §6)."""

import io
import json
import time
import zipfile

import pytest

DEADLINE_S = 60


@pytest.fixture
def sums(desk):
    """What a metric has come to in all, when it has come to something: `sums("AWS/SQS", "Name", QueueName="q")`."""

    def sums(namespace, name, stat="Sum", until=lambda value: value is not None, **dimensions):
        named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": named}
        query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 86_400 * 7, "Stat": stat}}
        deadline = time.monotonic() + DEADLINE_S
        while True:
            span = {"StartTime": desk.now() - 3600, "EndTime": desk.now() + 3600}
            answer = desk.cloudwatch.get_metric_data(MetricDataQueries=[query], **span)
            values = answer["MetricDataResults"][0]["Values"]
            found = sum(values) if values else None
            if until(found):
                return found
            assert time.monotonic() < deadline, (name, found)
            time.sleep(0.05)

    return sums


def test_invocations_errors_and_durations_of_functions(client, account, sums):
    function = client("lambda")
    code = "def handler(event, context):\n    return event['n'] / event['by']"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("f.py", code)
    role = f"arn:aws:iam::{account}:role/r"
    named = {"FunctionName": "f"}
    made = {"Runtime": "python3.11", "Handler": "f.handler", "Role": role, "Code": {"ZipFile": archive.getvalue()}}
    function.create_function(**named, **made)
    function.get_waiter("function_active_v2").wait(**named, WaiterConfig={"Delay": 1})
    version = function.publish_version(**named)["Version"]
    function.create_alias(**named, Name="live", FunctionVersion=version)
    for by in (1, 2, 0):
        function.invoke(**named, Payload=json.dumps({"n": 1, "by": by}).encode())
    function.invoke(**named, Qualifier="live", Payload=b'{"n": 1, "by": 1}')
    for dimensions, count in (({}, 4), ({"FunctionName": "f"}, 4), ({"FunctionName": "f", "Resource": "f:live"}, 1)):
        assert sums("AWS/Lambda", "Invocations", **dimensions) == count
        assert sums("AWS/Lambda", "Errors", **dimensions) == (count == 4)
        assert sums("AWS/Lambda", "Errors", "SampleCount", **dimensions) == count
        assert sums("AWS/Lambda", "Duration", "SampleCount", **dimensions) == count
        assert sums("AWS/Lambda", "Duration", "p50", **dimensions) > 0
        assert sums("AWS/Lambda", "ConcurrentExecutions", "Maximum", **dimensions) == 1
    function.invoke(**named, InvocationType="Event", Payload=b'{"n": 1, "by": 1}')
    assert sums("AWS/Lambda", "AsyncEventsReceived", FunctionName="f") == 1
    assert sums("AWS/Lambda", "AsyncEventAge", "SampleCount", FunctionName="f") == 1
    function.put_function_concurrency(**named, ReservedConcurrentExecutions=0)
    with pytest.raises(function.exceptions.TooManyRequestsException):
        function.invoke(**named, Payload=b"{}")
    assert sums("AWS/Lambda", "Throttles", until=lambda value: value, FunctionName="f") == 1
    function.delete_function(**named)


def test_what_goes_over_topics_queues_and_rules(client, account, sums, platform):
    sqs, sns, events = client("sqs"), client("sns"), client("events")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{account}:q"
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue + "2", Attributes={"FilterPolicy": '{"a": ["b"]}'})
    events.put_rule(Name="r", EventPattern='{"source": ["s"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": queue}])
    sns.publish(TopicArn=topic, Message="hello")
    events.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}])
    sqs.send_message(QueueUrl=url, MessageBody="12345")
    assert sums("AWS/SQS", "NumberOfMessagesSent", until=lambda value: value == 3, QueueName="q") == 3
    assert sums("AWS/SQS", "SentMessageSize", "Minimum", QueueName="q") == 5
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    platform.advance(61)
    assert sums("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName="q") >= 2
    assert sums("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName="q") >= 60
    assert sums("AWS/SQS", "NumberOfMessagesReceived", QueueName="q") == 1
    assert sums("AWS/SQS", "NumberOfMessagesDeleted", QueueName="q") == 1
    assert sums("AWS/SNS", "NumberOfMessagesPublished", TopicName="t") == 1
    assert sums("AWS/SNS", "PublishSize", TopicName="t") == 5
    assert sums("AWS/SNS", "NumberOfNotificationsDelivered", TopicName="t") == 1
    assert sums("AWS/SNS", "NumberOfNotificationsFilteredOut", TopicName="t") == 1
    assert sums("AWS/Events", "TriggeredRules", RuleName="r") == 1
    assert sums("AWS/Events", "Invocations", RuleName="r") == 1
