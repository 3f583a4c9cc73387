"""Scalable targets: what may be scaled, and between which bounds."""

import re

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.application_autoscaling import pages
from samovar.services.application_autoscaling.state import (
    SERVICE,
    State,
    Suspended,
    Target,
    TargetKey,
    invalid,
    is_lambda,
    role_arn,
    shown,
)

_RESOURCE = re.compile(r"function:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,128}")
_MOST_TAGS = 50


async def register_scalable_target(state: State, ctx: Context, params: Params) -> Params:
    """Only Lambda's provisioned concurrency."""
    if not is_lambda(params) or not _RESOURCE.fullmatch(params["ResourceId"]):
        raise invalid("Unsupported service namespace, resource type or scalable dimension")
    key: TargetKey = (ctx.account, ctx.region, params["ResourceId"])
    present = state.targets.get(key)
    if present is None:
        await _check_resource(ctx, params["ResourceId"])
        await _ensure_role(ctx)
    changed = _registered(state, ctx, params, present)
    await state.targets.put(key, changed)
    if present is None or (present.least, present.most) != (changed.least, changed.most):
        await state.scaler.fit(key, "")
    return {"ScalableTargetARN": changed.arn}


async def deregister_scalable_target(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.target(ctx, params)
    await state.forget(key)
    return {}


async def describe_scalable_targets(state: State, ctx: Context, params: Params) -> Params:
    wanted = params.get("ResourceIds")
    found = (
        (target.resource, target)
        for _, target in state.targets.items((ctx.account, ctx.region))
        if is_lambda(params) and (not wanted or target.resource in wanted)
    )
    page, more = pages.cut(found, params)
    return {"ScalableTargets": [_describe(ctx, target) for target in page], **more}


async def _check_resource(ctx: Context, resource: str) -> None:
    _, name, qualifier = resource.split(":")
    try:
        await ctx.call("lambda", "GetFunctionConfiguration", {"FunctionName": name, "Qualifier": qualifier})
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        raise invalid(f"Lambda function doesn't exist: {resource}") from None


async def _ensure_role(ctx: Context) -> None:
    """Make the service-linked role, as the caller; it may be there already."""
    try:
        await ctx.call("iam", "CreateServiceLinkedRole", {"AWSServiceName": SERVICE})
    except AwsError as error:
        if error.code != "InvalidInput":
            raise


def _registered(state: State, ctx: Context, params: Params, present: Target | None) -> Target:
    least = params.get("MinCapacity", present.least if present else None)
    most = params.get("MaxCapacity", present.most if present else None)
    if least is None or most is None:
        raise invalid("Both MinCapacity and MaxCapacity must be specified when a scalable target is registered")
    if least < 0:
        raise invalid("Minimum capacity cannot be less than 0")
    if least > most:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    suspended = _suspended(params, present.suspended if present else Suspended())
    if present is not None:
        if params.get("Tags"):
            raise invalid("Tags cannot be changed by registering again; use TagResource")
        return msgspec.structs.replace(present, least=least, most=most, suspended=suspended)
    tags = params.get("Tags") or {}
    if len(tags) > _MOST_TAGS:
        raise invalid("The number of tags exceeds the limit of 50 for a scalable target")
    return Target(
        arn=arn.make("application-autoscaling", ctx.region, ctx.account, f"scalable-target/{hex_id(36)}"),
        resource=params["ResourceId"],
        least=least,
        most=most,
        created_at=state.clock.now(),
        suspended=suspended,
        tags=tags,
    )


def _suspended(params: Params, present: Suspended) -> Suspended:
    given = params.get("SuspendedState") or {}
    return Suspended(
        given.get("DynamicScalingInSuspended", present.scale_in),
        given.get("DynamicScalingOutSuspended", present.scale_out),
        given.get("ScheduledScalingSuspended", present.scheduled),
    )


def _describe(ctx: Context, target: Target) -> Params:
    return {
        **shown(target.resource),
        "MinCapacity": target.least,
        "MaxCapacity": target.most,
        "RoleARN": role_arn(ctx.account),
        "CreationTime": target.created_at,
        "SuspendedState": {
            "DynamicScalingInSuspended": target.suspended.scale_in,
            "DynamicScalingOutSuspended": target.suspended.scale_out,
            "ScheduledScalingSuspended": target.suspended.scheduled,
        },
        "ScalableTargetARN": target.arn,
    }
