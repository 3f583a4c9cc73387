"""Scheduled actions: at their moments they set the bounds of a target."""

from datetime import datetime
from typing import Any

from samovar.core import arn, schedule
from samovar.core.context import Context, Params
from samovar.core.ids import uuid4
from samovar.services.application_autoscaling import pages
from samovar.services.application_autoscaling.state import Action, State, invalid, is_lambda, no_such, shown


async def put_scheduled_action(state: State, ctx: Context, params: Params) -> Params:
    key, target = state.target(ctx, params)
    part = (*key, params["ScheduledActionName"])
    action = _merged(state, ctx, params, state.actions.get(part), target.resource)
    await state.store.transact(state.actions.putting(part, action), state.schedules.forgetting(part))
    state.schedules.arm(part, action)
    return {}


async def delete_scheduled_action(state: State, ctx: Context, params: Params) -> Params:
    name = params["ScheduledActionName"]
    part = (ctx.account, ctx.region, params["ResourceId"], name)
    if not is_lambda(params) or state.actions.get(part) is None:
        raise no_such("scheduled action", params, name)
    await state.store.transact(state.actions.deleting(part), state.schedules.forgetting(part))
    return {}


async def describe_scheduled_actions(state: State, ctx: Context, params: Params) -> Params:
    names, resource = params.get("ScheduledActionNames"), params.get("ResourceId")
    found = (
        ("\0".join(key[2:]), (key[2], action))
        for key, action in state.actions.items((ctx.account, ctx.region))
        if is_lambda(params) and (not names or action.name in names) and resource in (None, key[2])
    )
    page, more = pages.cut(found, params)
    return {"ScheduledActions": [_describe(resource, action) for resource, action in page], **more}


def _merged(state: State, ctx: Context, params: Params, present: Action | None, resource: str) -> Action:
    """The action as it is to be: what a request leaves out stays as it was."""
    name, now = params["ScheduledActionName"], state.clock.now()
    text = params.get("Schedule", present.schedule if present else "")
    zone = params.get("Timezone", present.zone if present else "")
    if not text:
        raise invalid("Schedule must be specified when a scheduled action is created")
    try:
        schedule.parse(text, zone or "UTC", plural=False)
    except schedule.ScheduleError as error:
        raise invalid(f"Invalid schedule: {error}") from None
    bounds: dict[str, int] = params.get("ScalableTargetAction") or {}
    least = bounds.get("MinCapacity", present.least if present else None)
    most = bounds.get("MaxCapacity", present.most if present else None)
    if least is None and most is None:
        raise invalid("At least one of MinCapacity and MaxCapacity must be specified in ScalableTargetAction")
    if least is not None and most is not None and least > most:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    starts_at = _epoch(params["StartTime"]) if "StartTime" in params else present.starts_at if present else None
    ends_at = _epoch(params["EndTime"]) if "EndTime" in params else present.ends_at if present else None
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        raise invalid("Start time must be earlier than end time")
    place = f"scheduledAction:{uuid4()}:resource/lambda/{resource}:scheduledActionName/{name}"
    return Action(
        arn=present.arn if present else arn.make("autoscaling", ctx.region, ctx.account, place),
        name=name,
        schedule=text,
        zone=zone,
        starts_at=starts_at,
        ends_at=ends_at,
        least=least,
        most=most,
        created_at=present.created_at if present else now,
        armed_at=now,
    )


def _epoch(moment: Any) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


def _describe(resource: str, action: Action) -> Params:
    bounds = {"MinCapacity": action.least, "MaxCapacity": action.most}
    optional: Params = {"Timezone": action.zone or None, "StartTime": action.starts_at, "EndTime": action.ends_at}
    return {
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        **shown(resource),
        "Schedule": action.schedule,
        **{member: value for member, value in optional.items() if value is not None},
        "ScalableTargetAction": {member: value for member, value in bounds.items() if value is not None},
        "CreationTime": action.created_at,
    }
