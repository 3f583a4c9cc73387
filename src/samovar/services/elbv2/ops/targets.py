"""Targets of groups: registered, deregistered, and how they are."""

import ipaddress
import re

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.elbv2.elb import Elb
from samovar.services.elbv2.errors import invalid
from samovar.services.elbv2.health import PRINCIPAL, Condition
from samovar.services.elbv2.records import Target, TargetGroup
from samovar.services.elbv2.state import target_key

_MOST = 1000
_FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(?::(?:\$LATEST|[\w-]+))?", re.ASCII)


async def register_targets(elb: Elb, ctx: Context, params: Params) -> Params:
    """Functions and addresses, loopback ones as well. Not here: instances, of which there are none."""
    state = elb.state
    group = state.group(ctx, params["TargetGroupArn"])
    wanted = [_checked(group, each) for each in params["Targets"]]
    if group.target_type == "lambda":
        await _check_function(elb, ctx, group, wanted)
        group = state.group(ctx, group.arn)  # meanwhile it may have gone
        _check_alone(elb, group, wanted)
    there = {each.key for each in state.targets_of(group.arn) if not each.draining_until}
    if len(there | {each.key for each in wanted}) > _MOST:
        raise AwsError("TooManyTargetsException", "You have reached the maximum number of targets per target group")
    await state.store.transact(*(state.targets.putting(target_key(group.arn, each), each) for each in wanted))
    elb.health.follow()
    return {}


async def deregister_targets(elb: Elb, ctx: Context, params: Params) -> Params:
    """Those of addresses finish what they have begun, and are gone after the deregistration delay."""
    state = elb.state
    group = state.group(ctx, params["TargetGroupArn"])
    there = {each.key: each for each in state.targets_of(group.arn)}
    changes = []
    for each in params["Targets"]:
        found = [there[key] for key in there if _means(each, there[key])]
        if not found and group.target_type != "lambda":
            raise AwsError("InvalidTargetException", f"The following targets are not registered: '{each['Id']}'")
        for target in found:
            key = target_key(group.arn, target)
            until = elb.health.drained_at(group)
            if until is None:
                changes.append(state.targets.deleting(key))
            elif not target.draining_until:
                changes.append(state.targets.putting(key, msgspec.structs.replace(target, draining_until=until)))
    await state.store.transact(*changes)
    elb.health.follow()
    return {}


async def describe_target_health(elb: Elb, ctx: Context, params: Params) -> Params:
    group = elb.state.group(ctx, params["TargetGroupArn"])
    there = elb.state.targets_of(group.arn)
    used = bool(elb.balancers_of(ctx, group))
    asked = params.get("Targets")
    if not asked:
        return {"TargetHealthDescriptions": [_shown(group, each, elb.health.of(group, each, used)) for each in there]}
    shown = []
    for each in asked:
        found = [target for target in there if _means(each, target)]
        shown += [_shown(group, target, elb.health.of(group, target, used)) for target in found]
        if not found:
            gone = Condition("unused", "Target.NotRegistered", "Target is not registered to the target group")
            shown.append(_shown(group, Target(each["Id"], each.get("Port") or group.port), gone))
    return {"TargetHealthDescriptions": shown}


def _shown(group: TargetGroup, target: Target, condition: Condition) -> Params:
    shown: Params = {"Target": {"Id": target.id}, "TargetHealth": {"State": condition.state}}
    if target.port:
        shown["Target"]["Port"] = target.port
        port = group.health.port
        shown["HealthCheckPort"] = str(target.port) if port == "traffic-port" else port
    if target.zone:
        shown["Target"]["AvailabilityZone"] = target.zone
    if condition.reason:
        shown["TargetHealth"] |= {"Reason": condition.reason, "Description": condition.description}
    return shown


def _means(asked: Params, target: Target) -> bool:
    return bool(asked["Id"] == target.id and asked.get("Port", target.port) == target.port)


def _checked(group: TargetGroup, given: Params) -> Target:
    id: str = given["Id"]
    if group.target_type == "lambda":
        if given.get("Port"):
            raise invalid("A port cannot be specified for a Lambda function")
        return Target(id, 0, given.get("AvailabilityZone") or "")
    if group.target_type == "instance":
        raise AwsError("InvalidTargetException", f"The following targets are not valid instances: '{id}'")
    try:
        address = ipaddress.ip_address(id)
    except ValueError:
        raise invalid(f"The IP address '{id}' is not a valid IPv4 or IPv6 address") from None
    if address.is_multicast or address.is_unspecified or f"ipv{address.version}" != group.ip_address_type:
        raise AwsError("InvalidTargetException", f"The IP address '{id}' can't be a target of this target group")
    return Target(str(address), given.get("Port") or group.port, given.get("AvailabilityZone") or "")


def _check_alone(elb: Elb, group: TargetGroup, wanted: list[Target]) -> None:
    there = {each.id for each in elb.state.targets_of(group.arn)}
    if len(there | {each.id for each in wanted}) > 1:
        raise AwsError("TooManyTargetsException", "A target group can only have one Lambda function as its target")


async def _check_function(elb: Elb, ctx: Context, group: TargetGroup, wanted: list[Target]) -> None:
    """One function, of this account and region, that lets the target group invoke it."""
    _check_alone(elb, group, wanted)
    for target in wanted:
        parsed = arn.parse(target.id)
        if not _FUNCTION.fullmatch(target.id) or parsed is None:
            raise invalid(f"The Lambda function ARN '{target.id}' is not valid")
        if (parsed.account, parsed.region) != (ctx.account, ctx.region):
            text = "must be in the same account and Region as the target group"
            raise invalid(f"The Lambda function '{target.id}' {text}")
        caller = elb.acting(ctx.account, ctx.region, PRINCIPAL, group.arn)
        try:
            await caller.call("lambda", "Invoke", {"FunctionName": target.id, "InvocationType": "DryRun"})
        except AwsError as refused:
            if refused.code == "ResourceNotFoundException":
                raise AwsError("InvalidTargetException", f"The Lambda function '{target.id}' does not exist") from None
            text = f"{PRINCIPAL} principal does not have permission to invoke {target.id} from target group {group.arn}"
            raise AwsError("AccessDeniedException", text) from None


