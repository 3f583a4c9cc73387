"""Create, get, update and delete models, and their sample templates (facts/apigateway.md §9, §10)."""

import re

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.records import Model, changed, made, shown
from samovar.services.apigatewayv2.state import ApiKey, State, letters, listed, part

_NAME = re.compile(r"[A-Za-z0-9]+")


async def create_model(state: State, ctx: Context, params: Params) -> Params:
    key = _websocket(state, ctx, params)
    model = made(Model, params, model_id=letters(6))
    await _keep(state, key, model)
    return shown(model)


async def get_model(state: State, ctx: Context, params: Params) -> Params:
    return shown(part(state.models, _websocket(state, ctx, params), params["ModelId"], "Model"))


async def get_models(state: State, ctx: Context, params: Params) -> Params:
    page, more = pages.cut(listed(state.models, _websocket(state, ctx, params)), params)
    return {"Items": [shown(model) for model in page], **more}


async def update_model(state: State, ctx: Context, params: Params) -> Params:
    key = _websocket(state, ctx, params)
    model = changed(part(state.models, key, params["ModelId"], "Model"), params)
    await _keep(state, key, model)
    return shown(model)


async def delete_model(state: State, ctx: Context, params: Params) -> Params:
    key = _websocket(state, ctx, params)
    model = part(state.models, key, params["ModelId"], "Model")
    for _, route in state.routes.items(key):
        if model.name in (route.request_models or {}).values():
            raise conflict(f"Cannot delete model '{model.name}', is referenced in route: {route.route_key}")
    await deploying.change(state, key, (state.models, model.model_id, None))
    return {}


def _websocket(state: State, ctx: Context, params: Params) -> ApiKey:
    key, api = state.api(ctx, params["ApiId"])
    if api.protocol_type != "WEBSOCKET":
        raise bad_request("Models are only supported for WebSocket APIs")
    return key


async def _keep(state: State, key: ApiKey, model: Model) -> None:
    if not _NAME.fullmatch(model.name):
        raise bad_request("Model name must be alphanumeric: " + model.name)
    for _, other in state.models.items(key):
        if other.name == model.name and other.model_id != model.model_id:
            raise conflict("Model name already exists for this API")
    try:
        schema = msgspec.json.decode(model.schema)
    except (msgspec.DecodeError, RecursionError):
        schema = None
    if not isinstance(schema, dict):
        raise bad_request(
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]"
        )
    await deploying.change(state, key, (state.models, model.model_id, model))
