"""REST APIs themselves (facts/apigateway.md §2)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigateway import pages, patch, settings, view
from samovar.services.apigateway.state import Api, Definition, Rest, Shape, bad, must, new_id


async def create_rest_api(state: Rest, ctx: Context, params: Params) -> Params:
    id = new_id(10)
    described = settings.checked(params, id, ctx.account, ctx.region)
    source = params.get("cloneFrom")
    if source:
        definition = msgspec.structs.replace(_cloned(state, ctx, source), settings=described)
    else:
        definition = settings.blank(described)
    now, tags = state.clock.now(), dict(params.get("tags") or {})
    made = Api(account=ctx.account, region=ctx.region, id=id, created_at=now, tags=tags, definition=definition)
    await state.keep(made)
    return view.api(made)


def _cloned(state: Rest, ctx: Context, source: str) -> Definition:
    found = state.apis.get((ctx.account, ctx.region, source))
    return must(found, "Invalid API identifier specified for CloneFrom").definition


async def get_rest_api(state: Rest, ctx: Context, params: Params) -> Params:
    return view.api(state.api(ctx, params["restApiId"]))


async def get_rest_apis(state: Rest, ctx: Context, params: Params) -> Params:
    return pages.cut((view.api(api) for _, api in state.apis.items((ctx.account, ctx.region))), params)


async def update_rest_api(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    operations = [_addressed(each) for each in params.get("patchOperations") or ()]
    changed = patch.apply(api.definition.settings, operations, settings.RULES)
    described = settings.checked(changed, api.id, ctx.account, ctx.region)
    kept = msgspec.structs.replace(api, definition=msgspec.structs.replace(api.definition, settings=described))
    await state.keep(kept)
    return view.api(kept)


def _addressed(operation: Shape) -> Shape:
    """`replace /endpointConfiguration/types/0` means the one type that there is, as `.../EDGE` does."""
    path = operation.get("path") or ""
    if path.startswith("/endpointConfiguration/types/") and operation.get("op") == "replace":
        if not operation.get("value"):
            raise bad("Invalid endpoint type specified")
        return {
            "op": "replace",
            "path": f"/endpointConfiguration/types/{operation['value']}",
            "value": operation["value"],
        }
    return operation


async def delete_rest_api(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    if state.domains.mapped(api.id):
        raise bad("Deleting API failed. Please remove all base path mappings related to the API in your domains")
    await state.remove(api)
    return {}
