"""Rules (facts/eventbridge.md §A2)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.services.events import pages
from samovar.services.events.schedules import Schedules, check
from samovar.services.events.state import DEFAULT, Rule, checked_pattern, checked_tags, invalid, too_many

MOST_RULES = 300


async def put_rule(schedules: Schedules, ctx: Context, params: Params) -> Params:
    """Replaces what was there; targets and tags stay."""
    state = schedules.state
    bus, name = state.bus(ctx, params.get("EventBusName")), params["Name"]
    pattern, schedule = params.get("EventPattern", ""), params.get("ScheduleExpression", "")
    if not pattern and not schedule:
        raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if schedule:
        if bus.name != DEFAULT:
            raise invalid("ScheduleExpression is supported only on the default event bus.")
        check(schedule)
    if pattern:
        checked_pattern(pattern)
    before = state.rules.get((*bus.key, name))
    if before is None and len(state.rules_of(bus.key)) >= MOST_RULES:
        raise too_many()
    rule = Rule(
        account=bus.account,
        region=bus.region,
        bus=bus.name,
        name=name,
        pattern=pattern,
        schedule=schedule,
        state=params.get("State", "ENABLED"),
        description=params.get("Description", ""),
        role=params.get("RoleArn", ""),
        tags=(before.tags if before else {}) | checked_tags(params.get("Tags", [])),
        armed_at=state.clock.now(),
    )
    await _keep(schedules, rule, before)
    return {"RuleArn": rule.arn}


async def describe_rule(schedules: Schedules, ctx: Context, params: Params) -> Params:
    rule = schedules.state.rule(ctx, params["Name"], params.get("EventBusName"))
    return {**_listed(rule), "CreatedBy": rule.account}


async def list_rules(schedules: Schedules, ctx: Context, params: Params) -> Params:
    bus = schedules.state.bus(ctx, params.get("EventBusName"))
    page, more = pages.cut([(rule.name, rule) for rule in schedules.state.rules_of(bus.key)], params)
    return {"Rules": [_listed(rule) for rule in page], **more}


async def list_rule_names_by_target(schedules: Schedules, ctx: Context, params: Params) -> Params:
    state = schedules.state
    bus = state.bus(ctx, params.get("EventBusName"))
    wanted = params["TargetArn"]
    names = [
        (rule.name, rule.name)
        for rule in state.rules_of(bus.key)
        if any(target.arn == wanted for target in state.targets_of(rule))
    ]
    page, more = pages.cut(names, params)
    return {"RuleNames": page, **more}


async def delete_rule(schedules: Schedules, ctx: Context, params: Params) -> Params:
    """One that isn't there is deleted already."""
    state = schedules.state
    key = (*state.bus(ctx, params.get("EventBusName")).key, params["Name"])
    rule = state.rules.get(key)
    if rule is None:
        return {}
    if state.targets_of(rule):
        raise invalid("Rule can't be deleted since it has targets.")
    await state.store.transact(state.rules.deleting(key), schedules.forgetting(key))
    return {}


async def enable_rule(schedules: Schedules, ctx: Context, params: Params) -> Params:
    return await _switch(schedules, ctx, params, "ENABLED")


async def disable_rule(schedules: Schedules, ctx: Context, params: Params) -> Params:
    return await _switch(schedules, ctx, params, "DISABLED")


async def _switch(schedules: Schedules, ctx: Context, params: Params, state: str) -> Params:
    rule = schedules.state.rule(ctx, params["Name"], params.get("EventBusName"))
    if rule.state != state:
        changed = msgspec.structs.replace(rule, state=state, armed_at=schedules.state.clock.now())
        await _keep(schedules, changed, rule)
    return {}


async def _keep(schedules: Schedules, rule: Rule, before: Rule | None) -> None:
    """A schedule begins anew with each change of the rule; what it has fired for is past."""
    putting = schedules.state.rules.putting(rule.key, rule)
    if before is not None and before.schedule:
        await schedules.state.store.transact(putting, schedules.forgetting(rule.key))
    else:
        await schedules.state.store.transact(putting)
    schedules.arm(rule)


def _listed(rule: Rule) -> Params:
    shown: Params = {"Name": rule.name, "Arn": rule.arn}
    if rule.pattern:
        shown["EventPattern"] = rule.pattern
    if rule.schedule:
        shown["ScheduleExpression"] = rule.schedule
    shown["State"] = rule.state
    if rule.description:
        shown["Description"] = rule.description
    if rule.role:
        shown["RoleArn"] = rule.role
    shown["EventBusName"] = rule.bus
    return shown
