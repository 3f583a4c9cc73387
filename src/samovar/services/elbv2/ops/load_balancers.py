"""Load balancers: made, described, changed, deleted."""

import hashlib
import re

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.elbv2 import attributes, pages, tags, views
from samovar.services.elbv2.elb import Elb
from samovar.services.elbv2.errors import invalid, missing, not_here
from samovar.services.elbv2.records import LoadBalancer
from samovar.services.elbv2.state import SERVICE, balancer_key, listener_key, rule_key
from samovar.web.balancers import LABEL

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
_MOST = 50


async def create_load_balancer(elb: Elb, ctx: Context, params: Params) -> Params:
    """Application and Network Load Balancers. Subnets and security groups are kept; there are no networks."""
    state, name = elb.state, params["Name"]
    kind = params.get("Type") or "application"
    if kind not in ("application", "network"):
        raise not_here(f"The load balancer type {kind}")
    _check_name(name)
    wanted = LoadBalancer(
        arn="",
        name=name,
        dns_name="",
        scheme=params.get("Scheme") or "internet-facing",
        ip_address_type=params.get("IpAddressType") or "ipv4",
        subnets=_subnets(params, 1 if kind == "network" else 2),
        security_groups=params.get("SecurityGroups") or [],
        created_at=state.clock.now(),
        tags=tags.given(params),
    )
    mine = [each for _, each in state.load_balancers.items((ctx.account, ctx.region))]
    existing = next((each for each in mine if each.name == name), None)
    if existing is not None:
        if existing.is_network is not (kind == "network") or not _same(existing, wanted):
            text = f"A load balancer with the same name '{name}' exists, but with different settings"
            raise AwsError("DuplicateLoadBalancerNameException", text)
        return {"LoadBalancers": [views.balancer(existing)]}
    if len(mine) >= _MOST:
        text = "You have reached the maximum number of load balancers"
        raise AwsError("TooManyLoadBalancersException", text)
    id = hex_id(16)
    made = msgspec.structs.replace(
        wanted,
        arn=arn.make(SERVICE, ctx.region, ctx.account, f"loadbalancer/{kind[:3]}/{name}/{id}"),
        dns_name=_dns_name(wanted, id, ctx.region),
    )
    await state.load_balancers.put(balancer_key(made), made)
    return {"LoadBalancers": [views.balancer(made, "provisioning")]}


async def describe_load_balancers(elb: Elb, ctx: Context, params: Params) -> Params:
    arns, names = params.get("LoadBalancerArns") or [], params.get("Names") or []
    if arns and names:
        raise invalid("Load balancer ARNs and names cannot be specified at the same time")
    found = [each for _, each in elb.state.load_balancers.items((ctx.account, ctx.region))]
    if arns:
        found = [elb.state.balancer(ctx, each) for each in arns]
    elif names:
        by_name = {each.name: each for each in found}
        if any(name not in by_name for name in names):
            raise missing("Load balancers")
        found = [by_name[name] for name in names]
    page, more = pages.cut(found, lambda each: each.arn, params)
    return {"LoadBalancers": [views.balancer(each) for each in page], **more}


async def delete_load_balancer(elb: Elb, ctx: Context, params: Params) -> Params:
    """Its listeners and their rules go with it. One that isn't there is no error, as on AWS."""
    state = elb.state
    found = state.load_balancers.get((ctx.account, ctx.region, params["LoadBalancerArn"]))
    if found is None:
        return {}
    if attributes.value(attributes.of_balancer(found), found.attributes, "deletion_protection.enabled") == "true":
        text = f"Load balancer '{found.arn}' cannot be deleted because deletion protection is enabled"
        raise AwsError("OperationNotPermittedException", text)
    listeners = state.listeners_of(found.arn)
    rules = [rule for listener in listeners for rule in state.rules_of(listener.arn)]
    await state.store.transact(
        state.load_balancers.deleting(balancer_key(found)),
        *(state.listeners.deleting(listener_key(each)) for each in listeners),
        *(state.rules.deleting(rule_key(each)) for each in rules),
    )
    await elb.changed()
    return {}


