"""Scaling policies: target tracking of ProvisionedConcurrencyUtilization."""

from typing import Any

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.ids import uuid4
from samovar.services.application_autoscaling import pages
from samovar.services.application_autoscaling.state import Policy, State, invalid, is_lambda, no_such, shown

_METRIC = "ProvisionedConcurrencyUtilization"
_PREDEFINED = f"Lambda{_METRIC}"


async def put_scaling_policy(state: State, ctx: Context, params: Params) -> Params:
    """Target tracking of the use of provisioned concurrency."""
    key, target = state.target(ctx, params)
    part = (*key, params["PolicyName"])
    present = state.policies.get(part)
    kind = params.get("PolicyType") or ("TargetTrackingScaling" if present else "")
    if not kind:
        raise invalid("PolicyType must be specified when a scaling policy is created")
    if kind != "TargetTrackingScaling":
        raise invalid(f"Policy type {kind} is not supported for the service namespace lambda")
    given = params.get("TargetTrackingScalingPolicyConfiguration")
    if given is None:
        raise invalid(f"TargetTrackingScalingPolicyConfiguration must be specified for the policy type {kind}")
    if given["TargetValue"] <= 0:
        raise invalid("Target value must be greater than 0")
    alarms = present.alarms if present else _alarm_names(target.resource)
    policy = Policy(
        arn=present.arn if present else _policy_arn(ctx, target.resource, params["PolicyName"]),
        name=params["PolicyName"],
        target=given["TargetValue"],
        maximum=_counts_maximum(given, target.resource),
        shown=given,
        out_cooldown_s=given.get("ScaleOutCooldown", 0),
        in_cooldown_s=given.get("ScaleInCooldown", 0),
        scales_in=not given.get("DisableScaleIn", False),
        alarms=alarms,
        created_at=present.created_at if present else state.clock.now(),
    )
    await state.policies.put(part, policy)
    return {"PolicyARN": policy.arn, "Alarms": _alarms(ctx, policy)}


async def delete_scaling_policy(state: State, ctx: Context, params: Params) -> Params:
    part = (ctx.account, ctx.region, params["ResourceId"], params["PolicyName"])
    if not is_lambda(params) or not await state.policies.delete(part):
        raise no_such("scaling policy", params, params["PolicyName"])
    return {}


async def describe_scaling_policies(state: State, ctx: Context, params: Params) -> Params:
    names, resource = params.get("PolicyNames"), params.get("ResourceId")
    found = (
        ("\0".join(key[2:]), (key[2], policy))
        for key, policy in state.policies.items((ctx.account, ctx.region))
        if is_lambda(params) and (not names or policy.name in names) and resource in (None, key[2])
    )
    page, more = pages.cut(found, params)
    return {"ScalingPolicies": [_describe(ctx, resource, policy) for resource, policy in page], **more}


def _counts_maximum(given: dict[str, Any], resource: str) -> bool:
    """Whether the metric's maximum counts. Refuses every other metric: there is no CloudWatch yet to ask for it."""
    predefined: dict[str, Any] = given.get("PredefinedMetricSpecification") or {}
    customized: dict[str, Any] = given.get("CustomizedMetricSpecification") or {}
    if bool(predefined) == bool(customized):
        raise invalid("Specify either PredefinedMetricSpecification or CustomizedMetricSpecification")
    if predefined:
        if predefined["PredefinedMetricType"] != _PREDEFINED:
            raise invalid(f"Predefined metric type {predefined['PredefinedMetricType']} is not supported for lambda")
        return False
    _, name, _ = resource.split(":")
    dimensions = {each["Name"]: each["Value"] for each in customized.get("Dimensions") or ()}
    own = {"FunctionName": name, "Resource": resource.removeprefix("function:")}
    asked = (customized.get("Namespace"), customized.get("MetricName"), dimensions)
    if customized.get("Metrics") or asked != ("AWS/Lambda", _METRIC, own):
        raise invalid(f"CustomizedMetricSpecification: this server measures AWS/Lambda {_METRIC} of {resource} only.")
    if customized.get("Statistic") not in ("Average", "Maximum"):
        raise invalid(f"CustomizedMetricSpecification: {_METRIC} has the statistics Average and Maximum.")
    return bool(customized["Statistic"] == "Maximum")


def _alarm_names(resource: str) -> tuple[str, str]:
    return (f"TargetTracking-{resource}-AlarmHigh-{uuid4()}", f"TargetTracking-{resource}-AlarmLow-{uuid4()}")


def _policy_arn(ctx: Context, resource: str, name: str) -> str:
    place = f"scalingPolicy:{uuid4()}:resource/lambda/{resource}:policyName/{name}"
    return arn.make("autoscaling", ctx.region, ctx.account, place)


def _alarms(ctx: Context, policy: Policy) -> list[Params]:
    return [
        {"AlarmName": name, "AlarmARN": arn.make("cloudwatch", ctx.region, ctx.account, f"alarm:{name}")}
        for name in policy.alarms
    ]


def _describe(ctx: Context, resource: str, policy: Policy) -> Params:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        **shown(resource),
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": policy.shown,
        "Alarms": _alarms(ctx, policy),
        "CreationTime": policy.created_at,
    }
