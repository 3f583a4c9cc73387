"""Target groups: made, described, changed, deleted."""

import re

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.elbv2 import attributes, health, pages, tags, views
from samovar.services.elbv2.elb import Elb
from samovar.services.elbv2.errors import invalid, missing, not_here
from samovar.services.elbv2.records import HealthCheck, TargetGroup
from samovar.services.elbv2.state import SERVICE, group_key, target_key

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
_MOST = 3000
_CHECKED = {
    "HealthCheckEnabled": "enabled",
    "HealthCheckProtocol": "protocol",
    "HealthCheckPort": "port",
    "HealthCheckPath": "path",
    "HealthCheckIntervalSeconds": "interval_s",
    "HealthCheckTimeoutSeconds": "timeout_s",
    "HealthyThresholdCount": "healthy_count",
    "UnhealthyThresholdCount": "unhealthy_count",
}


async def create_target_group(elb: Elb, ctx: Context, params: Params) -> Params:
    """Types instance, ip and lambda with HTTP, HTTPS and TCP. Not here: `alb`, other protocols, HTTP2 and GRPC."""
    state, name = elb.state, params["Name"]
    if not _NAME.fullmatch(name):
        text = "can only contain characters that are alphanumeric characters and hyphens(-), up to 32, and must not"
        raise invalid(f"The target group name '{name}' {text} begin or end with a hyphen")
    kind = params.get("TargetType") or "instance"
    wanted = TargetGroup(
        arn="",
        name=name,
        target_type=kind,
        protocol=_protocol(kind, params),
        port=params.get("Port") or 0,
        vpc_id=params.get("VpcId") or "",
        health=_health(_defaults(kind, params), params),
        ip_address_type=params.get("IpAddressType") or "ipv4",
        tags=tags.given(params),
    )
    mine = [each for _, each in state.groups.items((ctx.account, ctx.region))]
    existing = next((each for each in mine if each.name == name), None)
    if existing is not None:
        if msgspec.structs.replace(existing, arn="", attributes={}, tags=wanted.tags) != wanted:
            text = f"A target group with the same name '{name}' exists, but with different settings"
            raise AwsError("DuplicateTargetGroupNameException", text)
        return {"TargetGroups": [views.group(existing, elb.balancers_of(ctx, existing))]}
    if len(mine) >= _MOST:
        raise AwsError("TooManyTargetGroupsException", "You have reached the maximum number of target groups")
    path = f"targetgroup/{name}/{hex_id(16)}"
    made = msgspec.structs.replace(wanted, arn=arn.make(SERVICE, ctx.region, ctx.account, path))
    await state.groups.put(group_key(made), made)
    return {"TargetGroups": [views.group(made, [])]}


async def describe_target_groups(elb: Elb, ctx: Context, params: Params) -> Params:
    arns, names = params.get("TargetGroupArns") or [], params.get("Names") or []
    balancer = params.get("LoadBalancerArn")
    if sum(map(bool, (arns, names, balancer))) > 1:
        raise invalid("Target group ARNs, names and a load balancer ARN cannot be specified at the same time")
    users = elb.state.users(ctx)
    found = [each for _, each in elb.state.groups.items((ctx.account, ctx.region))]
    if arns:
        found = [elb.state.group(ctx, each) for each in arns]
    elif names:
        by_name = {each.name: each for each in found}
        if any(name not in by_name for name in names):
            raise missing("Target groups")
        found = [by_name[name] for name in names]
    elif balancer:
        elb.state.balancer(ctx, balancer)
        found = [each for each in found if balancer in users.get(each.arn, [])]
    page, more = pages.cut(found, lambda each: each.arn, params)
    return {"TargetGroups": [views.group(each, users.get(each.arn, [])) for each in page], **more}


