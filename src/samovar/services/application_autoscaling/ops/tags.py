"""Tags of scalable targets, by ARN."""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.application_autoscaling.state import State, Target, TargetKey

_MOST_TAGS = 50


async def tag_resource(state: State, ctx: Context, params: Params) -> Params:
    key, target = _target(state, ctx, params)
    tags = target.tags | params["Tags"]
    if len(tags) > _MOST_TAGS:
        text = f"The number of tags exceeds the limit of {_MOST_TAGS}"
        raise AwsError("TooManyTagsException", text, ResourceName=target.arn)
    await state.targets.put(key, msgspec.structs.replace(target, tags=tags))
    return {}


async def untag_resource(state: State, ctx: Context, params: Params) -> Params:
    key, target = _target(state, ctx, params)
    tags = {name: value for name, value in target.tags.items() if name not in params["TagKeys"]}
    await state.targets.put(key, msgspec.structs.replace(target, tags=tags))
    return {}


async def list_tags_for_resource(state: State, ctx: Context, params: Params) -> Params:
    return {"Tags": _target(state, ctx, params)[1].tags}


def _target(state: State, ctx: Context, params: Params) -> tuple[TargetKey, Target]:
    for (account, region, resource), target in state.targets.items((ctx.account, ctx.region)):
        if target.arn == params["ResourceARN"]:
            return (account, region, resource), target
    text = f"The specified resource doesn't exist: {params['ResourceARN']}"
    raise AwsError("ResourceNotFoundException", text, ResourceName=params["ResourceARN"])
