"""Gateway responses: what an API answers where no integration does (facts/apigateway.md §6)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigateway import expressions, pages, patch
from samovar.services.apigateway.patch import text
from samovar.services.apigateway.plane.refusals import DEFAULTS, KINDS, TEMPLATE, TYPES
from samovar.services.apigateway.state import Api, Definition, Rest, Shape, bad, not_found

_MAP = "add replace remove"
_RULES: patch.Rules = {
    "/statusCode": text("add replace remove"),
    "/responseParameters/*": text(_MAP),
    "/responseTemplates/*": text(_MAP),
}


async def put_gateway_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    shape: Shape = {"responseType": params["responseType"]}
    shape |= {
        name: params[name] for name in ("statusCode", "responseParameters", "responseTemplates") if params.get(name)
    }
    return await _keep(state, api, shape)


async def get_gateway_response(state: Rest, ctx: Context, params: Params) -> Params:
    return _shown(state.api(ctx, params["restApiId"]).definition, _type(params))


async def get_gateway_responses(state: Rest, ctx: Context, params: Params) -> Params:
    definition = state.api(ctx, params["restApiId"]).definition
    return pages.cut((_shown(definition, kind) for kind in TYPES), {"limit": 500, **params}, by="responseType")


async def update_gateway_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    kind = _type(params)
    shape = patch.apply(_shown(api.definition, kind), params.get("patchOperations"), _RULES)
    return await _keep(state, api, shape)


async def delete_gateway_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    kind = _type(params)
    if kind not in api.definition.responses:
        raise not_found("Gateway response type not defined on api")
    left = {each: shape for each, shape in api.definition.responses.items() if each != kind}
    await state.define(api, msgspec.structs.replace(api.definition, responses=left))
    return {}


def _type(params: Params) -> str:
    kind: str = params["responseType"]
    if kind not in TYPES:
        raise bad(f"Invalid response type specified: {kind}")
    return kind


async def _keep(state: Rest, api: Api, shape: Shape) -> Shape:
    expressions.check_gateway(shape.get("responseParameters") or {})
    kept = {name: each for name, each in shape.items() if name != "defaultResponse"}
    responses = {**api.definition.responses, shape["responseType"]: kept}
    changed = msgspec.structs.replace(api.definition, responses=responses)
    await state.define(api, changed)
    return _shown(changed, shape["responseType"])


def _shown(definition: Definition, kind: str) -> Shape:
    """As it answers now: its own, or what it inherits."""
    empty: Shape = {"responseParameters": {}, "responseTemplates": {}}
    own = definition.responses.get(kind)
    if own is not None:
        return {**empty, **own, "defaultResponse": False}
    built_in = KINDS.get(kind) or DEFAULTS[kind]
    shape: Shape = {"responseType": kind, "responseParameters": {}, "defaultResponse": True}
    shape["responseTemplates"] = {"application/json": TEMPLATE}
    if built_in.status is None:
        return shape
    inherited = definition.responses.get("DEFAULT_4XX" if built_in.status < 500 else "DEFAULT_5XX", {})
    return {**shape, "statusCode": str(built_in.status), **inherited, "responseType": kind}