async def modify_target_group(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.group(ctx, params["TargetGroupArn"])
    after = msgspec.structs.replace(found, health=_health(found.health, params))
    await elb.state.groups.put(group_key(after), after)
    elb.health.follow()
    return {"TargetGroups": [views.group(after, elb.balancers_of(ctx, after))]}


async def delete_target_group(elb: Elb, ctx: Context, params: Params) -> Params:
    """With its targets. One that isn't there is no error, as on AWS."""
    state = elb.state
    found = state.groups.get((ctx.account, ctx.region, params["TargetGroupArn"]))
    if found is None:
        return {}
    if elb.balancers_of(ctx, found):
        text = f"Target group '{found.arn}' is currently in use by a listener or a rule"
        raise AwsError("ResourceInUseException", text)
    await state.store.transact(
        state.groups.deleting(group_key(found)),
        *(state.targets.deleting(target_key(found.arn, each)) for each in state.targets_of(found.arn)),
    )
    elb.health.follow()
    return {}


async def describe_target_group_attributes(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.group(ctx, params["TargetGroupArn"])
    return {"Attributes": attributes.shown(attributes.of_group(found), found.attributes)}


async def modify_target_group_attributes(elb: Elb, ctx: Context, params: Params) -> Params:
    """Not here: weighted random routing, and failing over by DNS."""
    found = elb.state.group(ctx, params["TargetGroupArn"])
    known = attributes.of_group(found)
    after = attributes.changed(known, found.attributes, params["Attributes"])
    await elb.state.groups.put(group_key(found), msgspec.structs.replace(found, attributes=after))
    elb.health.follow()
    return {"Attributes": attributes.shown(known, after)}


def _protocol(kind: str, params: Params) -> str:
    protocol: str = params.get("Protocol") or ""
    if kind == "alb":
        raise not_here("The target type alb")
    if kind == "lambda":
        for member in ("Protocol", "Port", "VpcId", "ProtocolVersion"):
            if params.get(member):
                raise invalid(f"{member} cannot be specified for target groups with target type 'lambda'")
        return ""
    for member, text in (("Protocol", "A protocol"), ("Port", "A port"), ("VpcId", "A VPC ID")):
        if not params.get(member):
            raise invalid(f"{text} must be specified")
    if protocol not in ("HTTP", "HTTPS", "TCP"):
        raise not_here(f"The protocol {protocol}")
    if protocol == "TCP" and params.get("ProtocolVersion"):
        raise invalid("You cannot specify a protocol version for a TCP target group")
    if (params.get("ProtocolVersion") or "HTTP1") != "HTTP1":
        raise not_here(f"The protocol version {params['ProtocolVersion']}")
    return protocol


def _defaults(kind: str, params: Params) -> HealthCheck:
    """CreateTargetGroup's (API reference)."""
    if kind == "lambda":
        return HealthCheck(False, "", "", "/", 35, 30, 5, 2, "200")
    if params.get("Protocol") == "TCP":
        if (params.get("HealthCheckProtocol") or "TCP") == "TCP":
            return HealthCheck(True, "TCP", "traffic-port", "", 30, 10, 5, 2, "")
        return HealthCheck(True, "HTTP", "traffic-port", "/", 30, 6, 5, 2, "200-399")
    return HealthCheck(True, "HTTP", "traffic-port", "/", 30, 5, 5, 2, "200")


def _health(before: HealthCheck, params: Params) -> HealthCheck:
    given = {ours: params[name] for name, ours in _CHECKED.items() if params.get(name) is not None}
    matcher = params.get("Matcher") or {}
    if matcher.get("GrpcCode"):
        raise not_here("A matcher of GRPC codes")
    if matcher.get("HttpCode"):
        given["matcher"] = matcher["HttpCode"]
    after = msgspec.structs.replace(before, **given)
    if "matcher" in given and health.codes(after.matcher) is None:
        raise invalid(f"Health check matcher HTTP code '{after.matcher}' must be within '200-499'")
    if not after.protocol and (given.keys() & {"protocol", "port"}):
        raise invalid("A health check of a function has no protocol and no port")
    if after.protocol == "TCP" and (given.keys() & {"path", "matcher"}):
        raise invalid("A path and a matcher can only be specified for HTTP and HTTPS health checks")
    if after.protocol and after.protocol not in ("HTTP", "HTTPS", "TCP"):
        raise not_here(f"The health check protocol {after.protocol}")
    if after.protocol and not after.enabled:
        raise invalid("Health check enabled must be true for target groups with target type 'instance' or 'ip'")
    port = after.port
    if after.protocol and port != "traffic-port" and not (port.isdecimal() and 1 <= int(port) <= 65_535):
        raise invalid(f"Health check port '{port}' must be either 'traffic-port' or in the range '1-65535'")
    if after.protocol != "TCP" and not after.path.startswith("/"):
        raise invalid(f"Health check path '{after.path}' must begin with a '/' character")
    if after.timeout_s >= after.interval_s:
        text = "Health check timeout '{}' must be smaller than the interval '{}'"
        raise invalid(text.format(after.timeout_s, after.interval_s))
    return after
