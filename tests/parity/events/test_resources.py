"""Buses, rules, targets, permissions and tags, in AWS's words (facts/eventbridge.md §A2)."""

import json

import pytest

NO_SCHEDULE = "Parameter ScheduleExpression is not valid."


def test_buses_are_made_shown_and_deleted(bridge, refused):
    events = bridge.events
    arn = f"arn:aws:events:us-east-1:{bridge.account}:event-bus/b"
    assert events.create_event_bus(Name="b", Description="mine")["EventBusArn"] == arn
    assert refused(events.create_event_bus, Name="b") == (
        "ResourceAlreadyExistsException",
        "Event bus b already exists.",
    )
    shown = events.describe_event_bus(Name=arn)
    assert (shown["Name"], shown["Arn"], shown["Description"]) == ("b", arn, "mine")
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["b", "default"]
    assert refused(events.delete_event_bus, Name="default") == (
        "ValidationException",
        "Cannot delete event bus default.",
    )
    events.delete_event_bus(Name="b")
    missing = ("ResourceNotFoundException", "Event bus b does not exist.")
    assert refused(events.delete_event_bus, Name="b") == missing
    assert refused(events.describe_event_bus, Name="b") == missing


def test_rules_are_replaced_shown_and_deleted_without_targets_only(bridge, refused):
    events, queue = bridge.events, bridge.queue()
    arn = bridge.rule({"source": ["a"]}, queue, Description="first")
    assert arn == f"arn:aws:events:us-east-1:{bridge.account}:rule/r"
    bridge.rule({"source": ["b"]})
    shown = events.describe_rule(Name="r")
    del shown["ResponseMetadata"]
    assert shown == {
        "Name": "r",
        "Arn": arn,
        "EventPattern": '{"source": ["b"]}',
        "State": "ENABLED",
        "EventBusName": "default",
        "CreatedBy": bridge.account,
    }
    assert [target["Arn"] for target in events.list_targets_by_rule(Rule="r")["Targets"]] == [queue]
    assert events.list_rule_names_by_target(TargetArn=queue)["RuleNames"] == ["r"]
    assert refused(events.delete_rule, Name="r") == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    assert events.remove_targets(Rule="r", Ids=["0", "7"])["FailedEntries"][0]["TargetId"] == "7"
    events.delete_rule(Name="r")
    events.delete_rule(Name="r")
    assert refused(events.describe_rule, Name="r") == (
        "ResourceNotFoundException",
        "Rule r does not exist on EventBus default.",
    )


def test_a_rule_of_another_bus_has_the_bus_in_its_arn(bridge):
    bridge.events.create_event_bus(Name="b")
    arn = bridge.rule({"source": ["a"]}, EventBusName="b")
    assert arn == f"arn:aws:events:us-east-1:{bridge.account}:rule/b/r"


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        (
            {"EventPattern": '{"a": [{"prefix": 1}]}'},
            "InvalidEventPatternException",
            "Event pattern is not valid. Reason: prefix match pattern must be a string",
        ),
        ({"ScheduleExpression": "rate(1 minutes)"}, "ValidationException", NO_SCHEDULE),
        ({"ScheduleExpression": "at(2030-01-01T00:00:00)"}, "ValidationException", NO_SCHEDULE),
        ({"ScheduleExpression": "cron(71 8 1 * ? *)"}, "ValidationException", NO_SCHEDULE),
        (
            {"ScheduleExpression": "rate(1 minute)", "EventBusName": "b"},
            "ValidationException",
            "ScheduleExpression is supported only on the default event bus.",
        ),
    ],
)
def test_bad_rules_are_refused(bridge, refused, rule, code, message):
    bridge.events.create_event_bus(Name="b")
    found = refused(bridge.events.put_rule, Name="r", **rule)
    assert found[0] == code and found[1].startswith(message)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            {"Input": "{}", "InputPath": "$.a"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
        ),
        (
            {"InputTransformer": {"InputPathsMap": {"a": "$.a"}, "InputTemplate": '{"x": <notdefinedkey>}'}},
            "InputTemplate for target t contains invalid placeholder notdefinedkey.",
        ),
    ],
)
def test_bad_targets_are_refused(bridge, refused, target, message):
    queue = bridge.queue()
    bridge.rule({"source": ["a"]})
    found = refused(bridge.events.put_targets, Rule="r", Targets=[{"Id": "t", "Arn": queue} | target])
    assert found == ("ValidationException", message)


def test_a_rule_has_five_targets_at_most(bridge, refused):
    queue = bridge.queue()
    bridge.rule({"source": ["a"]}, *[queue] * 5)
    found = refused(bridge.events.put_targets, Rule="r", Targets=[{"Id": "6", "Arn": queue}])
    assert found == ("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def test_statements_are_put_and_removed(bridge, refused):
    events = bridge.events
    events.put_permission(Action="events:PutEvents", Principal="111122223333", StatementId="one")
    events.put_permission(Action="events:PutEvents", Principal="*", StatementId="all")
    policy = json.loads(events.describe_event_bus()["Policy"])
    assert policy["Statement"][0] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "events:PutEvents",
        "Resource": f"arn:aws:events:us-east-1:{bridge.account}:event-bus/default",
    }
    assert policy["Statement"][1]["Principal"] == "*"
    assert refused(events.remove_permission, StatementId="two") == (
        "ResourceNotFoundException",
        "Statement with the provided id does not exist.",
    )
    events.remove_permission(StatementId="one")
    events.remove_permission(StatementId="all")
    assert "Policy" not in events.describe_event_bus()


def test_rules_and_buses_have_tags(bridge):
    events = bridge.events
    rule = bridge.rule({"source": ["a"]}, Tags=[{"Key": "k", "Value": "v"}])
    bus = events.create_event_bus(Name="b", Tags=[{"Key": "x", "Value": "y"}])["EventBusArn"]
    for arn, first in ((rule, {"Key": "k", "Value": "v"}), (bus, {"Key": "x", "Value": "y"})):
        events.tag_resource(ResourceARN=arn, Tags=[{"Key": "new", "Value": "1"}])
        assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [first, {"Key": "new", "Value": "1"}]
        events.untag_resource(ResourceARN=arn, TagKeys=["new"])
        assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [first]


def test_lists_come_in_pages(bridge):
    for n in range(5):
        bridge.rule({"source": ["a"]}, name=f"r{n}")
    first = bridge.events.list_rules(Limit=3)
    second = bridge.events.list_rules(Limit=3, NextToken=first["NextToken"])
    assert [rule["Name"] for page in (first, second) for rule in page["Rules"]] == [f"r{n}" for n in range(5)]
    assert "NextToken" not in second
