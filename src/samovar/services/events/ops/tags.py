"""Tags of rules and event buses."""

import re

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.services.events.schedules import Schedules
from samovar.services.events.state import DEFAULT, Bus, Events, Rule, checked_tags, invalid, no_bus, no_rule, too_many

MOST_TAGS = 50
_RULE = re.compile(r"rule/(?:(?P<bus>[^/]+)/)?(?P<name>[^/]+)")


async def tag_resource(schedules: Schedules, ctx: Context, params: Params) -> Params:
    found = _find(schedules.state, params["ResourceARN"])
    return await _keep(schedules.state, found, found.tags | checked_tags(params["Tags"]))


async def untag_resource(schedules: Schedules, ctx: Context, params: Params) -> Params:
    found, gone = _find(schedules.state, params["ResourceARN"]), set(params["TagKeys"])
    return await _keep(schedules.state, found, {key: value for key, value in found.tags.items() if key not in gone})


async def list_tags_for_resource(schedules: Schedules, ctx: Context, params: Params) -> Params:
    found = _find(schedules.state, params["ResourceARN"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()]}


def _find(state: Events, text: str) -> Bus | Rule:
    parsed = arn.parse(text)
    if parsed is None or parsed.service != "events":
        raise invalid("Parameter ResourceARN is not valid.")
    if parsed.resource.startswith("event-bus/"):
        name = parsed.resource.removeprefix("event-bus/")
        bus = state.find_bus((parsed.account, parsed.region, name))
        if bus is None:
            raise no_bus(name)
        return bus
    match = _RULE.fullmatch(parsed.resource)
    if match is None:
        raise invalid("Parameter ResourceARN is not valid.")
    bus_name = match["bus"] or DEFAULT
    rule = state.rules.get((parsed.account, parsed.region, bus_name, match["name"]))
    if rule is None:
        raise no_rule(match["name"], bus_name)
    return rule


async def _keep(state: Events, found: Bus | Rule, tags: dict[str, str]) -> Params:
    if len(tags) > MOST_TAGS:
        raise too_many()
    if isinstance(found, Bus):
        await state.buses.put(found.key, msgspec.structs.replace(found, tags=tags))
    else:
        await state.rules.put(found.key, msgspec.structs.replace(found, tags=tags))
    return {}
