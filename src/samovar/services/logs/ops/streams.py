"""Operations on log streams (facts/cloudwatch.md §1-§2)."""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.logs import tokens
from samovar.services.logs.state import (
    LogsState,
    Stream,
    group_arn,
    group_name,
    invalid,
    no_such_stream,
    refuse_if_protected,
)

_PAGE = 50


async def create_log_stream(state: LogsState, ctx: Context, params: Params) -> Params:
    group = state.group(ctx, params["logGroupName"])
    if not await state.create_stream(group.id, params["logStreamName"]):
        raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")
    return {}


async def delete_log_stream(state: LogsState, ctx: Context, params: Params) -> Params:
    await state.flush()
    group = state.group(ctx, params["logGroupName"])
    refuse_if_protected(group)
    if not await state.delete_stream(group.id, params["logStreamName"]):
        raise no_such_stream()
    return {}


async def describe_log_streams(state: LogsState, ctx: Context, params: Params) -> Params:
    await state.flush()
    name = group_name(ctx, params)
    group = state.group(ctx, name)
    by_last_event = params.get("orderBy") == "LastEventTime"
    prefix = params.get("logStreamNamePrefix", "")
    if by_last_event and prefix:
        raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    descending, limit = params.get("descending", False), params.get("limit", _PAGE)
    if by_last_event:
        since = tokens.read_key(params.get("nextToken"), tuple[int, str])
        streams = await state.streams_by_last_event(group.id, since, descending, limit + 1)
    else:
        beyond = tokens.read_key(params.get("nextToken"), str)
        streams = await state.streams_by_name(group.id, prefix, beyond, descending, limit + 1)
    page = streams[:limit]
    described: Params = {"logStreams": [_described(group_arn(ctx, name), stream) for stream in page]}
    if len(streams) > limit:
        last = page[-1]
        described["nextToken"] = tokens.after_key((last.last_event_ms, last.name) if by_last_event else last.name)
    return described


def _described(group: str, stream: Stream) -> Params:
    described: Params = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "arn": f"{group}:log-stream:{stream.name}",
        "storedBytes": 0,
    }
    if stream.last_ingested_ms:
        described |= {
            "firstEventTimestamp": stream.first_event_ms,
            "lastEventTimestamp": stream.last_event_ms,
            "lastIngestionTime": stream.last_ingested_ms,
        }
    return described
