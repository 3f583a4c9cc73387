"""API keys (facts/apigateway.md §2)."""

import csv
import io

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages, patch
from samovar.services.apigateway.patch import boolean, text
from samovar.services.apigateway.state import Item, Rest, Shape, bad, must, new_id

SHORTEST, LONGEST = 20, 128
_MISSING = "Invalid API Key identifier specified"
_RULES: patch.Rules = {
    "/name": text(),
    "/description": text(),
    "/enabled": boolean(),
    "/customerId": text("add replace remove"),
}
_COLUMNS = frozenset({"name", "key", "description", "enabled", "usageplanids"})


async def create_api_key(state: Rest, ctx: Context, params: Params) -> Params:
    """`stageKeys`, the way before usage plans, are refused."""
    if params.get("stageKeys"):
        raise bad("Stage keys are only for accounts from before usage plans; use CreateUsagePlanKey")
    name = params.get("name")
    if name is not None and len(name) > 1024:
        raise bad("API Key name exceeds maximum size of 1024 characters")
    shape = _made(state, ctx, params)
    await state.keys.put((ctx.account, ctx.region, shape["id"]), Item(shape))
    return shape


def _made(state: Rest, ctx: Context, given: Shape) -> Shape:
    value = given.get("value") or new_id(40)
    if len(value) < SHORTEST:
        raise bad("API Key value should be at least 20 characters")
    if len(value) > LONGEST:
        raise bad("API Key value exceeds maximum size of 128 characters")
    if any(item.shape["value"] == value for _, item in state.keys.items((ctx.account, ctx.region))):
        raise AwsError("ConflictException", "API Key already exists")
    now = int(state.clock.now())
    shape: Shape = {"id": new_id(10), "value": value}
    shape |= {member: given[member] for member in ("name", "description", "customerId", "tags") if given.get(member)}
    return shape | {
        "enabled": bool(given.get("enabled")), "createdDate": now, "lastUpdatedDate": now, "stageKeys": []
    }  # fmt: skip


async def get_api_key(state: Rest, ctx: Context, params: Params) -> Params:
    return _shown(_key(state, ctx, params["apiKey"]), params.get("includeValue"))


async def get_api_keys(state: Rest, ctx: Context, params: Params) -> Params:
    name, customer = params.get("nameQuery") or "", params.get("customerId")
    found = [
        _shown(item.shape, params.get("includeValues"))
        for _, item in state.keys.items((ctx.account, ctx.region))
        if item.shape.get("name", "").startswith(name) and (not customer or item.shape.get("customerId") == customer)
    ]
    return pages.cut(found, params)


async def update_api_key(state: Rest, ctx: Context, params: Params) -> Params:
    changed = patch.apply(_key(state, ctx, params["apiKey"]), params.get("patchOperations"), _RULES)
    changed["lastUpdatedDate"] = int(state.clock.now())
    await state.keys.put((ctx.account, ctx.region, changed["id"]), Item(changed))
    return _shown(changed, False)


async def delete_api_key(state: Rest, ctx: Context, params: Params) -> Params:
    """Its plans forget it."""
    id = _key(state, ctx, params["apiKey"])["id"]
    owner = (ctx.account, ctx.region)
    places = [key for key, _ in state.plan_keys.items(owner) if key[3] == id]
    await state.store.transact(state.keys.deleting((*owner, id)), *(state.plan_keys.deleting(key) for key in places))
    return {}


async def import_api_keys(state: Rest, ctx: Context, params: Params) -> Params:
    """CSV with a head: name, key, description, enabled, usageplanIds."""
    if params["format"] != "csv":
        raise bad(f"Invalid format specified: {params['format']}")
    body = params["body"].decode(errors="replace") if isinstance(params["body"], bytes) else str(params["body"])
    rows = list(csv.reader(io.StringIO(body)))
    head = [each.strip().lower() for each in rows[0]] if rows else []
    if "name" not in head or "key" not in head or not set(head) <= _COLUMNS:
        raise bad("The header row must name the columns: name, key, description, enabled, usageplanIds")
    ids, warnings = [], []
    for row in rows[1:]:
        given = dict(zip(head, (each.strip() for each in row), strict=False))
        try:
            ids.append(await _import(state, ctx, given))
        except AwsError as refused:
            if params.get("failOnWarnings"):
                raise
            warnings.append(f"Skipped key {given.get('name', '')}: {refused.message}")
    return {"ids": ids, "warnings": warnings}


async def _import(state: Rest, ctx: Context, given: Shape) -> str:
    enabled = (given.get("enabled") or "").lower() == "true"
    shape = _made(state, ctx, {**given, "value": given.get("key"), "enabled": enabled})
    owner, id = (ctx.account, ctx.region), str(shape["id"])
    plans = [each.strip() for each in (given.get("usageplanids") or "").split(",") if each.strip()]
    for plan in plans:
        must(state.plans.get((*owner, plan)), f"Invalid Usage Plan ID specified: {plan}")
    joined = Item({"id": id, "type": "API_KEY"})
    changes = [state.plan_keys.putting((*owner, plan, id), joined) for plan in plans]
    await state.store.transact(state.keys.putting((*owner, id), Item(shape)), *changes)
    return id


def _key(state: Rest, ctx: Context, id: str) -> Shape:
    return must(state.keys.get((ctx.account, ctx.region, id)), _MISSING).shape


def _shown(shape: Shape, with_value: object) -> Shape:
    return shape if with_value else {name: each for name, each in shape.items() if name != "value"}
