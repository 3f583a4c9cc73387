"""Tags of load balancers, listeners, rules and target groups."""

from collections.abc import Callable

import msgspec

from samovar.core.context import Context, Params
from samovar.services.elbv2 import tags
from samovar.services.elbv2.elb import Elb
from samovar.services.elbv2.errors import invalid, missing
from samovar.services.elbv2.records import Settings
from samovar.services.elbv2.state import balancer_key, group_key, listener_key, rule_key
from samovar.store.sqlite import Change

_MOST_ARNS = 20
Putting = Callable[[Settings], Change]


async def add_tags(elb: Elb, ctx: Context, params: Params) -> Params:
    """To all resources, or to none."""
    found = _found(elb, ctx, params)
    await elb.state.store.transact(*(putting(tags.merged(before, params["Tags"])) for _, before, putting in found))
    return {}


async def remove_tags(elb: Elb, ctx: Context, params: Params) -> Params:
    gone = set(params["TagKeys"])
    changes = [
        putting({key: value for key, value in before.items() if key not in gone})
        for _, before, putting in _found(elb, ctx, params)
    ]
    await elb.state.store.transact(*changes)
    return {}


async def describe_tags(elb: Elb, ctx: Context, params: Params) -> Params:
    found = _found(elb, ctx, params)
    return {"TagDescriptions": [{"ResourceArn": arn, "Tags": tags.shown(tagged)} for arn, tagged, _ in found]}


def _found(elb: Elb, ctx: Context, params: Params) -> list[tuple[str, Settings, Putting]]:
    """(ARN, tags, the change that writes others)."""
    arns: list[str] = list(dict.fromkeys(params["ResourceArns"]))
    if len(arns) > _MOST_ARNS:
        raise invalid("Cannot have more than 20 resources described")
    return [(arn, *_one(elb, ctx, arn)) for arn in arns]


def _one(elb: Elb, ctx: Context, arn: str) -> tuple[Settings, Putting]:
    state = elb.state
    if ":loadbalancer/" in arn:
        balancer = state.balancer(ctx, arn)
        return balancer.tags, lambda after: state.load_balancers.putting(
            balancer_key(balancer), msgspec.structs.replace(balancer, tags=after)
        )
    if ":targetgroup/" in arn:
        group = state.group(ctx, arn)
        return group.tags, lambda after: state.groups.putting(
            group_key(group), msgspec.structs.replace(group, tags=after)
        )
    if ":listener-rule/" in arn:
        rule = state.rule(ctx, arn)
        return rule.tags, lambda after: state.rules.putting(rule_key(rule), msgspec.structs.replace(rule, tags=after))
    if ":listener/" in arn:
        listener = state.listener(ctx, arn)
        return listener.tags, lambda after: state.listeners.putting(
            listener_key(listener), msgspec.structs.replace(listener, tags=after)
        )
    raise missing("Load balancers") if arn.startswith("arn:") else invalid(f"'{arn}' is not a valid ARN")