async def describe_load_balancer_attributes(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.balancer(ctx, params["LoadBalancerArn"])
    return {"Attributes": attributes.shown(attributes.of_balancer(found), found.attributes)}


async def modify_load_balancer_attributes(elb: Elb, ctx: Context, params: Params) -> Params:
    """Not here: access, connection and health check logs, the client's port in X-Forwarded-For, zonal shift."""
    found = elb.state.balancer(ctx, params["LoadBalancerArn"])
    known = attributes.of_balancer(found)
    after = attributes.changed(known, found.attributes, params["Attributes"])
    await _put(elb, msgspec.structs.replace(found, attributes=after))
    return {"Attributes": attributes.shown(known, after)}


async def set_security_groups(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.balancer(ctx, params["LoadBalancerArn"])
    await _put(elb, msgspec.structs.replace(found, security_groups=params["SecurityGroups"]))
    return {"SecurityGroupIds": params["SecurityGroups"]}


async def set_subnets(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.balancer(ctx, params["LoadBalancerArn"])
    kind = params.get("IpAddressType") or found.ip_address_type
    subnets = _subnets(params, 1 if found.is_network else 2)
    after = msgspec.structs.replace(found, subnets=subnets, ip_address_type=kind)
    await _put(elb, after)
    return {"AvailabilityZones": views.balancer(after)["AvailabilityZones"], "IpAddressType": kind}


async def set_ip_address_type(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.balancer(ctx, params["LoadBalancerArn"])
    await _put(elb, msgspec.structs.replace(found, ip_address_type=params["IpAddressType"]))
    return {"IpAddressType": params["IpAddressType"]}


async def _put(elb: Elb, balancer: LoadBalancer) -> None:
    await elb.state.load_balancers.put(balancer_key(balancer), balancer)


def _check_name(name: str) -> None:
    if len(name) > 32:
        raise invalid(f"The load balancer name '{name}' cannot be longer than '32' characters")
    if not _NAME.fullmatch(name):
        text = "can only contain characters that are alphanumeric characters and hyphens(-), and must not begin or end"
        raise invalid(f"The load balancer name '{name}' {text} with a hyphen")
    if name.startswith("internal-"):
        raise invalid(f"The load balancer name '{name}' cannot begin with 'internal-'")


def _subnets(params: Params, least: int) -> list[str]:
    plain = params.get("Subnets") or []
    mapped = [each.get("SubnetId", "") for each in params.get("SubnetMappings") or []]
    if plain and mapped:
        raise invalid("You can specify either subnets or subnet mappings, but not both")
    subnets: list[str] = plain or mapped
    if len(set(subnets)) < len(subnets):
        raise AwsError("InvalidConfigurationRequestException", "A subnet can't be specified more than once")
    if len(subnets) < least == 1:
        raise invalid("At least one subnet must be specified")
    if len(subnets) < least:
        raise invalid("At least two subnets in two different Availability Zones must be specified")
    return subnets


def _same(one: LoadBalancer, other: LoadBalancer) -> bool:
    return (
        one.scheme == other.scheme
        and one.ip_address_type == other.ip_address_type
        and sorted(one.subnets) == sorted(other.subnets)
        and sorted(one.security_groups) == sorted(other.security_groups)
    )


def _dns_name(balancer: LoadBalancer, id: str, region: str) -> str:
    """As AWS's, but below `localhost`, whose names lead to this machine (RFC 6761 §6.3)."""
    number = int(hashlib.blake2b(id.encode(), digest_size=4).hexdigest(), 16)
    inner = "internal-" if balancer.scheme == "internal" else ""
    return f"{inner}{balancer.name}-{number}.{region}{LABEL}".lower()
