"""Log groups and streams through boto3 (facts/cloudwatch.md §0-§2)."""

import pytest

NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.", 400)
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.", 400)


def test_a_group_is_described_with_these_members(logs, account):
    logs.create_log_group(logGroupName="/aws/lambda/f")
    [group] = logs.describe_log_groups()["logGroups"]
    assert isinstance(group.pop("creationTime"), int)
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:/aws/lambda/f"
    assert group == {
        "logGroupName": "/aws/lambda/f",
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "deletionProtectionEnabled": False,
    }


def test_what_a_group_is_created_with_is_described(logs):
    logs.create_log_group(
        logGroupName="g", kmsKeyId="arn:aws:kms:us-east-1:1:key/k", logGroupClass="INFREQUENT_ACCESS", tags={"a": "b"}
    )
    logs.put_retention_policy(logGroupName="g", retentionInDays=30)
    [group] = logs.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"]
    assert (group["kmsKeyId"], group["logGroupClass"], group["retentionInDays"]) == (
        "arn:aws:kms:us-east-1:1:key/k",
        "INFREQUENT_ACCESS",
        30,
    )
    assert logs.describe_log_groups(logGroupClass="STANDARD")["logGroups"] == []
    logs.delete_retention_policy(logGroupName="g")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]


def test_a_group_exists_once(logs, refused, group):
    assert refused(logs.create_log_group, logGroupName=group) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
        400,
    )


def test_errors_for_a_missing_group_are_http_400(logs, refused):
    stream = {"logGroupName": "no", "logStreamName": "s"}
    for operation, params in (
        (logs.delete_log_group, {"logGroupName": "no"}),
        (logs.create_log_stream, stream),
        (logs.delete_log_stream, stream),
        (logs.describe_log_streams, {"logGroupName": "no"}),
        (logs.get_log_events, stream),
        (logs.filter_log_events, {"logGroupName": "no"}),
        (logs.put_log_events, {**stream, "logEvents": [{"timestamp": 1, "message": "m"}]}),
        (logs.put_retention_policy, {"logGroupName": "no", "retentionInDays": 1}),
        (logs.delete_retention_policy, {"logGroupName": "no"}),
    ):
        assert refused(operation, **params) == NO_GROUP


def test_groups_are_sorted_by_name_and_found_by_prefix_or_by_part(logs, refused):
    for name in ("/b", "/a/2", "/a/1", "/a/10"):
        logs.create_log_group(logGroupName=name)

    def names(**params):
        return [group["logGroupName"] for group in logs.describe_log_groups(**params)["logGroups"]]

    assert names() == ["/a/1", "/a/10", "/a/2", "/b"]
    assert names(logGroupNamePrefix="/a/1") == ["/a/1", "/a/10"]
    assert names(logGroupNamePattern="/1") == ["/a/1", "/a/10"]
    assert names(logGroupNamePattern="/A") == []
    assert names(logGroupIdentifiers=["/b", "/nobody"]) == ["/b"]
    assert "storedBytes" not in logs.describe_log_groups(logGroupNamePattern="b")["logGroups"][0]
    assert refused(logs.describe_log_groups, logGroupNamePrefix="/a", logGroupNamePattern="1") == (
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        400,
    )
    found = logs.list_log_groups(logGroupNamePattern="^/a/1|^/bb|a/2")["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/a/1", "/a/10", "/a/2"]


def test_paginators_turn_every_page_of_groups_and_streams(logs, group):
    for number in range(7):
        logs.create_log_group(logGroupName=f"more{number}")
        logs.create_log_stream(logGroupName=group, logStreamName=f"more{number}")
    for operation, key, name, params in (
        ("describe_log_groups", "logGroups", "logGroupName", {}),
        ("describe_log_streams", "logStreams", "logStreamName", {"logGroupName": group}),
    ):
        pages = list(logs.get_paginator(operation).paginate(**params, PaginationConfig={"PageSize": 3}))
        assert [len(page[key]) for page in pages] == [3, 3, 2]
        found = [item[name] for page in pages for item in page[key]]
        assert found == sorted(found)


@pytest.mark.parametrize("days", [1, 545, 3653])
def test_the_days_of_a_retention_are_from_a_list(logs, group, days):
    logs.put_retention_policy(logGroupName=group, retentionInDays=days)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == days


@pytest.mark.parametrize("days", [0, 2, 366, 4000])
def test_other_days_are_refused(logs, group, refused, days):
    code, message, status = refused(logs.put_retention_policy, logGroupName=group, retentionInDays=days)
    assert (code, status) == ("InvalidParameterException", 400)
    assert f"Value '{days}' at 'retentionInDays' failed to satisfy constraint" in message


def test_a_limit_above_the_models_is_refused_with_invalid_parameter(logs, group, refused):
    assert refused(logs.filter_log_events, logGroupName=group, limit=10001) == (
        "InvalidParameterException",
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 10000",
        400,
    )


