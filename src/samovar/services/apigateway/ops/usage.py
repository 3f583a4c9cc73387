"""What API keys have used of usage plans, and what they have left (facts/apigateway.md §7, Usage plans)."""

from datetime import UTC, date, datetime, timedelta

from samovar.core.context import Context, Params
from samovar.services.apigateway import patch, quotas
from samovar.services.apigateway.desk import Desk
from samovar.services.apigateway.patch import integer
from samovar.services.apigateway.state import Item, Rest, Shape, bad, must
from samovar.store.table import Key

MOST_DAYS = 90


async def get_usage(desk: Desk, ctx: Context, params: Params) -> Params:
    state = desk.state
    plan = state.plan(ctx, params["usagePlanId"])
    start, end = _day(params["startDate"]), _day(params["endDate"])
    if end < start or (end - start).days > MOST_DAYS:
        raise bad("Usage Plan date range must be between 0 and 90 days")
    key = (ctx.account, ctx.region, plan["id"])
    await desk.usage.settle()
    wanted = params.get("keyId")
    values = {
        place[3]: _days(state, (*key, place[3]), plan, start, end)
        for place, _ in state.plan_keys.items(key)
        if not wanted or place[3] == wanted
    }
    shown = {"usagePlanId": plan["id"], "startDate": params["startDate"], "endDate": params["endDate"]}
    return {**shown, "items": values}


def _days(state: Rest, key: Key, plan: Shape, start: date, end: date) -> list[list[int]]:
    """[used, remaining] of each day; -1 remains where there is no quota."""
    found = []
    for offset in range((end - start).days + 1):
        day = start + timedelta(days=offset)
        item = state.usage.get((*key, day.isoformat()))
        left = quotas.remaining(state.usage.items(key), plan["quota"], day) if plan.get("quota") else -1
        found.append([item.shape["used"] if item else 0, left])
    return found


async def update_usage(desk: Desk, ctx: Context, params: Params) -> Params:
    """`replace /remaining`: an extension of what is left in the running period."""
    state = desk.state
    plan = state.plan(ctx, params["usagePlanId"])
    quota = must(plan.get("quota"), "Usage Plan has no quota")
    key = state.plan_key(ctx, plan["id"], params["keyId"])
    wanted = patch.apply({}, params.get("patchOperations"), {"/remaining": integer()}).get("remaining")
    await desk.usage.settle()
    today = datetime.fromtimestamp(state.clock.now(), UTC).date()
    place = (*key, today.isoformat())
    old = state.usage.get(place)
    shape = dict(old.shape) if old else {"used": 0, "extra": 0}
    if wanted is not None:
        shape["extra"] += wanted - quotas.remaining(state.usage.items(key), quota, today)
    await state.usage.put(place, Item(shape))
    left = quotas.remaining(state.usage.items(key), quota, today)
    values = {params["keyId"]: [[shape["used"], left]]}
    day = today.isoformat()
    return {"usagePlanId": plan["id"], "startDate": day, "endDate": day, "items": values}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad(f"Invalid date specified: {text}") from None
