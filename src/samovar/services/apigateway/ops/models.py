"""Models and request validators (facts/apigateway.md §2, §7)."""

import json
import re

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages, patch
from samovar.services.apigateway.patch import boolean, text
from samovar.services.apigateway.state import Api, Rest, Shape, bad, must, new_id
from samovar.web.model_sample import sample
from samovar.web.models import ModelError, compile

_NAME = re.compile(r"[a-zA-Z0-9]+")
LARGEST_SCHEMA = 400 * 1024
_RULES: patch.Rules = {"/description": text(), "/schema": text()}
_VALIDATOR_RULES: patch.Rules = {
    "/name": text(),
    "/validateRequestBody": boolean(),
    "/validateRequestParameters": boolean(),
}
_NO_VALIDATOR = "Invalid Request Validator identifier specified"


async def create_model(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    name = params["name"]
    if not name:
        raise bad("Model name must be non-empty")
    if not _NAME.fullmatch(name):
        raise bad(f"Model name must be alphanumeric: {name}")
    if not params.get("schema"):
        raise bad("Model schema must have at least 1 property or array items defined")
    if name in api.definition.models:
        raise AwsError("ConflictException", "Model name already exists for this REST API")
    shape = {"id": new_id(6), "name": name, "contentType": params["contentType"]}
    shape |= {member: params[member] for member in ("description", "schema") if params.get(member)}
    return await _keep(state, api, shape)


async def get_model(state: Rest, ctx: Context, params: Params) -> Params:
    """`flatten` leaves references as they are."""
    return _model(state.api(ctx, params["restApiId"]), params["modelName"])


async def get_models(state: Rest, ctx: Context, params: Params) -> Params:
    return pages.cut(state.api(ctx, params["restApiId"]).definition.models.values(), params, by="name")


async def get_model_template(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    shape = _model(api, params["modelName"])
    schemas = {name: each.get("schema") or "{}" for name, each in api.definition.models.items()}
    return {"value": sample(shape["name"], schemas)}


async def update_model(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    shape = patch.apply(_model(api, params["modelName"]), params.get("patchOperations"), _RULES)
    return await _keep(state, api, shape)


async def delete_model(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    name = params["modelName"]
    _model(api, name)
    for resource in api.definition.resources.values():
        for verb, method in resource.methods.items():
            where = f"{api.definition.path(resource)}/{verb}"
            if name in (method.get("requestModels") or {}).values():
                raise AwsError(
                    "ConflictException", f"Cannot delete model '{name}', is referenced in method request: {where}"
                )
            for response in (method.get("methodResponses") or {}).values():
                if name in (response.get("responseModels") or {}).values():
                    raise AwsError(
                        "ConflictException", f"Cannot delete model '{name}', is referenced in method response: {where}"
                    )
    left = {each: shape for each, shape in api.definition.models.items() if each != name}
    await state.define(api, msgspec.structs.replace(api.definition, models=left))
    return {}


def _model(api: Api, name: str) -> Shape:
    return must(api.definition.models.get(name), f"Invalid model name specified: {name}")


async def _keep(state: Rest, api: Api, shape: Shape) -> Shape:
    schema = shape.get("schema") or ""
    if len(schema) > LARGEST_SCHEMA:
        raise bad("Model schema is too large")
    if shape["contentType"] == "application/json" or schema.lstrip().startswith("{"):
        try:
            read = json.loads(schema)
        except (ValueError, RecursionError):
            raise bad("Invalid model schema specified. Unable to parse JSON") from None
        if not isinstance(read, dict):
            raise bad("Invalid model schema specified. Schema must be an object")
        _check(api, shape["name"], schema)
    models = {**api.definition.models, shape["name"]: shape}
    await state.define(api, msgspec.structs.replace(api.definition, models=models))
    return shape


def _check(api: Api, name: str, schema: str) -> None:
    known = {each["name"]: each.get("schema") or "{}" for each in api.definition.models.values()}
    try:
        compile(schema, {**known, name: schema})
    except ModelError as wrong:
        raise bad(f"Invalid model specified: Validation Result: warnings : [], errors : [{wrong}]") from None


# --- validators


async def create_request_validator(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    shape: Shape = {"id": new_id(6)}
    if params.get("name"):
        shape["name"] = params["name"]
    shape |= {name: bool(params.get(name)) for name in ("validateRequestBody", "validateRequestParameters")}
    return await _keep_validator(state, api, shape)


async def get_request_validator(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    return must(api.definition.validators.get(params["requestValidatorId"]), _NO_VALIDATOR)


async def get_request_validators(state: Rest, ctx: Context, params: Params) -> Params:
    return pages.cut(state.api(ctx, params["restApiId"]).definition.validators.values(), params)


async def update_request_validator(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    shape = must(api.definition.validators.get(params["requestValidatorId"]), _NO_VALIDATOR)
    return await _keep_validator(state, api, patch.apply(shape, params.get("patchOperations"), _VALIDATOR_RULES))


async def delete_request_validator(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    id = params["requestValidatorId"]
    must(api.definition.validators.get(id), _NO_VALIDATOR)
    for resource in api.definition.resources.values():
        for verb, method in resource.methods.items():
            if method.get("requestValidatorId") == id:
                where = f"{api.definition.path(resource)}/{verb}"
                raise AwsError(
                    "ConflictException",
                    f"Cannot delete request validator '{id}', is referenced in method request: {where}",
                )
    left = {each: shape for each, shape in api.definition.validators.items() if each != id}
    await state.define(api, msgspec.structs.replace(api.definition, validators=left))
    return {}


async def _keep_validator(state: Rest, api: Api, shape: Shape) -> Shape:
    validators = {**api.definition.validators, shape["id"]: shape}
    await state.define(api, msgspec.structs.replace(api.definition, validators=validators))
    return shape
