"""Tags, by ARN: `arn:aws:apigateway:REGION::/restapis/ID` and its like."""

import re
from collections.abc import Mapping

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.services.apigateway.state import Item, Rest, bad, not_found
from samovar.store.table import Key, Table
from samovar.web.domains import Domain

_STAGE = re.compile(r"/restapis/([^/]+)/stages/([^/]+)")
_DOMAIN = re.compile(r"/domainnames/([^/+]+)(?:\+([^/]+))?")
_NAMED = re.compile(r"/(restapis|apikeys|usageplans|vpclinks|clientcertificates)/([^/]+)")
MOST_TAGS = 50


async def tag_resource(state: Rest, ctx: Context, params: Params) -> Params:
    tags = {**_tags(state, ctx, params), **params["tags"]}
    if len(tags) > MOST_TAGS:
        raise bad("The number of tags exceeds the limit of 50")
    await _keep(state, ctx, params, tags)
    return {}


async def untag_resource(state: Rest, ctx: Context, params: Params) -> Params:
    gone = set(params["tagKeys"])
    await _keep(state, ctx, params, {k: v for k, v in _tags(state, ctx, params).items() if k not in gone})
    return {}


async def get_tags(state: Rest, ctx: Context, params: Params) -> Params:
    return {"tags": _tags(state, ctx, params)}


def _place(state: Rest, ctx: Context, params: Params) -> tuple[Table[Item] | None, Key]:
    """(the table, None for APIs; the key)."""
    text = params["resourceArn"]
    parsed = arn.parse(text)
    if parsed is None or parsed.service != "apigateway":
        raise bad("Invalid ARN specified in the request")
    owner = (ctx.account, parsed.region)
    stage, named = _STAGE.fullmatch(parsed.resource), _NAMED.fullmatch(parsed.resource)
    if stage:
        return state.stages, (*owner, stage[1], stage[2])
    if named is None:
        raise bad(f"Invalid resource ARN specified: {text}")
    tables: Mapping[str, Table[Item]] = {
        "apikeys": state.keys,
        "usageplans": state.plans,
        "vpclinks": state.links,
        "clientcertificates": state.certificates,
    }
    return tables.get(named[1]), (*owner, named[2])


def _domain(state: Rest, ctx: Context, params: Params) -> tuple[Key, Domain] | None:
    """The domain name that an ARN means; None where it means something else."""
    parsed = arn.parse(params["resourceArn"])
    named = _DOMAIN.fullmatch(parsed.resource) if parsed is not None and parsed.service == "apigateway" else None
    if parsed is None or named is None:
        return None
    key = (ctx.account, parsed.region, named[1])
    found = state.domains.domains.get(key)
    if found is None or found.id != (named[2] or ""):
        raise not_found("Invalid domain name identifier specified")
    return key, found


def _tags(state: Rest, ctx: Context, params: Params) -> dict[str, str]:
    domain = _domain(state, ctx, params)
    if domain is not None:
        return domain[1].tags
    table, key = _place(state, ctx, params)
    if table is None:
        api = state.apis.get(key)
        if api is None:
            raise not_found(f"Invalid API identifier specified {ctx.account}:{key[2]}")
        return api.tags
    item = table.get(key)
    if item is None:
        raise not_found("Invalid resource identifier specified")
    return item.shape.get("tags") or {}


async def _keep(state: Rest, ctx: Context, params: Params, tags: dict[str, str]) -> None:
    domain = _domain(state, ctx, params)
    if domain is not None:
        await state.domains.domains.put(domain[0], msgspec.structs.replace(domain[1], tags=tags))
        return
    table, key = _place(state, ctx, params)
    if table is None:
        api = state.apis.get(key)
        assert api is not None
        await state.keep(msgspec.structs.replace(api, tags=tags))
        return
    item = table.get(key)
    assert item is not None
    shape = {name: each for name, each in item.shape.items() if name != "tags"}
    await table.put(key, Item({**shape, **({"tags": tags} if tags else {})}))
