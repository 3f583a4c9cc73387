"""Create, get, update and delete deployments (facts/apigateway.md §9)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages
from samovar.services.apigatewayv2.errors import bad_request
from samovar.services.apigatewayv2.records import Deployment, changed, made, shown
from samovar.services.apigatewayv2.state import State, letters, listed, part


async def create_deployment(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    now, name = state.clock.now(), params.get("StageName")
    deployment = made(
        Deployment, params, deployment_id=letters(6), created_date=now, snapshot=deploying.snapshot(state, key)
    )
    changes = [state.deployments.putting((*key, deployment.deployment_id), deployment)]
    if name:
        stage = part(state.stages, key, name, "stage")
        if stage.auto_deploy:
            raise bad_request("Deployment cannot be made to a stage with auto-deploy enabled")
        moved = msgspec.structs.replace(stage, deployment_id=deployment.deployment_id, last_updated_date=now)
        changes.append(state.stages.putting((*key, name), moved))  # type: ignore[arg-type]
    await state.store.transact(*changes)
    return shown(deployment)


async def get_deployment(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    return shown(part(state.deployments, key, params["DeploymentId"], "deployment"))


async def get_deployments(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    page, more = pages.cut(listed(state.deployments, key), params)
    return {"Items": [shown(deployment) for deployment in page], **more}


async def update_deployment(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    deployment = changed(part(state.deployments, key, params["DeploymentId"], "deployment"), params)
    await state.deployments.put((*key, deployment.deployment_id), deployment)
    return shown(deployment)


async def delete_deployment(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    deployment = part(state.deployments, key, params["DeploymentId"], "deployment")
    if any(stage.deployment_id == deployment.deployment_id for _, stage in state.stages.items(key)):
        raise bad_request("Active stages pointing to this deployment must be moved or deleted")
    await state.deployments.delete((*key, deployment.deployment_id))
    return {}
