"""Usage plans: who may ask how much of which stages (facts/apigateway.md §7, Usage plans)."""

import copy
from collections.abc import Mapping
from typing import Any

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages, patch, quotas
from samovar.services.apigateway.patch import integer, number, text
from samovar.services.apigateway.state import Item, Rest, Shape, bad, must, new_id

_RULES: patch.Rules = {
    "/name": text(),
    "/description": text(),
    "/productCode": text("add replace remove"),
    "/throttle": text("remove"),
    "/throttle/rateLimit": number("add replace"),
    "/throttle/burstLimit": integer("add replace"),
    "/quota": text("remove"),
    "/quota/limit": integer("add replace"),
    "/quota/period": text("add replace"),
    "/quota/offset": integer("add replace"),
    "/apiStages": text("add remove"),
    "/apiStages/*/throttle": text("remove"),
    "/apiStages/*/throttle/*": text("remove"),
    "/apiStages/*/throttle/*/rateLimit": number("add replace"),
    "/apiStages/*/throttle/*/burstLimit": integer("add replace"),
}


async def create_usage_plan(state: Rest, ctx: Context, params: Params) -> Params:
    shape: Shape = {"id": new_id(6), "name": params["name"]}
    for member in ("description", "apiStages", "throttle", "quota", "tags"):
        if params.get(member):
            shape[member] = params[member]
    shape.setdefault("apiStages", [])
    await _check(state, ctx, shape, [])
    await state.plans.put((ctx.account, ctx.region, shape["id"]), Item(shape))
    return shape


async def _check(state: Rest, ctx: Context, shape: Shape, held: list[Shape]) -> None:
    """`held`: the stages that it has had, which may be gone since."""
    if not shape.get("name"):
        raise bad("Usage Plan name cannot be blank")
    quota = shape.get("quota")
    if quota is not None:
        if quota.get("period") not in quotas.PERIODS:
            raise bad("Usage Plan quota period must be one of: [DAY, WEEK, MONTH]")
        if (quota.get("limit") or 0) < 1:
            raise bad("Usage Plan quota limit must be greater than 0")
        quota["offset"] = quota.get("offset") or 0
        if not 0 <= quota["offset"] <= quota["limit"]:
            raise bad("Usage Plan quota offset must be between 0 and the quota limit")
    throttle = shape.get("throttle")
    if throttle is not None:
        throttle["burstLimit"] = throttle.get("burstLimit") or 0
        throttle["rateLimit"] = float(throttle.get("rateLimit") or 0.0)
    known = {(each["apiId"], each["stage"]) for each in held}
    for each in shape.get("apiStages") or ():
        api, stage = each.get("apiId") or "", each.get("stage") or ""
        if (api, stage) not in known:
            await _check_stage(state, ctx, shape["id"], api, stage)


async def _check_stage(state: Rest, ctx: Context, plan: str, api: str, stage: str) -> None:
    known = state.stages.get((ctx.account, ctx.region, api, stage)) is not None
    if not known and not await _of_websocket(ctx, api, stage):
        text = f"Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {plan}"
        raise AwsError("NotFoundException", text)


async def _of_websocket(ctx: Context, api: str, stage: str) -> bool:
    """Whether a WebSocket API has the stage: plans may hold these as well."""
    try:
        found = await ctx.call("apigatewayv2", "GetApi", {"ApiId": api})
        await ctx.call("apigatewayv2", "GetStage", {"ApiId": api, "StageName": stage})
    except AwsError:
        return False
    return bool(found["ProtocolType"] == "WEBSOCKET")


async def get_usage_plan(state: Rest, ctx: Context, params: Params) -> Params:
    return state.plan(ctx, params["usagePlanId"])


async def get_usage_plans(state: Rest, ctx: Context, params: Params) -> Params:
    owner, key = (ctx.account, ctx.region), params.get("keyId")
    found = [item.shape for _, item in state.plans.items(owner)]
    if key:
        found = [each for each in found if state.plan_keys.get((*owner, each["id"], key)) is not None]
    return pages.cut(found, params)


async def update_usage_plan(state: Rest, ctx: Context, params: Params) -> Params:
    before = state.plan(ctx, params["usagePlanId"])
    shape = copy.deepcopy(before)
    for operation in params.get("patchOperations") or ():
        shape = _patched(shape, operation)
    await _check(state, ctx, shape, before["apiStages"])
    await state.plans.put((ctx.account, ctx.region, shape["id"]), Item(shape))
    return shape