def test_a_protected_group_refuses_deletion(logs, refused):
    logs.create_log_group(logGroupName="safe", deletionProtectionEnabled=True)
    assert refused(logs.delete_log_group, logGroupName="safe")[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier="safe", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="safe")
    assert logs.describe_log_groups()["logGroups"] == []


def test_a_stream_is_described_with_these_members(logs, account, group, put, now):
    [empty] = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert isinstance(empty.pop("creationTime"), int)
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:{group}:log-stream:one"
    assert empty == {"logStreamName": "one", "arn": arn, "storedBytes": 0}
    put((now - 5, "first"), (now, "last"))
    put((now - 3, "between"))
    [stream] = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (now - 5, now)
    assert stream["lastIngestionTime"] >= now


def test_streams_are_ordered_by_name_or_by_last_event(logs, group, put, now, refused):
    for age, name in ((3, "c"), (1, "a"), (2, "b")):
        put((now - age, "x"), stream=name)

    def names(**params):
        found = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, **params, PaginationConfig={"PageSize": 1}
        )
        return [stream["logStreamName"] for page in found for stream in page["logStreams"]]

    assert names() == ["a", "b", "c", "one"]
    assert names(descending=True) == ["one", "c", "b", "a"]
    assert names(orderBy="LastEventTime") == ["one", "c", "b", "a"]
    assert names(orderBy="LastEventTime", descending=True) == ["a", "b", "c", "one"]
    assert names(logStreamNamePrefix="o") == ["one"]
    assert refused(
        logs.describe_log_streams, logGroupName=group, orderBy="LastEventTime", logStreamNamePrefix="o"
    ) == ("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.", 400)


def test_a_group_can_be_named_by_its_arn_without_the_star(logs, group, put, now, refused):
    put((now, "x"))
    described = logs.describe_log_groups()["logGroups"][0]
    for identifier in (described["logGroupArn"], group):
        assert len(logs.filter_log_events(logGroupIdentifier=identifier)["events"]) == 1
        assert len(logs.describe_log_streams(logGroupIdentifier=identifier)["logStreams"]) == 1
    elsewhere = described["logGroupArn"].replace("us-east-1", "eu-west-1")
    assert refused(logs.filter_log_events, logGroupIdentifier=elsewhere) == NO_GROUP
    code, message, _ = refused(logs.filter_log_events, logGroupIdentifier=described["arn"])
    assert (code, "Member must satisfy regular expression pattern" in message) == ("InvalidParameterException", True)
    assert refused(logs.filter_log_events, logGroupIdentifier=group, logGroupName=group) == (
        "ValidationException",
        "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
        400,
    )


def test_a_stream_exists_once_and_can_be_deleted(logs, group, refused):
    assert refused(logs.create_log_stream, logGroupName=group, logStreamName="one") == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
        400,
    )
    logs.delete_log_stream(logGroupName=group, logStreamName="one")
    assert refused(logs.delete_log_stream, logGroupName=group, logStreamName="one") == NO_STREAM
    assert refused(logs.get_log_events, logGroupName=group, logStreamName="one") == NO_STREAM


def test_a_group_that_is_created_again_has_nothing_of_the_old_one(logs, group, put, now):
    put((now, "old"))
    logs.tag_log_group(logGroupName=group, tags={"old": "1"})
    logs.delete_log_group(logGroupName=group)
    logs.create_log_group(logGroupName=group)
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {}
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    assert logs.filter_log_events(logGroupName=group)["events"] == []


def test_both_families_of_tag_operations_see_the_same_tags(logs, group, refused):
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.tag_log_group(logGroupName=group, tags={"b": "3", "c": "4"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "3", "c": "4"}
    logs.untag_resource(resourceArn=arn, tagKeys=["a", "none"])
    logs.untag_log_group(logGroupName=group, tags=["b"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"c": "4"}
    assert refused(logs.list_tags_for_resource, resourceArn=f"{arn}x") == NO_GROUP
    logs.tag_resource(resourceArn=arn, tags={f"k{number}": "v" for number in range(49)})
    assert refused(logs.tag_resource, resourceArn=arn, tags={"one more": "v"})[0] == "TooManyTagsException"


def test_accounts_and_regions_see_nothing_of_each_other(client, logs, group, put, now, refused):
    put((now, "secret"))
    for other in (client("logs", account="999999999999"), client("logs", region="eu-west-1")):
        assert other.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
        assert refused(other.filter_log_events, logGroupName=group) == NO_GROUP


def test_an_operation_that_is_not_there_says_so(logs, group, refused):
    code, message, status = refused(logs.describe_subscription_filters, logGroupName=group)
    assert status == 501
    assert "DescribeSubscriptionFilters" in message, code
