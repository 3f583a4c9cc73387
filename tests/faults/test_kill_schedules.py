"""kill -9 while schedules fire: each of their times has fired once, whenever the server died."""

import itertools
import json
import random
import time
from datetime import datetime

import pytest

pytestmark = [
    pytest.mark.root,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # clients of killed servers leave their sockets
]

ROUNDS = 3
ROUND_S = 1500.0
LATEST_KILL_S = 0.3
DEADLINE_S = 90
EXPRESSIONS = {"rate": "rate(1 minute)", "cron": "cron(* * * * ? *)"}


def _create(platform):
    """A schedule and a rule of each kind; their queues hold when they have fired for."""
    sqs, scheduler, events = map(platform.client, ("sqs", "scheduler", "events"))
    for kind, expression in EXPRESSIONS.items():
        arns = {}
        for name in (f"schedule-{kind}", f"rule-{kind}"):
            url = sqs.create_queue(QueueName=name)["QueueUrl"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            arns[name] = found["Attributes"]["QueueArn"]
        target = {
            "Arn": arns[f"schedule-{kind}"],
            "RoleArn": "arn:aws:iam::123456789012:role/r",
            "Input": json.dumps({"time": "<aws.scheduler.scheduled-time>"}),
        }
        window = {"Mode": "OFF"}
        scheduler.create_schedule(Name=kind, ScheduleExpression=expression, Target=target, FlexibleTimeWindow=window)
        events.put_rule(Name=kind, ScheduleExpression=expression)
        events.put_targets(Rule=kind, Targets=[{"Id": "1", "Arn": arns[f"rule-{kind}"]}])


def _fired(platform, name, until):
    """The times that a queue holds, when `until` is among them."""
    sqs, found = platform.client("sqs"), {}
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    deadline = time.monotonic() + DEADLINE_S
    while not found or max(found.values()) < until:
        assert time.monotonic() < deadline, (len(found), sorted(found.values())[-3:], until)
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            fired = datetime.fromisoformat(json.loads(message["Body"])["time"])
            found[message["MessageId"]] = fired.timestamp()
    return sorted(found.values())


def test_every_time_of_a_schedule_fires_once_across_kill_minus_nine(platforms, tmp_path):
    moved = 0.0
    for round_ in range(ROUNDS):
        platform = platforms("--data-dir", str(tmp_path), "--allow-clock", "--prefork", "1")
        if round_ == 0:
            _create(platform)
        moved += ROUND_S
        platform.advance(moved)  # a server begins with the machine's time
        time.sleep(random.random() * LATEST_KILL_S)
        platform.process.kill()
        platform.kill()
    platform = platforms("--data-dir", str(tmp_path), "--allow-clock", "--prefork", "1")
    platform.advance(moved + ROUND_S)
    end = time.time() + moved + ROUND_S - 61
    for kind in EXPRESSIONS:
        for name in (f"schedule-{kind}", f"rule-{kind}"):
            times = _fired(platform, name, end)
            assert len(times) >= ROUNDS * ROUND_S // 60, name
            steps = {round(later - earlier) for earlier, later in itertools.pairwise(times)}
            assert steps == {60}, (name, steps)
    assert platform.stop() == 0, platform.said()
