"""Deployments and stages (facts/apigateway.md §2)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages, patch, stages
from samovar.services.apigateway.state import Api, Deployment, Item, Rest, Shape, bad, full, must, new_id

_RULES: patch.Rules = {"/description": patch.text()}
MOST_STAGES = 10
_CANARY = "Invalid deployment content specified."


async def create_deployment(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    _check(api)
    name, settings = params.get("stageName"), params.get("canarySettings")
    old = state.stages.get((*api.key, name)) if name else None
    if settings is not None:
        if not name:
            raise bad(
                f"{_CANARY}Non null and non empty stageName must be provided for canary deployment. Provided "
                f"value is {'null' if name is None else name}"
            )
        if old is None:
            raise bad(f"{_CANARY}Stage {name} must already be created before making a canary release deployment")
    if name and old is None:
        _check_room(state, api)
    now = state.clock.now()
    made = Deployment(id=new_id(6), created_at=now, definition=api.definition, description=params.get("description"))
    changes = [state.deployments.putting((*api.key, made.id), made)]
    if name:
        stage = _staged(old.shape if old else None, name, made.id, params, now)
        await state.store.transact(*changes, state.stages.putting((*api.key, name), Item(stage)))
    else:
        await state.store.transact(*changes)
    return _shown(made)


def _check(api: Api) -> None:
    methods = [each for resource in api.definition.resources.values() for each in resource.methods.values()]
    if not methods:
        raise bad("The REST API doesn't contain any methods")
    if any("methodIntegration" not in each for each in methods):
        raise bad("No integration defined for method")


def _staged(old: Shape | None, name: str, deployment: str, params: Params, now: float) -> Shape:
    """The stage that a deployment leaves behind: a new one, the old one moved, or with a canary."""
    if old is None:
        given = {**params, "description": params.get("stageDescription")}
        return stages.made(name, deployment, given, now)
    if params.get("canarySettings") is not None:
        changed = {**old, "canarySettings": stages.canary(params["canarySettings"], deployment)}
    else:
        changed = {**old, "deploymentId": deployment}
        changed.pop("canarySettings", None)
    for member, source in (("description", "stageDescription"), ("variables", "variables")):
        if params.get(source):
            changed[member] = params[source]
    changed["lastUpdatedDate"] = int(now)
    stages.check(changed)
    return changed


async def get_deployment(state: Rest, ctx: Context, params: Params) -> Params:
    found = state.deployment(state.api(ctx, params["restApiId"]), params["deploymentId"])
    return _shown(found, "apisummary" in (params.get("embed") or ()))


async def get_deployments(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    return pages.cut((_shown(each) for _, each in state.deployments.items(api.key)), params)


async def update_deployment(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    found = state.deployment(api, params["deploymentId"])
    shape = patch.apply({"description": found.description}, params.get("patchOperations"), _RULES)
    changed = msgspec.structs.replace(found, description=shape["description"])
    await state.deployments.put((*api.key, found.id), changed)
    return _shown(changed)


async def delete_deployment(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    found = state.deployment(api, params["deploymentId"])
    for _, stage in state.stages.items(api.key):
        used = {stage.shape["deploymentId"], (stage.shape.get("canarySettings") or {}).get("deploymentId")}
        if found.id in used:
            raise bad("Active stages pointing to this deployment must be moved or deleted")
    await state.deployments.delete((*api.key, found.id))
    return {}


def _shown(deployment: Deployment, summary: bool = False) -> Shape:
    shape: Shape = {"id": deployment.id, "createdDate": int(deployment.created_at)}
    if deployment.description is not None:
        shape["description"] = deployment.description
    if summary:
        definition = deployment.definition
        shape["apiSummary"] = {
            definition.path(each): {
                name: {"authorizationType": method["authorizationType"], "apiKeyRequired": method["apiKeyRequired"]}
                for name, method in each.methods.items()
            }
            for each in definition.resources.values()
            if each.methods
        }
    return shape


# --- stages


async def create_stage(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    name = params["stageName"]
    must(state.deployments.get((*api.key, params["deploymentId"])), "Deployment id does not exist")
    if state.stages.get((*api.key, name)) is not None:
        raise AwsError("ConflictException", "Stage already exists")
    _check_room(state, api)
    _check_version(api, params.get("documentationVersion"))
    canary = (params.get("canarySettings") or {}).get("deploymentId")
    if canary and state.deployments.get((*api.key, canary)) is None:
        raise bad("Deployment id does not exist")
    made = stages.made(name, params["deploymentId"], params, state.clock.now())
    await state.stages.put((*api.key, name), Item(made))
    return made


def _check_room(state: Rest, api: Api) -> None:
    """That there may be one more stage."""
    if sum(1 for _ in state.stages.items(api.key)) >= MOST_STAGES:
        raise full("Stages")


def _check_version(api: Api, version: str | None) -> None:
    if version and version not in api.documentation_versions:
        raise bad("Invalid Documentation version specified")


async def get_stage(state: Rest, ctx: Context, params: Params) -> Params:
    return state.stage(state.api(ctx, params["restApiId"]), params["stageName"])


async def get_stages(state: Rest, ctx: Context, params: Params) -> Params:
    api, wanted = state.api(ctx, params["restApiId"]), params.get("deploymentId")
    shapes = [each.shape for _, each in state.stages.items(api.key)]
    return {"item": [each for each in shapes if not wanted or each["deploymentId"] == wanted]}


async def update_stage(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    stage = state.stage(api, params["stageName"])
    changed = stages.patched(stage, params.get("patchOperations") or (), state.clock.now())
    for deployment in (changed["deploymentId"], (changed.get("canarySettings") or {}).get("deploymentId")):
        if deployment and state.deployments.get((*api.key, deployment)) is None:
            raise bad("Deployment id does not exist")
    _check_version(api, changed.get("documentationVersion"))
    certificate = changed.get("clientCertificateId")
    if certificate and state.certificates.get((*api.key[:2], certificate)) is None:
        raise bad("Invalid Client Certificate identifier specified")
    await state.stages.put((*api.key, params["stageName"]), Item(changed))
    return changed


async def delete_stage(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    state.stage(api, params["stageName"])
    if state.domains.mapped(api.id, params["stageName"]):
        raise bad("Deleting stage failed. Please remove all base path mappings related to the stage in your domains")
    await state.remove_stage(api, params["stageName"])
    return {}
