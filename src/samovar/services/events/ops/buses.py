"""Event buses and who may put events on them (facts/eventbridge.md §A2)."""

import json
from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.events import pages
from samovar.services.events.schedules import Schedules
from samovar.services.events.state import (
    DEFAULT,
    Bus,
    Events,
    checked_tags,
    invalid,
    is_custom_bus_name,
    no_bus,
    too_many,
)

MOST_BUSES = 100
POLICY_LIMIT = 10_240
_EXTRAS = ("KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


async def create_event_bus(schedules: Schedules, ctx: Context, params: Params) -> Params:
    state, name = schedules.state, params["Name"]
    if params.get("EventSourceName"):
        raise AwsError("NotImplementedException", "Partner event sources are not on this server.")
    key = (ctx.account, ctx.region, name)
    if name == DEFAULT or state.buses.get(key) is not None:
        raise AwsError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
    if not is_custom_bus_name(name):
        raise invalid(f"Parameter {name} is not valid. Reason: Event bus name starting with 'aws.' or holding '/'.")
    if sum(bus.name != DEFAULT for _, bus in state.buses.items(key[:2])) >= MOST_BUSES - 1:
        raise too_many()
    now = state.clock.now()
    bus = Bus(
        account=ctx.account,
        region=ctx.region,
        name=name,
        created_at=now,
        modified_at=now,
        description=params.get("Description", ""),
        tags=checked_tags(params.get("Tags", [])),
        extras={extra: params[extra] for extra in _EXTRAS if extra in params},
    )
    await state.buses.put(key, bus)
    return {"EventBusArn": bus.arn, **_given(bus)}


async def update_event_bus(schedules: Schedules, ctx: Context, params: Params) -> Params:
    state = schedules.state
    bus = state.bus(ctx, params.get("Name"))
    changed = msgspec.structs.replace(
        bus,
        description=params.get("Description", bus.description),
        extras=bus.extras | {extra: params[extra] for extra in _EXTRAS if extra in params},
        modified_at=state.clock.now(),
    )
    await state.buses.put(bus.key, changed)
    return {"Arn": bus.arn, "Name": bus.name, **_given(changed)}


async def delete_event_bus(schedules: Schedules, ctx: Context, params: Params) -> Params:
    """With its rules and their targets."""
    state = schedules.state
    key = state.bus_key(ctx, params["Name"])
    if key[2] == DEFAULT:
        raise invalid("Cannot delete event bus default.")
    if state.buses.get(key) is None:
        raise no_bus(key[2])
    await state.store.transact(
        state.buses.deleting(key),
        *(state.rules.deleting(rule) for rule, _ in state.rules.items(key)),
        *(state.targets.deleting(target) for target, _ in state.targets.items(key)),
    )
    return {}


async def describe_event_bus(schedules: Schedules, ctx: Context, params: Params) -> Params:
    bus = schedules.state.bus(ctx, params.get("Name"))
    return {**_listed(bus), **bus.extras}


async def list_event_buses(schedules: Schedules, ctx: Context, params: Params) -> Params:
    found = {bus.name: bus for _, bus in schedules.state.buses.items((ctx.account, ctx.region))}
    found.setdefault(DEFAULT, Bus(account=ctx.account, region=ctx.region, name=DEFAULT))
    page, more = pages.cut(sorted(found.items()), params)
    return {"EventBuses": [_listed(bus) for bus in page], **more}


async def put_permission(schedules: Schedules, ctx: Context, params: Params) -> Params:
    state = schedules.state
    bus = state.bus(ctx, params.get("EventBusName"))
    if "Policy" in params:
        return await _keep_policy(state, bus, _parsed(params["Policy"]))
    missing = [name for name in ("Action", "Principal", "StatementId") if not params.get(name)]
    if missing:
        raise invalid(f"Parameter {missing[0]} is not valid. Reason: {missing[0]} is a required argument.")
    if params["Action"] != "events:PutEvents":
        raise invalid("Provided value in parameter 'action' is not supported.")
    principal: Any = "*" if params["Principal"] == "*" else {"AWS": f"arn:aws:iam::{params['Principal']}:root"}
    statement: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": principal,
        "Action": "events:PutEvents",
        "Resource": bus.arn,
    }
    if "Condition" in params:
        condition = params["Condition"]
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    kept = [each for each in _statements(bus) if each.get("Sid") != statement["Sid"]]
    return await _keep_policy(state, bus, {"Version": "2012-10-17", "Statement": [*kept, statement]})


async def remove_permission(schedules: Schedules, ctx: Context, params: Params) -> Params:
    state = schedules.state
    bus = state.bus(ctx, params.get("EventBusName"))
    if params.get("RemoveAllPermissions"):
        return await _keep_policy(state, bus, None)
    rest = [each for each in _statements(bus) if each.get("Sid") != params.get("StatementId")]
    if len(rest) == len(_statements(bus)):
        raise AwsError("ResourceNotFoundException", "Statement with the provided id does not exist.")
    return await _keep_policy(state, bus, {"Version": "2012-10-17", "Statement": rest} if rest else None)


def _statements(bus: Bus) -> list[dict[str, Any]]:
    found = (bus.policy or {}).get("Statement", [])
    return [found] if isinstance(found, dict) else list(found)


def _parsed(text: str) -> dict[str, Any]:
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        policy = None
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise invalid("Parameter Policy is not valid. Reason: it is no policy document.")
    return policy


async def _keep_policy(state: Events, bus: Bus, policy: dict[str, Any] | None) -> Params:
    if policy is not None and len(json.dumps(policy, separators=(",", ":"))) > POLICY_LIMIT:
        raise AwsError("PolicyLengthExceededException", "The event bus policy is too long.")
    await state.buses.put(bus.key, msgspec.structs.replace(bus, policy=policy, modified_at=state.clock.now()))
    return {}


def _given(bus: Bus) -> Params:
    return ({"Description": bus.description} if bus.description else {}) | bus.extras


def _listed(bus: Bus) -> Params:
    shown: Params = {"Name": bus.name, "Arn": bus.arn}
    if bus.description:
        shown["Description"] = bus.description
    if bus.policy is not None:
        shown["Policy"] = json.dumps(bus.policy, separators=(",", ":"))
    if bus.created_at:
        shown |= {"CreationTime": bus.created_at, "LastModifiedTime": bus.modified_at}
    return shown
