"""Documentation parts and versions (facts/apigateway.md §2)."""

import json

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages, patch
from samovar.services.apigateway.state import Api, Rest, Shape, bad, must, new_id

_NO_PART = "Invalid Documentation part identifier specified"
_NO_VERSION = "Invalid Documentation version specified"


async def create_documentation_part(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    made = _made(api, params["location"], params["properties"])
    await _keep(state, api, {**api.documentation, made["id"]: made})
    return made


def _made(api: Api, location: Shape, properties: str) -> Shape:
    if not properties:
        raise bad("Documentation part properties must be non-empty")
    if any(each["location"] == location for each in api.documentation.values()):
        raise AwsError(
            "ConflictException",
            f"A documentation part already exists for the specified location: type '{location['type']}'.",
        )
    return {"id": new_id(6), "location": location, "properties": properties}


async def get_documentation_part(state: Rest, ctx: Context, params: Params) -> Params:
    return _part(state.api(ctx, params["restApiId"]), params)


async def get_documentation_parts(state: Rest, ctx: Context, params: Params) -> Params:
    """Without `locationStatus` UNDOCUMENTED."""
    if params.get("locationStatus") == "UNDOCUMENTED":
        raise AwsError("NotImplementedException", "Listing what is undocumented is not here.")
    wanted = {"type": params.get("type"), "path": params.get("path"), "name": params.get("nameQuery")}
    parts = state.api(ctx, params["restApiId"]).documentation.values()
    found = [
        each
        for each in parts
        if all(not value or (each["location"].get(name) or "").startswith(value) for name, value in wanted.items())
    ]
    return pages.cut(found, params)


async def update_documentation_part(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    changed = patch.apply(_part(api, params), params.get("patchOperations"), {"/properties": patch.text()})
    await _keep(state, api, {**api.documentation, changed["id"]: changed})
    return changed


async def delete_documentation_part(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    gone = _part(api, params)["id"]
    await _keep(state, api, {id: each for id, each in api.documentation.items() if id != gone})
    return {}


async def import_documentation_parts(state: Rest, ctx: Context, params: Params) -> Params:
    """From a JSON body of the form that GetExport writes: `{"documentationParts": [...]}`."""
    api = state.api(ctx, params["restApiId"])
    try:
        body = json.loads(params["body"])
        body = body.get("x-amazon-apigateway-documentation", body)
        given = [(each["location"], json.dumps(each["properties"])) for each in body["documentationParts"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise bad("Invalid documentation input.") from None
    merges = (params.get("mode") or "merge") == "merge"
    parts = dict(api.documentation) if merges else {}
    ids = []
    for location, properties in given:
        old = next((each["id"] for each in parts.values() if each["location"] == location), new_id(6))
        parts[old] = {"id": old, "location": location, "properties": properties}
        ids.append(old)
    await _keep(state, api, parts)
    return {"ids": ids, "warnings": []}


def _part(api: Api, params: Params) -> Shape:
    return must(api.documentation.get(params["documentationPartId"]), _NO_PART)


async def _keep(state: Rest, api: Api, parts: dict[str, Shape]) -> None:
    await state.keep(msgspec.structs.replace(api, documentation=parts))


# --- versions


async def create_documentation_version(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    name = params["documentationVersion"]
    if name in api.documentation_versions:
        raise AwsError("ConflictException", f"Version {name} already exists")
    shape: Shape = {"version": name, "createdDate": int(state.clock.now())}
    if params.get("description"):
        shape["description"] = params["description"]
    stage = params.get("stageName")
    changes = []
    if stage:
        item = must(state.stages.get((*api.key, stage)), "Invalid stage identifier specified")
        moved = msgspec.structs.replace(item, shape={**item.shape, "documentationVersion": name})
        changes.append(state.stages.putting((*api.key, stage), moved))
    kept = msgspec.structs.replace(api, documentation_versions={**api.documentation_versions, name: shape})
    await state.store.transact(state.apis.putting(api.key, kept), *changes)
    return shape


async def get_documentation_version(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    return must(api.documentation_versions.get(params["documentationVersion"]), _NO_VERSION)


async def get_documentation_versions(state: Rest, ctx: Context, params: Params) -> Params:
    return pages.cut(state.api(ctx, params["restApiId"]).documentation_versions.values(), params, by="version")


async def update_documentation_version(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    shape = must(api.documentation_versions.get(params["documentationVersion"]), _NO_VERSION)
    changed = patch.apply(shape, params.get("patchOperations"), {"/description": patch.text()})
    versions = {**api.documentation_versions, changed["version"]: changed}
    await state.keep(msgspec.structs.replace(api, documentation_versions=versions))
    return changed


async def delete_documentation_version(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    name = params["documentationVersion"]
    must(api.documentation_versions.get(name), _NO_VERSION)
    for _, item in state.stages.items(api.key):
        if item.shape.get("documentationVersion") == name:
            raise bad(f"Active stages pointing to documentation version {name} must be moved or deleted")
    left = {each: shape for each, shape in api.documentation_versions.items() if each != name}
    await state.keep(msgspec.structs.replace(api, documentation_versions=left))
    return {}
