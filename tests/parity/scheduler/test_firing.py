"""When schedules fire, and what they send (facts/eventbridge.md §F2, §F3)."""

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest


def test_a_rate_fires_at_once_and_then_every_period(lab):
    queue = lab.queue()
    lab.create("rate(5 minutes)", queue)
    assert lab.bodies(queue) == ["fired"]
    lab.platform.advance(301)
    lab.bodies(queue)
    lab.platform.advance(600)
    lab.bodies(queue, 2)


def test_a_one_time_schedule_fires_once_in_its_time_zone_and_stays(lab):
    queue = lab.queue()
    moment = (lab.now() + timedelta(hours=2)).astimezone(ZoneInfo("Asia/Kathmandu"))
    lab.create(f"at({moment:%Y-%m-%dT%H:%M:%S})", queue, ScheduleExpressionTimezone="Asia/Kathmandu")
    lab.platform.advance(3600)
    assert lab.waiting(queue) == 0
    lab.platform.advance(3601)
    lab.bodies(queue)
    lab.platform.advance(90_000)
    assert lab.scheduler.get_schedule(Name="s")["State"] == "ENABLED"
    assert lab.waiting(queue) == 0


def test_a_schedule_can_delete_itself_when_it_has_fired(lab):
    queue = lab.queue()
    moment = lab.now() + timedelta(minutes=10)
    lab.create(f"at({moment:%Y-%m-%dT%H:%M:%S})", queue, ActionAfterCompletion="DELETE")
    lab.platform.advance(601)
    lab.bodies(queue)
    with pytest.raises(lab.scheduler.exceptions.ResourceNotFoundException, match="Schedule s does not exist"):
        lab.scheduler.get_schedule(Name="s")


def test_start_and_end_bound_a_rate(lab):
    queue = lab.queue()
    start = lab.now() + timedelta(hours=1)
    lab.create("rate(1 hour)", queue, StartDate=start, EndDate=start + timedelta(minutes=90))
    assert lab.waiting(queue) == 0
    lab.platform.advance(3 * 3600 + 60)
    lab.bodies(queue, 2)
    lab.platform.advance(3 * 3600)
    assert lab.waiting(queue) == 0


def test_a_flexible_window_fires_somewhere_in_it(lab):
    queue = lab.queue()
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10}
    moment = lab.now() + timedelta(minutes=10)
    lab.create(f"at({moment:%Y-%m-%dT%H:%M:%S})", queue, FlexibleTimeWindow=window)
    lab.platform.advance(590)
    assert lab.waiting(queue) == 0
    lab.platform.advance(11)
    lab.platform.advance(601)
    lab.bodies(queue)


def test_a_disabled_schedule_doesnt_fire(lab):
    queue = lab.queue()
    lab.create("rate(1 minute)", queue, State="DISABLED")
    lab.platform.advance(300)
    assert lab.waiting(queue) == 0


def test_keywords_in_the_input_are_replaced(lab):
    queue = lab.queue()
    text = "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number>"
    arn = lab.create("rate(1 day)", {"Arn": queue, "Input": text})
    [body] = lab.bodies(queue)
    found = body.split(" ")
    assert (found[0], found[2]) == (arn, "1")
    assert found[1].endswith("Z")


def test_without_an_input_the_event_says_which_schedule_it_was(lab):
    queue = lab.queue()
    arn = lab.create("rate(1 day)", {"Arn": queue})
    [body] = lab.bodies(queue)
    event = json.loads(body)
    assert (event["source"], event["detail-type"], event["resources"], event["detail"]) == (
        "aws.scheduler",
        "Scheduled Event",
        [arn],
        "{}",
    )


def test_a_universal_target_calls_any_operation(lab):
    queue = lab.queue()
    url = lab.sqs.get_queue_url(QueueName="q")["QueueUrl"]
    params = {"QueueUrl": url, "MessageBody": "universal", "DelaySeconds": 0}
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": json.dumps(params)}
    lab.create("rate(1 day)", target)
    assert lab.bodies(queue) == ["universal"]


def test_a_bus_gets_an_event_with_the_schedules_source(lab):
    queue, events = lab.queue(), lab.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["my.schedule"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": queue}])
    target = {
        "Arn": f"arn:aws:events:us-east-1:{lab.account}:event-bus/default",
        "Input": '{"x": 1}',
        "EventBridgeParameters": {"Source": "my.schedule", "DetailType": "tick"},
    }
    lab.create("rate(1 day)", target)
    event = json.loads(lab.bodies(queue)[0])
    assert (event["source"], event["detail-type"], event["detail"]) == ("my.schedule", "tick", {"x": 1})


def test_what_cant_be_delivered_is_a_dead_letter_with_everything_about_it(lab):
    dead = lab.queue("dead")
    missing = f"arn:aws:sqs:us-east-1:{lab.account}:missing"
    arn = lab.create("rate(1 day)", {"Arn": missing, "Input": "text", "DeadLetterConfig": {"Arn": dead}})
    [message] = lab.messages(dead)
    assert message["Body"] == "text"
    attributes = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert all(attributes.pop(name) for name in ("ERROR_MESSAGE", "EXECUTION_ID", "SCHEDULED_TIME"))
    assert attributes == {
        "ERROR_CODE": "NO_RESOURCE",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": missing,
    }
