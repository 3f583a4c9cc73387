"""Application Auto Scaling on a played Lambda and a clock that the test moves."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from samovar.core.clock import FakeClock
from samovar.core.context import Acting, Context
from samovar.core.errors import AwsError
from samovar.core.service import Service, fold
from samovar.engine.provisioning import Use
from samovar.services import application_autoscaling
from samovar.store.sqlite import Store, open_store

MONDAY_NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z
ACCOUNT, REGION = "123456789012", "us-east-1"
RESOURCE = "function:f:prod"
ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/lambda.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"
)
WHERE = {
    "ServiceNamespace": "lambda",
    "ResourceId": RESOURCE,
    "ScalableDimension": "lambda:function:ProvisionedConcurrency",
}
NAMED = (
    "service namespace: lambda, resource ID: function:f:prod, "
    "scalable dimension: lambda:function:ProvisionedConcurrency"
)
_STEPS = 40
TRACKING = {
    "TargetValue": 0.7,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"},
}


class PlayedLambda:
    """Provisions at once what it is asked for, unless it refuses."""

    def __init__(self) -> None:
        self.functions = {"f:prod"}
        self.provisioned: dict[str, int] = {}
        self.status = "READY"
        self.refusal: AwsError | None = None
        self.asked: list[tuple[str, Any]] = []
        self.roles: list[str] = []
        """Who made the service-linked role."""

    async def call(self, ctx: Context, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if service == "iam":
            assert (operation, params) == ("CreateServiceLinkedRole", {"AWSServiceName": ROLE.split("/")[2]})
            self.roles.append(ctx.principal)
            raise AwsError("InvalidInput", "Service role name X has been taken in this account.")
        assert service == "lambda"
        name = f"{params['FunctionName']}:{params['Qualifier']}"
        if name not in self.functions:
            raise AwsError("ResourceNotFoundException", f"Function not found: {name}")
        if operation == "PutProvisionedConcurrencyConfig":
            assert ctx.principal == ROLE
            self.asked.append((name, params["ProvisionedConcurrentExecutions"]))
            if self.refusal:
                raise self.refusal
            self.provisioned[name] = params["ProvisionedConcurrentExecutions"]
        elif operation == "DeleteProvisionedConcurrencyConfig":
            self.asked.append((name, 0))
            self.provisioned.pop(name, None)
        elif operation == "GetProvisionedConcurrencyConfig":
            if name not in self.provisioned:
                raise AwsError("ProvisionedConcurrencyConfigNotFoundException", "None")
            return {"RequestedProvisionedConcurrentExecutions": self.provisioned[name], "Status": self.status}
        return {}


class Lab:
    def __init__(self) -> None:
        self.clock = FakeClock(MONDAY_NOON)
        self.played = PlayedLambda()
        self.use: Use | None = None
        self.runner = asyncio.Runner()
        self.store: Store
        self.service: Service
        self.ctx = Context(ACCOUNT, REGION, "id", f"arn:aws:iam::{ACCOUNT}:root", "http://x", self.played)
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.store = await open_store(None)
        await self._start()

    async def _start(self) -> None:
        acting = Acting()
        acting.attach(self.played, "http://x")
        self.service = await application_autoscaling.build(self.store, self.clock, acting, lambda arn: self._used(arn))

    def _used(self, arn: str) -> Use | None:
        assert arn == f"arn:aws:lambda:{REGION}:{ACCOUNT}:{RESOURCE}"
        return self.use

    def restart(self, after_s: float) -> None:
        async def again() -> None:
            await self.service.close()
            self.clock.advance(after_s)
            await self._start()

        self.runner.run(again())
        self.settle()

    def close(self) -> None:
        self.runner.run(self.service.close())
        self.runner.run(self.store.close())
        self.runner.close()

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.runner.run(self.service.operations[fold(operation)](self.ctx, params))

    def error(self, operation: str, **params: Any) -> tuple[str, str]:
        with pytest.raises(AwsError) as caught:
            self.call(operation, **params)
        return caught.value.code, caught.value.message

    def register(self, least: int | None = 1, most: int | None = 10, **more: Any) -> dict[str, Any]:
        bounds = {"MinCapacity": least, "MaxCapacity": most}
        given = {member: value for member, value in bounds.items() if value is not None}
        return self.call("RegisterScalableTarget", **WHERE, **given, **more)

    def track(self, name: str = "p", **changes: Any) -> dict[str, Any]:
        return self.call(
            "PutScalingPolicy",
            **WHERE,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=TRACKING | changes,
        )

    def schedule(self, expression: str, name: str = "s", **more: Any) -> None:
        self.call("PutScheduledAction", **WHERE, ScheduledActionName=name, Schedule=expression, **more)

    def settle(self) -> None:
        """Let everybody do what is due. They wait for commits only, and writes are committed in their order: with each
        of these here, everybody gets at least one step further."""

        async def turns() -> None:
            for _ in range(_STEPS):
                await self.store.transact(("DELETE FROM records WHERE name = ?", ("nobody's",)))
                await asyncio.sleep(0)

        self.runner.run(turns())

    def advance(self, seconds: float) -> None:
        async def move() -> None:
            self.clock.advance(seconds)

        self.runner.run(move())
        self.settle()

    def minutes(self, *uses: float | None) -> None:
        for use in uses:
            self.use = None if use is None else Use(use, use)
            self.advance(60)

    def activities(self, **more: Any) -> list[dict[str, Any]]:
        return self.call("DescribeScalingActivities", ServiceNamespace="lambda", **more)["ScalingActivities"]

    @property
    def provisioned(self) -> int:
        return self.played.provisioned.get("f:prod", 0)


@pytest.fixture
def lab() -> Iterator[Lab]:
    laboratory = Lab()
    yield laboratory
    laboratory.close()


# --- targets --------------------------------------------------------------------------------------------------------


def test_a_registered_target_is_shown_with_its_service_linked_role(lab):
    arn = lab.register()["ScalableTargetARN"]
    assert arn.startswith(f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/")
    assert lab.call("DescribeScalableTargets", ServiceNamespace="lambda")["ScalableTargets"] == [
        {
            **WHERE,
            "MinCapacity": 1,
            "MaxCapacity": 10,
            "RoleARN": ROLE,
            "CreationTime": MONDAY_NOON,
            "SuspendedState": {
                "DynamicScalingInSuspended": False,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
            },
            "ScalableTargetARN": arn,
        }
    ]
    assert lab.played.roles == [f"arn:aws:iam::{ACCOUNT}:root"]
    assert lab.call("DescribeScalableTargets", ServiceNamespace="ecs")["ScalableTargets"] == []
    assert lab.call("DescribeScalableTargets", ServiceNamespace="lambda", ResourceIds=["x"])["ScalableTargets"] == []


def test_registering_again_changes_what_is_given_and_keeps_the_rest(lab):
    arn = lab.register()["ScalableTargetARN"]
    lab.advance(60)
    assert lab.register(2, None)["ScalableTargetARN"] == arn
    lab.register(None, None, SuspendedState={"DynamicScalingInSuspended": True})
    [target] = lab.call("DescribeScalableTargets", ServiceNamespace="lambda")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 10)
    assert target["SuspendedState"]["DynamicScalingInSuspended"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ServiceNamespace": "ecs"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"ScalableDimension": "ecs:service:DesiredCount"}, "Unsupported service namespace, resource type or scalable"),
        ({"ResourceId": "function:f"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"ResourceId": "function:f:$LATEST"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"ResourceId": "function:g:prod"}, "Lambda function doesn't exist: function:g:prod"),
        ({"MinCapacity": 11}, "Maximum capacity cannot be less than minimum capacity"),
        ({"MinCapacity": -1}, "Minimum capacity cannot be less than 0"),
    ],
)
def test_what_can_not_be_registered(lab, changes, message):
    given = {**WHERE, "MinCapacity": 1, "MaxCapacity": 10} | changes
    code, text = lab.error("RegisterScalableTarget", **given)
    assert code == "ValidationException"
    assert text.startswith(message)
    assert lab.error("RegisterScalableTarget", **WHERE, MinCapacity=1)[0] == "ValidationException"


def test_capacity_outside_the_bounds_is_brought_between_them_and_told(lab):
    lab.register(2, 5)
    assert lab.provisioned == 2
    [activity] = lab.activities()
    assert activity["Description"] == "Setting desired concurrency to 2."
    assert activity["Cause"] == "minimum capacity was set to 2"
    assert activity["StatusCode"] == "Successful"
    assert activity["StatusMessage"] == (
        "Successfully set desired concurrency to 2. Change successfully fulfilled by lambda."
    )
    lab.played.provisioned["f:prod"] = 9
    lab.register(2, 4)
    assert lab.provisioned == 4
    assert lab.activities()[0]["Cause"] == "maximum capacity was set to 4"


def test_an_activity_is_in_progress_until_lambda_is_ready_and_fails_as_lambda_does(lab):
    lab.played.status = "IN_PROGRESS"
    lab.register(2, 5)
    assert lab.activities()[0]["StatusCode"] == "InProgress"
    assert "EndTime" not in lab.activities()[0]
    lab.advance(60)
    assert lab.activities()[0]["StatusCode"] == "InProgress"
    lab.played.status = "FAILED"
    lab.advance(60)
    assert lab.activities()[0]["StatusCode"] == "Failed"


def test_bounds_that_change_meanwhile_override_an_activity_in_progress(lab):
    lab.played.status = "IN_PROGRESS"
    lab.register(2, 5)
    lab.register(3, 5)
    assert [activity["StatusCode"] for activity in lab.activities()] == ["InProgress", "Overridden"]
    assert lab.provisioned == 3


def test_a_refusal_of_lambda_is_an_activity_that_failed(lab):
    lab.played.refusal = AwsError("InvalidParameterValueException", "below its minimum value of [100].")
    lab.register(2, 5)
    [activity] = lab.activities()
    assert (activity["StatusCode"], activity["StatusMessage"]) == (
        "Failed",
        "Failed to set desired concurrency to 2. Reason: below its minimum value of [100].",
    )


def test_whatever_hangs_on_a_target_goes_with_it(lab):
    lab.register()
    lab.track()
    lab.schedule("rate(5 minutes)", ScalableTargetAction={"MinCapacity": 5})
    lab.call("DeregisterScalableTarget", **WHERE)
    assert lab.call("DescribeScalingPolicies", ServiceNamespace="lambda")["ScalingPolicies"] == []
    assert lab.call("DescribeScheduledActions", ServiceNamespace="lambda")["ScheduledActions"] == []
    lab.advance(400)
    assert lab.provisioned == 1
    assert lab.error("DeregisterScalableTarget", **WHERE) == (
        "ObjectNotFoundException",
        f"No scalable target registered for {NAMED}",
    )


def test_targets_are_listed_in_pages(lab):
    for name in ("a", "b", "c"):
        lab.played.functions.add(f"f:{name}")
        lab.call(
            "RegisterScalableTarget", **WHERE | {"ResourceId": f"function:f:{name}"}, MinCapacity=0, MaxCapacity=1
        )
    first = lab.call("DescribeScalableTargets", ServiceNamespace="lambda", MaxResults=2)
    rest = lab.call("DescribeScalableTargets", ServiceNamespace="lambda", NextToken=first["NextToken"])
    names = [target["ResourceId"] for target in first["ScalableTargets"] + rest["ScalableTargets"]]
    assert names == [f"function:f:{name}" for name in ("a", "b", "c")]
    assert "NextToken" not in rest
    assert lab.error("DescribeScalableTargets", ServiceNamespace="lambda", NextToken="é")[0] == (
        "InvalidNextTokenException"
    )


def test_tags_are_a_targets_own(lab):
    arn = lab.register(Tags={"a": "1"})["ScalableTargetARN"]
    lab.call("TagResource", ResourceARN=arn, Tags={"b": "2"})
    assert lab.call("ListTagsForResource", ResourceARN=arn) == {"Tags": {"a": "1", "b": "2"}}
    lab.call("UntagResource", ResourceARN=arn, TagKeys=["a", "nothing"])
    assert lab.call("ListTagsForResource", ResourceARN=arn) == {"Tags": {"b": "2"}}
    many = {str(number): "" for number in range(50)}
    assert lab.error("TagResource", ResourceARN=arn, Tags=many)[0] == "TooManyTagsException"
    assert lab.error("ListTagsForResource", ResourceARN=f"{arn}x")[0] == "ResourceNotFoundException"


# --- target tracking ------------------------------------------------------------------------------------------------


def test_a_policy_is_shown_with_its_alarms(lab):
    lab.register()
    answer = lab.track()
    assert answer["PolicyARN"].endswith(f":resource/lambda/{RESOURCE}:policyName/p")
    high, low = answer["Alarms"]
    assert high["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmHigh-")
    assert low["AlarmARN"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{low['AlarmName']}"
    assert lab.call("DescribeScalingPolicies", ServiceNamespace="lambda", PolicyNames=["p"])["ScalingPolicies"] == [
        {
            **answer,
            "PolicyName": "p",
            **WHERE,
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": TRACKING,
            "CreationTime": MONDAY_NOON,
        }
    ]
    again = lab.track(TargetValue=0.5)
    assert again == answer
    lab.call("DeleteScalingPolicy", **WHERE, PolicyName="p")
    assert lab.error("DeleteScalingPolicy", **WHERE, PolicyName="p") == (
        "ObjectNotFoundException",
        f"No scaling policy found for {NAMED}, policy name: p",
    )


def test_three_busy_minutes_scale_out_to_the_target(lab):
    lab.register(4, 20)
    alarm = lab.track()["Alarms"][0]["AlarmName"]
    lab.minutes(1.0, 1.0)
    assert lab.provisioned == 4
    lab.minutes(1.0)
    assert lab.provisioned == 6
    activity = lab.activities()[0]
    assert activity["Description"] == "Setting desired concurrency to 6."
    assert activity["Cause"] == f"monitor alarm {alarm} in state ALARM triggered policy p"
    lab.minutes(0.9, 0.9, 0.9)
    assert lab.provisioned == 8


def test_nothing_grows_beyond_the_maximum_and_that_is_told_once(lab):
    lab.register(4, 5)
    lab.track()
    lab.minutes(*[1.0] * 8)
    assert lab.provisioned == 5
    assert len(lab.activities()) == 2
    [told, *_] = lab.activities(IncludeNotScaledActivities=True)
    assert told["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 5, "CurrentCapacity": 5}]
    assert len(lab.activities(IncludeNotScaledActivities=True)) == 3


def test_fifteen_quiet_minutes_scale_in_and_minutes_without_invocations_do_not_count(lab):
    lab.register(1, 20)
    lab.track()
    lab.played.provisioned["f:prod"] = 10
    lab.minutes(*[0.2] * 14, *[None] * 2)
    assert lab.provisioned == 10
    lab.minutes(0.2)
    assert lab.provisioned == 3
    lab.minutes(*[None] * 30)
    assert lab.provisioned == 3


@pytest.mark.parametrize("way", ["DisableScaleIn", "suspended"])
def test_scaling_in_can_be_turned_off(lab, way):
    suspended = {"SuspendedState": {"DynamicScalingInSuspended": True}} if way == "suspended" else {}
    lab.register(1, 20, **suspended)
    lab.track(**({"DisableScaleIn": True} if way == "DisableScaleIn" else {}))
    lab.played.provisioned["f:prod"] = 10
    lab.minutes(*[0.1] * 20)
    assert lab.provisioned == 10


def test_a_cooldown_is_waited_for(lab):
    lab.register(1, 20)
    lab.track(ScaleOutCooldown=600)
    lab.minutes(*[1.0] * 9)
    assert lab.provisioned == 1  # raised to the minimum at noon, and that counts
    lab.minutes(1.0)
    assert lab.provisioned == 2
    lab.minutes(*[1.0] * 9)
    assert lab.provisioned == 2
    lab.minutes(1.0)
    assert lab.provisioned == 3


def test_of_several_policies_the_largest_capacity_wins_and_all_must_agree_on_less(lab):
    lab.register(4, 100)
    lab.track("tight", TargetValue=0.2)
    lab.track("loose", TargetValue=0.9)
    lab.minutes(*[0.8] * 3)
    assert lab.provisioned == 16
    lab.minutes(*[0.19] * 20)
    assert lab.provisioned == 16


def test_the_maximum_of_the_metric_may_be_tracked_instead(lab):
    lab.register(4, 100)
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "ProvisionedConcurrencyUtilization",
        "Dimensions": [{"Name": "FunctionName", "Value": "f"}, {"Name": "Resource", "Value": "f:prod"}],
        "Statistic": "Maximum",
    }
    configuration = {"TargetValue": 0.5, "CustomizedMetricSpecification": metric}
    policy = {**WHERE, "PolicyName": "p", "PolicyType": "TargetTrackingScaling"}
    lab.call("PutScalingPolicy", **policy, TargetTrackingScalingPolicyConfiguration=configuration)
    lab.use = Use(average=0.1, maximum=1.0)
    for _ in range(3):
        lab.advance(60)
    assert lab.provisioned == 8
    for changes in ({"Namespace": "Mine"}, {"Dimensions": []}, {"Statistic": "Sum"}, {"Metrics": [{"Id": "a"}]}):
        configuration = {"TargetValue": 0.5, "CustomizedMetricSpecification": metric | changes}
        code, text = lab.error("PutScalingPolicy", **policy, TargetTrackingScalingPolicyConfiguration=configuration)
        assert code == "ValidationException"
        assert text.startswith("CustomizedMetricSpecification: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PolicyType": "StepScaling"}, "Policy type StepScaling is not supported for the service namespace lambda"),
        ({"PolicyType": "PredictiveScaling"}, "Policy type PredictiveScaling is not supported for the service"),
        ({"PolicyType": ""}, "PolicyType must be specified when a scaling policy is created"),
        (
            {"TargetTrackingScalingPolicyConfiguration": None},
            "TargetTrackingScalingPolicyConfiguration must be specified",
        ),
        ({"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 0.7}}, "Specify either PredefinedMetric"),
        ({"TargetTrackingScalingPolicyConfiguration": TRACKING | {"TargetValue": 0}}, "Target value must be greater"),
        (
            {
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 0.7,
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"},
                }
            },
            "Predefined metric type ALBRequestCountPerTarget is not supported",
        ),
    ],
)
def test_what_is_no_policy_for_lambda(lab, changes, message):
    lab.register()
    given = {
        **WHERE,
        "PolicyName": "p",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": TRACKING,
    } | changes
    code, text = lab.error("PutScalingPolicy", **given)
    assert code == "ValidationException"
    assert text.startswith(message)


def test_without_a_target_there_is_no_policy_and_no_schedule(lab):
    policy = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling"}
    for operation, given in (
        ("PutScalingPolicy", policy),
        ("PutScheduledAction", {"ScheduledActionName": "s", "Schedule": "rate(1 minute)"}),
    ):
        expected = ("ObjectNotFoundException", f"No scalable target registered for {NAMED}")
        assert lab.error(operation, **WHERE, **given) == expected


# --- schedules ------------------------------------------------------------------------------------------------------


def test_a_scheduled_action_sets_the_bounds_and_the_capacity_follows(lab):
    lab.register(1, 10)
    lab.schedule("cron(0 13 * * ? *)", ScalableTargetAction={"MinCapacity": 6, "MaxCapacity": 8})
    lab.advance(3599)
    assert lab.provisioned == 1
    lab.advance(1)
    assert lab.provisioned == 6
    assert lab.activities()[0]["Cause"] == "scheduled action name s was triggered, minimum capacity was set to 6"
    [target] = lab.call("DescribeScalableTargets", ServiceNamespace="lambda")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (6, 8)


def test_it_is_shown_as_it_was_given_and_a_second_put_keeps_what_it_leaves_out(lab):
    lab.register()
    lab.schedule(
        "cron(0 9 ? * MON-FRI *)",
        Timezone="Europe/Berlin",
        StartTime=MONDAY_NOON + 60,
        EndTime=MONDAY_NOON + 86_400 * 30,
        ScalableTargetAction={"MinCapacity": 6},
    )
    lab.schedule("rate(2 days)")
    [action] = lab.call("DescribeScheduledActions", ServiceNamespace="lambda")["ScheduledActions"]
    assert action.pop("ScheduledActionARN").endswith(f":resource/lambda/{RESOURCE}:scheduledActionName/s")
    assert action == {
        "ScheduledActionName": "s",
        **WHERE,
        "Schedule": "rate(2 days)",
        "Timezone": "Europe/Berlin",
        "StartTime": MONDAY_NOON + 60,
        "EndTime": MONDAY_NOON + 86_400 * 30,
        "ScalableTargetAction": {"MinCapacity": 6},
        "CreationTime": MONDAY_NOON,
    }


def test_the_wall_clock_of_the_zone_counts(lab):
    lab.register()
    lab.schedule("at(2026-11-23T14:30:00)", Timezone="Europe/Berlin", ScalableTargetAction={"MinCapacity": 3})
    lab.advance(5399)
    assert lab.provisioned == 1
    lab.advance(1)
    assert lab.provisioned == 3
    lab.register(1, 10)
    lab.advance(86_400)
    assert lab.provisioned == 3  # once, and nothing scales in by itself


def test_a_rate_runs_between_its_start_and_its_end(lab):
    lab.register(0, 10)
    lab.schedule(
        "rate(10 minutes)",
        StartTime=MONDAY_NOON + 3600,
        EndTime=MONDAY_NOON + 4500,
        ScalableTargetAction={"MinCapacity": 2},
    )
    lab.advance(3600 + 599)
    assert lab.provisioned == 0
    lab.advance(1)
    assert lab.provisioned == 2
    lab.call("RegisterScalableTarget", **WHERE, MinCapacity=0)
    lab.played.provisioned.clear()
    lab.advance(3600)
    assert lab.provisioned == 0


def test_an_action_that_gives_only_one_bound_moves_the_other_along(lab):
    lab.register(1, 4)
    lab.schedule("rate(1 minute)", ScalableTargetAction={"MinCapacity": 9})
    lab.advance(60)
    [target] = lab.call("DescribeScalableTargets", ServiceNamespace="lambda")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"], lab.provisioned) == (9, 9, 9)


def test_suspended_or_deleted_it_does_nothing(lab):
    lab.register(1, 10, SuspendedState={"ScheduledScalingSuspended": True})
    lab.schedule("rate(1 minute)", ScalableTargetAction={"MinCapacity": 5})
    lab.advance(120)
    assert lab.provisioned == 1
    lab.call("DeleteScheduledAction", **WHERE, ScheduledActionName="s")
    lab.register(None, None, SuspendedState={"ScheduledScalingSuspended": False})
    lab.advance(120)
    assert lab.provisioned == 1
    assert lab.error("DeleteScheduledAction", **WHERE, ScheduledActionName="s") == (
        "ObjectNotFoundException",
        f"No scheduled action found for {NAMED}, scheduled action name: s",
    )


def test_what_was_missed_while_the_server_was_down_is_made_up_for_once(lab):
    lab.register(1, 20)
    lab.schedule("cron(0 * * * ? *)", "hourly", ScalableTargetAction={"MinCapacity": 5})
    lab.schedule("at(2026-11-23T13:30:00)", "once", ScalableTargetAction={"MinCapacity": 9})
    lab.restart(after_s=2 * 3600)
    assert lab.played.asked == [("f:prod", 1), ("f:prod", 9)]
    [target] = lab.call("DescribeScalableTargets", ServiceNamespace="lambda")["ScalableTargets"]
    assert target["MinCapacity"] == 5  # at two o'clock, after half past one
    lab.restart(after_s=60)
    assert len(lab.played.asked) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Schedule": "rate(5 seconds)"}, "Invalid schedule: "),
        ({"Schedule": ""}, "Schedule must be specified"),
        ({"Timezone": "Nope/Nowhere"}, "Invalid schedule: Nope/Nowhere: no such time zone"),
        ({"ScalableTargetAction": {}}, "At least one of MinCapacity and MaxCapacity"),
        ({"ScalableTargetAction": {"MinCapacity": 5, "MaxCapacity": 4}}, "Maximum capacity cannot be less"),
        ({"StartTime": 10.0, "EndTime": 5.0}, "Start time must be earlier than end time"),
    ],
)
def test_what_is_no_scheduled_action(lab, changes, message):
    lab.register()
    given = {"ScheduledActionName": "s", "Schedule": "rate(1 minute)", "ScalableTargetAction": {"MinCapacity": 2}}
    code, text = lab.error("PutScheduledAction", **WHERE | given | changes)
    assert code == "ValidationException"
    assert text.startswith(message)


def test_a_reset_forgets_everything(lab):
    lab.register()
    lab.track()
    lab.runner.run(lab.service.reset())
    assert lab.call("DescribeScalableTargets", ServiceNamespace="lambda")["ScalableTargets"] == []
    assert lab.activities() == []


def test_answers_are_plain_json(lab):
    lab.register()
    lab.track()
    assert json.loads(msgspec.json.encode(lab.call("DescribeScalingPolicies", ServiceNamespace="lambda")))
