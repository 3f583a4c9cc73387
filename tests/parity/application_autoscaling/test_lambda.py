"""boto3 against the whole platform: provisioned concurrency that follows schedules and its use."""

import time
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

CODE = """
    import time
    def handler(event, context):
        time.sleep(event or 0)
"""


def until(condition, within_s=60.0):
    """The first true value of `condition`."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="module")
def movable(platforms):
    """A server whose clock moves, and that says what it would refuse to those whose signatures it could check."""
    running = platforms("--ephemeral", "--allow-clock", "--no-rate-limits", "--auth", "soft")
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture
def target(movable):
    """A function's alias with provisioned concurrency that may scale from 1 to 3: (function, where it is)."""
    function = movable.deploy(CODE, Publish=True)
    movable.client("lambda").create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    where = {
        "ServiceNamespace": "lambda",
        "ResourceId": f"function:{function.name}:live",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    movable.client("application-autoscaling").register_scalable_target(**where, MinCapacity=1, MaxCapacity=3)
    yield function, where
    movable.client("application-autoscaling").deregister_scalable_target(**where)
    function.delete()


def provisioned(movable, function):
    """What is asked for, once it is ready."""
    config = movable.client("lambda").get_provisioned_concurrency_config(FunctionName=function.name, Qualifier="live")
    return config["RequestedProvisionedConcurrentExecutions"] if config["Status"] == "READY" else None


def test_a_busy_function_gets_more_provisioned_concurrency(movable, target):
    function, where = target
    scaling = movable.client("application-autoscaling")
    policy = scaling.put_scaling_policy(
        **where,
        PolicyName="keep-busy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"},
        },
    )
    high, low = policy["Alarms"]
    assert high["AlarmName"].startswith(f"TargetTracking-{where['ResourceId']}-AlarmHigh-")
    assert low["AlarmName"].startswith(f"TargetTracking-{where['ResourceId']}-AlarmLow-")
    until(lambda: provisioned(movable, function) == 1)

    def activities():
        return scaling.describe_scaling_activities(
            ServiceNamespace="lambda", ResourceId=where["ResourceId"]
        )["ScalingActivities"]

    def busy_minute():
        function(Qualifier="live")
        movable.advance(60)
        return len(activities()) > 1

    until(busy_minute)
    until(lambda: provisioned(movable, function) == 2)
    movable.advance(60)
    newest = until(lambda: (found := activities())[0]["StatusCode"] == "Successful" and found[0])
    assert newest["Description"] == "Setting desired concurrency to 2."
    assert newest["Cause"] == (
        f"monitor alarm {high['AlarmName']} in state ALARM triggered policy keep-busy"
    )
    assert isinstance(newest["EndTime"], datetime)


def test_a_schedule_raises_the_minimum_at_its_time(movable, target):
    function, where = target
    scaling = movable.client("application-autoscaling")
    start = datetime.now(UTC)
    scaling.put_scheduled_action(
        **where,
        ScheduledActionName="soon",
        Schedule="rate(10 minutes)",
        Timezone="Europe/Berlin",
        EndTime=datetime(start.year + 5, 1, 1, tzinfo=UTC),
        ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 3},
    )
    [shown] = scaling.describe_scheduled_actions(ServiceNamespace="lambda")["ScheduledActions"]
    assert (shown["Timezone"], shown["EndTime"]) == (
        "Europe/Berlin",
        datetime(start.year + 5, 1, 1, tzinfo=UTC),
    )
    until(lambda: provisioned(movable, function) == 1)
    movable.advance(60)  # the first activity is over
    movable.advance(601)
    until(lambda: provisioned(movable, function) == 2)
    [target] = scaling.describe_scalable_targets(ServiceNamespace="lambda")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 3)


def test_it_acts_by_its_service_linked_role_which_may_do_that(movable, target):
    role = movable.client("iam").get_role(RoleName="AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency")["Role"]
    assert role["Path"] == "/aws-service-role/lambda.application-autoscaling.amazonaws.com/"
    until(lambda: provisioned(movable, target[0]) == 1)
    assert role["RoleName"] not in movable.said()


def test_what_is_missing_is_told_in_awss_words(movable):
    scaling = movable.client("application-autoscaling")
    where = {
        "ServiceNamespace": "lambda",
        "ResourceId": "function:none:live",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    with pytest.raises(ClientError) as missing:
        scaling.delete_scaling_policy(**where, PolicyName="p")
    assert missing.value.response["Error"] == {
        "Code": "ObjectNotFoundException",
        "Message": "No scaling policy found for service namespace: lambda, resource ID: function:none:live, scalable "
        "dimension: lambda:function:ProvisionedConcurrency, policy name: p",
    }
    with pytest.raises(ClientError) as nothing:
        scaling.list_tags_for_resource(
            ResourceARN="arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/" + "0" * 36
        )
    assert nothing.value.response["Error"]["Code"] == "ResourceNotFoundException"
