"""Schedules and groups, in AWS's words (facts/eventbridge.md §F1)."""

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/r"


def refused(operation, **params):
    with pytest.raises(ClientError) as caught:
        operation(**params)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def test_a_schedule_is_shown_with_its_defaults(lab):
    queue = lab.queue()
    arn = lab.create("cron(0 10 * * ? *)", {"Arn": queue})
    assert arn == f"arn:aws:scheduler:us-east-1:{lab.account}:schedule/default/s"
    shown = lab.scheduler.get_schedule(Name="s")
    assert shown.pop("CreationDate") == shown.pop("LastModificationDate")
    del shown["ResponseMetadata"]
    assert shown == {
        "Arn": arn,
        "GroupName": "default",
        "Name": "s",
        "ScheduleExpression": "cron(0 10 * * ? *)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "Target": {
            "Arn": queue,
            "RoleArn": lab.role,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
        },
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "NONE",
    }
    [listed] = lab.scheduler.list_schedules(NamePrefix="s")["Schedules"]
    assert (listed["Name"], listed["Target"]) == ("s", {"Arn": queue})


def test_an_update_replaces_everything(lab):
    queue = lab.queue()
    lab.create("cron(0 10 * * ? *)", queue, Description="first", ScheduleExpressionTimezone="Europe/Berlin")
    lab.scheduler.update_schedule(
        Name="s",
        ScheduleExpression="rate(1 day)",
        Target={"Arn": queue, "RoleArn": lab.role},
        FlexibleTimeWindow={"Mode": "OFF"},
        State="DISABLED",
    )
    shown = lab.scheduler.get_schedule(Name="s")
    assert "Description" not in shown
    assert (shown["ScheduleExpression"], shown["ScheduleExpressionTimezone"], shown["State"]) == (
        "rate(1 day)",
        "UTC",
        "DISABLED",
    )


def test_a_repeated_request_with_the_same_token_is_the_same_schedule(lab):
    queue = lab.queue()
    first = lab.create("cron(0 10 * * ? *)", queue, ClientToken="t")
    assert lab.create("cron(0 10 * * ? *)", queue, ClientToken="t") == first
    whole = {"Arn": queue, "RoleArn": lab.role}
    status, code, message = refused(
        lab.scheduler.create_schedule,
        Name="s",
        ScheduleExpression="rate(1 day)",
        Target=whole,
        FlexibleTimeWindow={"Mode": "OFF"},
    )
    assert (status, code, message) == (409, "ConflictException", "Schedule s already exists.")


@pytest.mark.parametrize(
    "expression",
    [
        "rate(10 seconds)",
        "rate(10 years)",
        "rate()",
        "rate(10)",
        "rate(10 minutess)",
        "rate(foo minutes)",
        "rate(-10 minutes)",
        "rate( 10 minutes )",
        " rate(10 minutes)",
        "at(2021-12-31T23:59:59Z)",
        "at(2021-12-31)",
        "cron()",
    ],
)
def test_bad_expressions_are_refused(lab, expression):
    found = refused(
        lab.scheduler.create_schedule,
        Name="s",
        ScheduleExpression=expression,
        Target={"Arn": lab.queue(), "RoleArn": lab.role},
        FlexibleTimeWindow={"Mode": "OFF"},
    )
    assert found == (400, "ValidationException", f"Invalid Schedule Expression {expression}.")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "must be set"),
        ({"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}}, "must not be set"),
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, "Timezone Mars/Olympus"),
        ({"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:listQueues", "RoleArn": ROLE}}, "read"),
        ({"GroupName": "nobody"}, "Schedule group nobody does not exist."),
    ],
)
def test_what_cant_be_scheduled_is_refused(lab, changes, said):
    params = {
        "Name": "s",
        "ScheduleExpression": "rate(1 day)",
        "Target": {"Arn": lab.queue(), "RoleArn": lab.role},
        "FlexibleTimeWindow": {"Mode": "OFF"},
    }
    status, _, message = refused(lab.scheduler.create_schedule, **(params | changes))
    assert status in (400, 404)
    assert said in message


def test_a_group_goes_with_its_schedules(lab):
    queue = lab.queue()
    arn = lab.scheduler.create_schedule_group(Name="g", Tags=[{"Key": "k", "Value": "v"}])["ScheduleGroupArn"]
    assert arn == f"arn:aws:scheduler:us-east-1:{lab.account}:schedule-group/g"
    lab.create("cron(0 10 * * ? *)", queue, GroupName="g")
    assert [group["Name"] for group in lab.scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "g"]
    lab.scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "n", "Value": "1"}])
    lab.scheduler.untag_resource(ResourceArn=arn, TagKeys=["k"])
    assert lab.scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "n", "Value": "1"}]
    assert refused(lab.scheduler.create_schedule_group, Name="g")[:2] == (409, "ConflictException")
    lab.scheduler.delete_schedule_group(Name="g")
    assert lab.scheduler.list_schedules()["Schedules"] == []
    assert refused(lab.scheduler.get_schedule_group, Name="g")[:2] == (404, "ResourceNotFoundException")
    assert refused(lab.scheduler.delete_schedule_group, Name="default")[:2] == (400, "ValidationException")
