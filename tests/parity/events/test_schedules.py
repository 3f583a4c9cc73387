"""Scheduled rules, with a clock that is moved (facts/eventbridge.md §C)."""

import json
from datetime import UTC, datetime
from itertools import pairwise


def test_a_rate_fires_one_period_after_it_was_made_and_each_time_the_clock_passes(bridge):
    queue = bridge.queue()
    arn = bridge.rule(None, queue, ScheduleExpression="rate(5 minutes)")
    bridge.platform.advance(301)
    [body] = bridge.bodies(queue)
    event = json.loads(body)
    assert (event["source"], event["detail-type"], event["resources"], event["detail"]) == (
        "aws.events",
        "Scheduled Event",
        [arn],
        {},
    )
    bridge.platform.advance(900)
    times = sorted(json.loads(body)["time"] for body in bridge.bodies(queue, 3))
    moments = [datetime.fromisoformat(time).timestamp() for time in [event["time"], *times]]
    assert [later - earlier for earlier, later in pairwise(moments)] == [300, 300, 300]


def test_a_cron_fires_at_its_wall_clock_time(bridge):
    queue = bridge.queue()
    bridge.rule(None, queue, ScheduleExpression="cron(0 10 * * ? *)")
    bridge.platform.advance(86_400)
    [body] = bridge.bodies(queue)
    time = datetime.fromisoformat(json.loads(body)["time"])
    assert (time.hour, time.minute, time.tzinfo) == (10, 0, UTC)


def test_a_disabled_schedule_doesnt_fire_and_makes_up_for_nothing_when_it_is_enabled(bridge):
    queue = bridge.queue()
    bridge.rule(None, queue, ScheduleExpression="rate(1 minute)", State="DISABLED")
    bridge.platform.advance(600)
    bridge.events.enable_rule(Name="r")
    bridge.platform.advance(61)
    bridge.bodies(queue, 1)


def test_other_rules_dont_match_the_scheduled_event(bridge):
    queue, other = bridge.queue(), bridge.queue("other")
    bridge.rule(None, queue, name="schedule", ScheduleExpression="rate(1 minute)")
    bridge.rule({"source": ["aws.events"]}, other, name="pattern")
    bridge.platform.advance(61)
    bridge.bodies(queue)
    assert bridge.journal(target=other) == []
