"""Create, get, update and delete models (facts/apigateway.md §9, §10)."""

import re

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.parts import Kind, Where
from samovar.services.apigatewayv2.records import Model
from samovar.services.apigatewayv2.state import State
from samovar.web.model_sample import sample

_NAME = re.compile(r"[A-Za-z0-9]+")


async def create_model(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.create(state, ctx, params)


async def get_model(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.get(state, ctx, params)


async def get_models(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.list(state, ctx, params)


async def get_model_template(state: State, ctx: Context, params: Params) -> Params:
    where = KIND.where(state, ctx, params)
    model = KIND.find(state, where, params)
    schemas = {each.name: each.schema for _, each in KIND.all(state, where)}
    return {"Value": sample(model.name, schemas)}


async def update_model(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.update(state, ctx, params)


async def delete_model(state: State, ctx: Context, params: Params) -> Params:
    where = KIND.where(state, ctx, params)
    model = KIND.find(state, where, params)
    for _, route in state.routes.items(where.key):
        if model.name in (route.request_models or {}).values():
            raise conflict(f"Cannot delete model '{model.name}', is referenced in route: {route.route_key}")
    return await KIND.delete(state, where, model)


def _check(state: State, where: Where, model: Model) -> None:
    if not _NAME.fullmatch(model.name):
        raise bad_request("Model name must be alphanumeric: " + model.name)
    if any(other.name == model.name for other in KIND.others(state, where, model)):
        raise conflict("Model name already exists for this API")
    try:
        schema = msgspec.json.decode(model.schema)
    except (msgspec.DecodeError, RecursionError):
        schema = None
    if not isinstance(schema, dict):
        raise bad_request(
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]"
        )


KIND = Kind(
    Model, lambda state: state.models, 6, _check, only="Models are only supported for WebSocket APIs"
)
