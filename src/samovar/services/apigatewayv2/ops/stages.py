"""Create, get, update and delete stages (facts/apigateway.md §9)."""

import re

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigatewayv2 import deploying, pages
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.parts import full
from samovar.services.apigatewayv2.records import Stage, changed, made, merged, shown
from samovar.services.apigatewayv2.state import ApiKey, State, listed, part
from samovar.services.apigatewayv2.websocket.execution_log import logs_executions
from samovar.web.access_log import is_log_group

_MOST = 10
"""Of an API (facts/apigateway.md §12)."""
_NAME = re.compile(r"\$default|[A-Za-z0-9_-]{1,128}")
_VARIABLE = re.compile(r"[A-Za-z0-9_]{1,64}")
_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]{0,512}")


async def create_stage(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    name, now = params["StageName"], state.clock.now()
    if state.stages.get((*key, name)) is not None:
        raise conflict("Stage already exists")
    if not _NAME.fullmatch(name):
        raise bad_request("Stage name only allows a-zA-Z0-9_-")
    if len(state.stages.items(key)) >= _MOST:
        raise full("Stage")
    stage = made(Stage, params, created_date=now, last_updated_date=now)
    return await _keep(state, ctx, key, stage, params)


async def get_stage(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    return shown(part(state.stages, key, params["StageName"], "stage"))


async def get_stages(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    page, more = pages.cut(listed(state.stages, key), params)
    return {"Items": [shown(stage) for stage in page], **more}


async def update_stage(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    before = part(state.stages, key, params["StageName"], "stage")
    stage = changed(
        before,
        params,
        last_updated_date=state.clock.now(),
        default_route_settings={**before.default_route_settings, **params.get("DefaultRouteSettings", {})},
        route_settings=merged(before.route_settings, params.get("RouteSettings")),
        stage_variables=merged(before.stage_variables, params.get("StageVariables")),
    )
    return await _keep(state, ctx, key, stage, params)


async def delete_stage(state: State, ctx: Context, params: Params) -> Params:
    key, _ = state.api(ctx, params["ApiId"])
    stage = part(state.stages, key, params["StageName"], "stage")
    if state.domains.mapped(key[2], stage.stage_name):
        raise bad_request(
            "Deleting stage failed. Please remove all api mappings related to the stage in your account and try again."
        )
    gone = deploying.left(state, key, [stage])
    await state.store.transact(state.stages.deleting((*key, stage.stage_name)), *gone)
    state.connections.hang_up(key, stage.stage_name)
    return {}


async def _keep(state: State, ctx: Context, key: ApiKey, stage: Stage, params: Params) -> Params:
    _check(state, key, stage, params)
    if logs_executions(stage):
        await _check_logging(state, ctx, key)
    if stage.auto_deploy:
        await state.store.transact(*deploying.deployed(state, key, [stage]))
    else:
        await state.stages.put((*key, stage.stage_name), stage)
    kept = state.stages.get((*key, stage.stage_name))
    return shown(kept or stage)


async def _check_logging(state: State, ctx: Context, key: ApiKey) -> None:
    """Only WebSocket APIs log what they do, and as a role that the account names."""
    _, api = state.api(ctx, key[2])
    if api.protocol_type != "WEBSOCKET":
        raise bad_request("Execution logs are not supported on protocol type HTTP")
    account = await ctx.call("apigateway", "GetAccount", {})
    if not account.get("cloudwatchRoleArn"):
        raise bad_request("CloudWatch Logs role ARN must be set in account settings to enable logging")


def _check(state: State, key: ApiKey, stage: Stage, params: Params) -> None:
    deployment = params.get("DeploymentId")
    if deployment and stage.auto_deploy:
        raise bad_request("Deployment ID cannot be set on a stage with auto-deploy enabled")
    if deployment and state.deployments.get((*key, deployment)) is None:
        raise bad_request(f"Invalid deployment identifier specified {deployment}")
    group = (stage.access_log_settings or {}).get("DestinationArn")
    if group and not is_log_group(group):
        raise bad_request("Access log destination must be the ARN of a log group: delivery streams are not here yet")
    for route in params.get("RouteSettings", {}):
        if not any(each.route_key == route for _, each in state.routes.items(key)):
            raise AwsError(
                "NotFoundException", f"Unable to find Route by key {route} within the provided RouteSettings"
            )
    for name, value in stage.stage_variables.items():
        if not _VARIABLE.fullmatch(name) or not _VALUE.fullmatch(value):
            raise bad_request(f"Stage variable {name} has an invalid name or value")
