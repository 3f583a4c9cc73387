"""API mappings: which path of a custom domain leads to which stage (facts/apigateway.md §8)."""

import re

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import pages
from samovar.services.apigatewayv2.domains import check_stage, domain
from samovar.services.apigatewayv2.errors import bad_request, conflict, not_found
from samovar.services.apigatewayv2.state import State, letters
from samovar.web.domains import ApiMapping, DomainKey

_KEY = re.compile(r"(?:[A-Za-z0-9$_.+!*'()-]+(?:/[A-Za-z0-9$_.+!*'()-]+)*)?")
_MOST = 200


async def create_api_mapping(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    if len(state.domains.mappings.items(key)) >= _MOST:
        raise bad_request(f"A domain name has at most {_MOST} API mappings")
    mapping = ApiMapping(letters(6), params["ApiId"], params["Stage"], params.get("ApiMappingKey", ""))
    return await _keep(state, ctx, key, mapping)


async def get_api_mapping(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    return _shown(_found(state, key, params))


async def get_api_mappings(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    page, more = pages.cut(((found[3], each) for found, each in state.domains.mappings.items(key)), params)
    return {"Items": [_shown(each) for each in page], **more}


async def update_api_mapping(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    before = _found(state, key, params)
    mapping = ApiMapping(
        before.id,
        params.get("ApiId", before.api),
        params.get("Stage", before.stage),
        params.get("ApiMappingKey", before.path),
    )
    return await _keep(state, ctx, key, mapping)


async def delete_api_mapping(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    await state.domains.mappings.delete((*key, _found(state, key, params).id))
    return {}


async def _keep(state: State, ctx: Context, key: DomainKey, mapping: ApiMapping) -> Params:
    if not _KEY.fullmatch(mapping.path):
        raise bad_request("API mapping key should not start with a '/' or have consecutive '/'s")
    for _, other in state.domains.mappings.items(key):
        if other.path == mapping.path and other.id != mapping.id:
            raise conflict("ApiMapping key already exists for this domain name")
    await check_stage(state, ctx, mapping.api, mapping.stage)
    await state.domains.mappings.put((*key, mapping.id), mapping)
    return _shown(mapping)


def _found(state: State, key: DomainKey, params: Params) -> ApiMapping:
    mapping = state.domains.mappings.get((*key, params["ApiMappingId"]))
    if mapping is None:
        raise not_found("ApiMapping", params["ApiMappingId"])
    return mapping


def _shown(mapping: ApiMapping) -> Params:
    return {
        "ApiId": mapping.api, "ApiMappingId": mapping.id, "ApiMappingKey": mapping.path, "Stage": mapping.stage,
    }  # fmt: skip
