"""Rules of listeners: made, described, changed, put in order, deleted."""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.elbv2 import actions, conditions, pages, tags, views
from samovar.services.elbv2.elb import Elb
from samovar.services.elbv2.errors import invalid, missing, not_here
from samovar.services.elbv2.records import Rule, is_network, listener_of
from samovar.services.elbv2.state import rule_key

_MOST = 100


async def create_rule(elb: Elb, ctx: Context, params: Params) -> Params:
    """Not here: conditions with regular expressions, transforms, actions that authenticate."""
    state = elb.state
    listener = state.listener(ctx, params["ListenerArn"])
    if is_network(listener.arn):
        raise invalid("Rules cannot be created for listeners of network load balancers")
    if params.get("Transforms"):
        raise not_here("A transform")
    others = state.rules_of(listener.arn)
    made = Rule(
        arn=f"{listener.arn.replace(':listener/', ':listener-rule/')}/{hex_id(16)}",
        listener=listener.arn,
        priority=params["Priority"],
        conditions=conditions.checked(params["Conditions"]),
        actions=actions.checked(params["Actions"], listener.protocol),
        tags=tags.given(params),
    )
    _check_priorities({made.arn: made.priority}, others)
    if len(others) >= _MOST:
        raise AwsError("TooManyRulesException", "You have reached the maximum number of rules per load balancer")
    elb.check_groups(ctx, made.actions)
    await state.rules.put(rule_key(made), made)
    await elb.changed()
    return {"Rules": [views.rule(made)]}


async def describe_rules(elb: Elb, ctx: Context, params: Params) -> Params:
    listener, arns = params.get("ListenerArn"), params.get("RuleArns") or []
    if bool(listener) is bool(arns):
        raise invalid("You must specify either listener rule ARNs or a listener ARN")
    if listener:
        of = elb.state.listener(ctx, listener)
        found = [*map(views.rule, elb.state.rules_of(of.arn)), views.default_rule(of)]
    else:
        found = [_shown(elb, ctx, each) for each in arns]
    page, more = pages.cut(found, lambda each: f"{each['Priority']:0>7}{each['RuleArn']}", params)
    return {"Rules": page, **more}


async def modify_rule(elb: Elb, ctx: Context, params: Params) -> Params:
    """What isn't named stays. Not here: transforms."""
    _refuse_default(elb, ctx, params["RuleArn"], "modified")
    before = elb.state.rule(ctx, params["RuleArn"])
    if params.get("Transforms"):
        raise not_here("A transform")
    after = before
    if params.get("Conditions"):
        after = msgspec.structs.replace(after, conditions=conditions.checked(params["Conditions"]))
    if params.get("Actions"):
        protocol = elb.state.listener(ctx, before.listener).protocol
        after = msgspec.structs.replace(after, actions=actions.checked(params["Actions"], protocol))
    elb.check_groups(ctx, after.actions)
    await elb.state.rules.put(rule_key(after), after)
    await elb.changed()
    return {"Rules": [views.rule(after)]}


async def delete_rule(elb: Elb, ctx: Context, params: Params) -> Params:
    _refuse_default(elb, ctx, params["RuleArn"], "deleted")
    found = elb.state.rule(ctx, params["RuleArn"])
    await elb.state.rules.delete(rule_key(found))
    await elb.changed()
    return {}


async def set_rule_priorities(elb: Elb, ctx: Context, params: Params) -> Params:
    """All or none, in one transaction."""
    state = elb.state
    wanted: dict[str, int] = {}
    for each in params["RulePriorities"]:
        if not each.get("RuleArn") or not each.get("Priority"):
            raise invalid("A rule ARN and a priority must be specified")
        _refuse_default(elb, ctx, each["RuleArn"], "given a priority")
        wanted[each["RuleArn"]] = each["Priority"]
    found = [state.rule(ctx, each) for each in wanted]
    if len({rule.listener for rule in found}) > 1:
        raise invalid("The rules must belong to the same listener")
    _check_priorities(wanted, state.rules_of(found[0].listener) if found else [])
    after = [msgspec.structs.replace(rule, priority=wanted[rule.arn]) for rule in found]
    await state.store.transact(*(state.rules.putting(rule_key(rule), rule) for rule in after))
    return {"Rules": [views.rule(rule) for rule in after]}


def _check_priorities(wanted: dict[str, int], rules: list[Rule]) -> None:
    taken = {rule.priority for rule in rules if rule.arn not in wanted}
    for priority in wanted.values():
        if priority in taken:
            raise AwsError("PriorityInUseException", f"Priority '{priority}' is currently in use")
        taken.add(priority)


def _shown(elb: Elb, ctx: Context, arn: str) -> Params:
    of = elb.state.listeners.get((ctx.account, ctx.region, *_above(arn)))
    if of is not None and views.default_rule_arn(of) == arn:
        return views.default_rule(of)
    return views.rule(elb.state.rule(ctx, arn))


def _above(rule: str) -> tuple[str, str]:
    """(load balancer, listener) of a rule's ARN."""
    listener = listener_of(rule)
    return listener.rpartition("/")[0].replace(":listener/", ":loadbalancer/"), listener


def _refuse_default(elb: Elb, ctx: Context, arn: str, what: str) -> None:
    of = elb.state.listeners.get((ctx.account, ctx.region, *_above(arn)))
    if of is None:
        raise missing("Rules")
    if views.default_rule_arn(of) == arn:
        raise AwsError("OperationNotPermittedException", f"Default rule '{arn}' cannot be {what}")
