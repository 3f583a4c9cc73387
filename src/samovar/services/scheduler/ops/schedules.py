"""Create, update, get, delete and list schedules (facts/eventbridge.md §F1)."""

from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.delivery.outbox import AGE_S, RETRIES
from samovar.services.scheduler import pages
from samovar.services.scheduler.firing import Scheduler
from samovar.services.scheduler.state import DEFAULT_GROUP, Schedule, no_schedule, wanted


async def create_schedule(state: Scheduler, ctx: Context, params: Params) -> Params:
    now = state.clock.now()
    schedule = wanted(ctx.account, ctx.region, params, now, now)
    state.group(ctx.account, ctx.region, schedule.group)
    before = state.schedules.get(schedule.key)
    if before is not None:
        if not _same(before, schedule):
            raise AwsError("ConflictException", f"Schedule {schedule.name} already exists.")
        return {"ScheduleArn": before.arn}
    await state.keep(schedule)
    return {"ScheduleArn": schedule.arn}


async def update_schedule(state: Scheduler, ctx: Context, params: Params) -> Params:
    """Replaces all of it: what is left out returns to its default."""
    before = _find(state, ctx, params["Name"], params.get("GroupName"))
    schedule = wanted(ctx.account, ctx.region, params, before.created_at, state.clock.now())
    await state.keep(schedule)
    return {"ScheduleArn": schedule.arn}


async def get_schedule(state: Scheduler, ctx: Context, params: Params) -> Params:
    schedule = _find(state, ctx, params["Name"], params.get("GroupName"))
    target = dict(schedule.target)
    policy = {"MaximumEventAgeInSeconds": AGE_S, "MaximumRetryAttempts": RETRIES}
    target["RetryPolicy"] = policy | target.get("RetryPolicy", {})
    window: dict[str, Any] = {"Mode": "OFF"}
    if schedule.window_minutes:
        window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": schedule.window_minutes}
    shown: Params = {
        "Arn": schedule.arn,
        "GroupName": schedule.group,
        "Name": schedule.name,
        "ScheduleExpression": schedule.expression,
        "ScheduleExpressionTimezone": schedule.zone,
        "State": schedule.state,
        "CreationDate": schedule.created_at,
        "LastModificationDate": schedule.modified_at,
        "Target": target,
        "FlexibleTimeWindow": window,
        "ActionAfterCompletion": schedule.after_completion,
        "StartDate": schedule.start_at,
        "EndDate": schedule.end_at,
        "Description": schedule.description or None,
        "KmsKeyArn": schedule.kms_key or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


async def delete_schedule(state: Scheduler, ctx: Context, params: Params) -> Params:
    await state.remove(_find(state, ctx, params["Name"], params.get("GroupName")))
    return {}


async def list_schedules(state: Scheduler, ctx: Context, params: Params) -> Params:
    prefix: tuple[str, ...] = (ctx.account, ctx.region)
    if params.get("GroupName"):
        prefix = state.group(ctx.account, ctx.region, params["GroupName"]).key
    found = [
        (f"{schedule.group}/{schedule.name}", schedule)
        for _, schedule in state.schedules.items(prefix)
        if schedule.name.startswith(params.get("NamePrefix") or "")
        and params.get("State") in (None, "", schedule.state)
    ]
    page, more = pages.cut(found, params)
    return {"Schedules": [_listed(schedule) for schedule in page], **more}


def _find(state: Scheduler, ctx: Context, name: str, group: str | None) -> Schedule:
    key = (ctx.account, ctx.region, group or DEFAULT_GROUP, name)
    found = state.schedules.get(key)
    if found is None:
        state.group(ctx.account, ctx.region, group)
        raise no_schedule(name)
    return found


def _same(before: Schedule, after: Schedule) -> bool:
    """Whether it is the same request again."""
    times = {"created_at": before.created_at, "modified_at": before.modified_at}
    return bool(after.token) and msgspec.structs.replace(after, **times) == before


def _listed(schedule: Schedule) -> Params:
    return {
        "Arn": schedule.arn,
        "Name": schedule.name,
        "GroupName": schedule.group,
        "State": schedule.state,
        "CreationDate": schedule.created_at,
        "LastModificationDate": schedule.modified_at,
        "Target": {"Arn": schedule.target["Arn"]},
    }