def _patched(shape: Shape, operation: Mapping[str, Any]) -> Shape:
    """Stages are named `API:STAGE`, in the value or in the path; all else is as anywhere."""
    op, path, value = operation.get("op") or "", operation.get("path") or "", operation.get("value") or ""
    names = patch.tokens(path)
    if names[0] != "apiStages":
        return patch.apply(shape, [operation], _RULES)
    rule = patch.choose(_RULES, op, path, _folded(names))
    api, _, stage = (names[1] if len(names) > 1 else value).partition(":")
    found = next((each for each in shape["apiStages"] if (each["apiId"], each["stage"]) == (api, stage)), None)
    if len(names) == 1 and op == "add":
        if found is None:
            shape["apiStages"].append({"apiId": api, "stage": stage})
        return shape
    if found is None:
        text = f"Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {shape['id']}"
        raise AwsError("NotFoundException", text)
    if len(names) == 1:
        shape["apiStages"].remove(found)
    elif len(names) == 3:
        found.pop("throttle", None)
    elif op == "remove":
        found.get("throttle", {}).pop("/".join(names[3:]), None)
    else:
        method = "/".join(names[3:-1])
        limits = found.setdefault("throttle", {}).setdefault(method, {"burstLimit": 0, "rateLimit": 0.0})
        limits[names[-1]] = rule.read(value)
    return shape


def _folded(names: list[str]) -> list[str]:
    """With the method as one name: some clients escape the slashes of its resource, some don't."""
    if len(names) < 4:
        return names
    if names[-1] in ("rateLimit", "burstLimit"):
        return [*names[:3], "/".join(names[3:-1]), names[-1]]
    return [*names[:3], "/".join(names[3:])]


async def delete_usage_plan(state: Rest, ctx: Context, params: Params) -> Params:
    plan = state.plan(ctx, params["usagePlanId"])
    if plan.get("apiStages"):
        raise bad("Cannot delete Usage Plan because it has associated API stages")
    key = (ctx.account, ctx.region, plan["id"])
    belongings = [
        *(state.plan_keys.deleting(each) for each, _ in state.plan_keys.items(key)),
        *(state.usage.deleting(each) for each, _ in state.usage.items(key)),
    ]
    await state.store.transact(state.plans.deleting(key), *belongings)
    return {}


# --- its keys


async def create_usage_plan_key(state: Rest, ctx: Context, params: Params) -> Params:
    owner, plan = (ctx.account, ctx.region), params["usagePlanId"]
    state.plan(ctx, plan)
    if params["keyType"] != "API_KEY":
        raise bad(f"Invalid key type specified: {params['keyType']}")
    key = must(state.keys.get((*owner, params["keyId"])), "Invalid API Key identifier specified")
    mine = {(each["apiId"], each["stage"]) for each in state.plan(ctx, plan)["apiStages"]}
    for place, _ in state.plan_keys.items(owner):
        if place[3] != params["keyId"]:
            continue
        if place[2] == plan:
            raise AwsError("ConflictException", f"Usage Plan {plan} already has API Key {params['keyId']}")
        other = {(each["apiId"], each["stage"]) for each in state.plan(ctx, place[2])["apiStages"]}
        if mine & other:
            raise AwsError(
                "ConflictException", "API Key is already associated with another usage plan of the same API stage"
            )
    await state.plan_keys.put((*owner, plan, params["keyId"]), Item({"id": params["keyId"], "type": "API_KEY"}))
    return _key_shown(key.shape)


async def get_usage_plan_key(state: Rest, ctx: Context, params: Params) -> Params:
    owner = (ctx.account, ctx.region)
    state.plan(ctx, params["usagePlanId"])
    state.plan_key(ctx, params["usagePlanId"], params["keyId"])
    return _key_shown(must(state.keys.get((*owner, params["keyId"])), "Invalid API Key identifier specified").shape)


async def get_usage_plan_keys(state: Rest, ctx: Context, params: Params) -> Params:
    owner, name = (ctx.account, ctx.region), params.get("nameQuery") or ""
    state.plan(ctx, params["usagePlanId"])
    found = [state.keys.get((*owner, place[3])) for place, _ in state.plan_keys.items((*owner, params["usagePlanId"]))]
    shown = [_key_shown(key.shape) for key in found if key is not None]
    return pages.cut((each for each in shown if each.get("name", "").startswith(name)), params)


async def delete_usage_plan_key(state: Rest, ctx: Context, params: Params) -> Params:
    state.plan(ctx, params["usagePlanId"])
    await state.plan_keys.delete(state.plan_key(ctx, params["usagePlanId"], params["keyId"]))
    return {}


def _key_shown(key: Shape) -> Shape:
    shape = {"id": key["id"], "type": "API_KEY", "value": key["value"]}
    return {**shape, "name": key["name"]} if "name" in key else shape
