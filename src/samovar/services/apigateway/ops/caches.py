"""What a stage has cached, forgotten."""

from samovar.core.context import Context, Params
from samovar.services.apigateway.desk import Desk


async def flush_stage_authorizers_cache(desk: Desk, ctx: Context, params: Params) -> Params:
    api = desk.state.api(ctx, params["restApiId"])
    desk.state.stage(api, params["stageName"])
    desk.authorizers.forget(api.id, params["stageName"])
    return {}


async def flush_stage_cache(desk: Desk, ctx: Context, params: Params) -> Params:
    api = desk.state.api(ctx, params["restApiId"])
    desk.state.stage(api, params["stageName"])
    desk.cache.forget(api.id, params["stageName"])
    return {}
