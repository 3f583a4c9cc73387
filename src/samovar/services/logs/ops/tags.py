"""Tags of log groups, by ARN and by name as older tools do; both see the same set (facts/cloudwatch.md §2)."""

from collections.abc import Iterable

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.logs.state import Group, LogsState, name_of_arn, no_such_group

_MOST_TAGS = 50


async def tag_resource(state: LogsState, ctx: Context, params: Params) -> Params:
    return await _tag(state, ctx, _tagged(ctx, params), params["tags"])


async def untag_resource(state: LogsState, ctx: Context, params: Params) -> Params:
    return await _untag(state, ctx, _tagged(ctx, params), params["tagKeys"])


async def list_tags_for_resource(state: LogsState, ctx: Context, params: Params) -> Params:
    return {"tags": state.group(ctx, _tagged(ctx, params)).tags}


async def tag_log_group(state: LogsState, ctx: Context, params: Params) -> Params:
    return await _tag(state, ctx, params["logGroupName"], params["tags"])


async def untag_log_group(state: LogsState, ctx: Context, params: Params) -> Params:
    return await _untag(state, ctx, params["logGroupName"], params["tags"])


async def list_tags_log_group(state: LogsState, ctx: Context, params: Params) -> Params:
    return {"tags": state.group(ctx, params["logGroupName"]).tags}


def _tagged(ctx: Context, params: Params) -> str:
    """The group that `resourceArn` names; nothing else here has tags."""
    name = name_of_arn(ctx, params["resourceArn"])
    if name is None:
        raise no_such_group()
    return name


async def _tag(state: LogsState, ctx: Context, name: str, added: dict[str, str]) -> Params:
    group = state.group(ctx, name)
    tags = group.tags | added
    if len(tags) > _MOST_TAGS:
        raise AwsError("TooManyTagsException", "A resource can have no more than 50 tags.")
    return await _keep(state, ctx, name, group, tags)


async def _untag(state: LogsState, ctx: Context, name: str, removed: Iterable[str]) -> Params:
    group = state.group(ctx, name)
    gone = set(removed)
    return await _keep(state, ctx, name, group, {key: value for key, value in group.tags.items() if key not in gone})


async def _keep(state: LogsState, ctx: Context, name: str, group: Group, tags: dict[str, str]) -> Params:
    await state.put_group(ctx, name, msgspec.structs.replace(group, tags=tags))
    return {}
