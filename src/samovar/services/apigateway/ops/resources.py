"""Resources: the tree of an API's paths (facts/apigateway.md §2)."""

import re

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages, patch
from samovar.services.apigateway.patch import text
from samovar.services.apigateway.state import Api, Definition, Resource, Rest, Shape, bad, full, must, new_id

_PART = re.compile(r"[a-zA-Z0-9._\-:~@]+|\{[a-zA-Z0-9._\-]+\+?\}")
_RULES: patch.Rules = {"/pathPart": text(), "/parentId": text()}
MOST_RESOURCES = 300


async def create_resource(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    definition = api.definition
    parent = state.resource(api, params["parentId"])
    if len(definition.resources) > MOST_RESOURCES:
        raise full("Resources")
    made = Resource(new_id(6), parent.id, params["pathPart"])
    _check(definition, made)
    await state.define(api, definition.with_resource(made))
    return _shown(definition.with_resource(made), made)


def _check(definition: Definition, wanted: Resource) -> None:
    """That the resource may stand where it does."""
    part, parent = wanted.part, definition.resources[wanted.parent]
    if not _PART.fullmatch(part):
        raise bad(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the "
            "beginning and the end"
        )
    if parent.part.endswith("+}"):
        raise bad(f"Cannot create a child of a resource with a greedy path variable: {parent.part}")
    siblings = [
        each.part for each in definition.resources.values() if each.parent == parent.id and each.id != wanted.id
    ]
    if part in siblings:
        raise AwsError("ConflictException", f"Another resource with the same parent already has this name: {part}")
    variable = next((each for each in siblings if each.startswith("{")), None)
    if part.startswith("{") and variable:
        raise bad(f"A sibling ({variable}) of this resource already has a variable path part -- only one is allowed")


async def get_resource(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    return _shown(api.definition, state.resource(api, params["resourceId"]), "methods" in (params.get("embed") or ()))


async def get_resources(state: Rest, ctx: Context, params: Params) -> Params:
    definition = state.api(ctx, params["restApiId"]).definition
    embed = "methods" in (params.get("embed") or ())
    return pages.cut((_shown(definition, each, embed) for each in definition.resources.values()), params, by="path")


async def update_resource(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    definition = api.definition
    resource = state.resource(api, params["resourceId"])
    shape = patch.apply({"pathPart": resource.part, "parentId": resource.parent}, params.get("patchOperations"), _RULES)
    if not resource.parent and params.get("patchOperations"):
        what = "path part" if shape["pathPart"] else "parent"
        raise bad(
            "Root resource cannot update its pathPart."
            if what == "path part"
            else "Root resource cannot update its parentId."
        )
    changed = msgspec.structs.replace(resource, part=shape["pathPart"], parent=shape["parentId"])
    at = must(definition.resources.get(changed.parent), "Invalid Resource identifier specified")
    while at.parent:
        if at.id == changed.id:
            raise bad("Resources cannot be cyclical.")
        at = definition.resources[at.parent]
    if (changed.part, changed.parent) != (resource.part, resource.parent):
        _check(definition, changed)
    await state.define(api, definition.with_resource(changed))
    return _shown(definition.with_resource(changed), changed)


async def delete_resource(state: Rest, ctx: Context, params: Params) -> Params:
    """With all below it."""
    api = state.api(ctx, params["restApiId"])
    resource = state.resource(api, params["resourceId"])
    if not resource.parent:
        raise bad("Cannot delete root resource")
    gone = _below(api, resource)
    resources = {id: each for id, each in api.definition.resources.items() if id not in gone}
    await state.define(api, msgspec.structs.replace(api.definition, resources=resources))
    return {}


def _below(api: Api, resource: Resource) -> set[str]:
    found, more = {resource.id}, True
    while more:
        children = {id for id, each in api.definition.resources.items() if each.parent in found}
        more = not children <= found
        found |= children
    return found


def _shown(definition: Definition, resource: Resource, embed: bool = False) -> Shape:
    shape: Shape = {"id": resource.id, "path": definition.path(resource)}
    if resource.parent:
        shape |= {"parentId": resource.parent, "pathPart": resource.part}
    if resource.methods:
        shape["resourceMethods"] = {name: each if embed else {} for name, each in resource.methods.items()}
    return shape
