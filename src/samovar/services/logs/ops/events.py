"""Operations on log events (facts/cloudwatch.md §2)."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from samovar.core.context import Context, Params
from samovar.services.logs import pattern, tokens
from samovar.services.logs.journal import (
    PAGE_BYTES,
    Batch,
    Event,
    Position,
    Scope,
    Sized,
    read_page,
    sized,
    writing,
)
from samovar.services.logs.state import LogsState, group_name, invalid, no_such_stream
from samovar.services.logs.tokens import EventsToken

_MOST_EVENTS = 10_000
_MOST_STREAMS = 100
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_BATCH_BYTES = 1_048_576
_END_OF_TIME = 10**15 - 1  # the largest that a token's 15 digits hold
_PAGES_PER_CALL = 16
"""A filter that finds little answers an empty page after this many megabytes, rather than keep its caller waiting."""
_DESCENDING_SINCE_MS = 1_704_067_200_000  # 2024-01-01: botocore's model, FilterLogEvents.startFromHead


async def put_log_events(state: LogsState, ctx: Context, params: Params) -> Params:
    group = state.group(ctx, params["logGroupName"])
    events = sized([(event["timestamp"], event["message"]) for event in params["logEvents"]])
    _check_batch(events)
    accepted, rejected = _accept(events, state.now_ms(), group.retention_days)
    if accepted and accepted[-1][0] - accepted[0][0] > _DAY_MS:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    batch = Batch(group.id, params["logStreamName"], accepted)
    if accepted:
        *_, stream = await state.store.transact(*writing(state, batch))
        found = bool(stream)
    else:
        found = bool(await state.stream_ids(group.id, [batch.stream]))
    if not found:
        raise no_such_stream()
    state.kept((ctx.account, ctx.region, params["logGroupName"]), accepted)
    answer: Params = {"nextSequenceToken": f"49{state.new_id():054d}"}
    return answer | {"rejectedLogEventsInfo": rejected} if rejected else answer


def _check_batch(events: Sequence[Sized]) -> None:
    if any(later[0] < earlier[0] for earlier, later in pairwise(events)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    size = sum(size for _, size, _ in events)
    if size > _BATCH_BYTES:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {_BATCH_BYTES}")


def _accept(
    events: Sequence[Sized], now_ms: int, retention_days: int | None
) -> tuple[Sequence[Sized], dict[str, int]]:
    """The events of a batch in time order that are neither too old, expired nor too new, and where the others end."""
    timestamps = [timestamp for timestamp, _, _ in events]
    too_old = sum(timestamp < now_ms - 14 * _DAY_MS for timestamp in timestamps)
    expired = 0
    if retention_days is not None:
        expired = sum(timestamp < now_ms - retention_days * _DAY_MS for timestamp in timestamps)
    too_new = sum(timestamp <= now_ms + 2 * _HOUR_MS for timestamp in timestamps)
    rejected = {}
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        rejected["expiredLogEventEndIndex"] = expired
    if too_new < len(events):
        rejected["tooNewLogEventStartIndex"] = too_new
    return events[max(too_old, expired) : too_new], rejected


async def get_log_events(state: LogsState, ctx: Context, params: Params) -> Params:
    """A page, and a token for each direction. The end is where a token comes back unchanged."""
    await state.flush()
    group = state.group(ctx, group_name(ctx, params))
    streams = await state.stream_ids(group.id, [params["logStreamName"]])
    if not streams:
        raise no_such_stream()
    start = Position(params.get("startTime", 0), 0)
    after, before = start, Position(params.get("endTime", _END_OF_TIME), 0)
    token = tokens.read_events_token(params.get("nextToken"), streams[0])
    if token is None:
        ascending = params.get("startFromHead", False)
    else:
        ascending = token.forward
        after, before = (max(after, token.position), before) if ascending else (after, min(before, token.position))
    scope = Scope(group.id, streams)
    events = await read_page(state, scope, after, before, params.get("limit", _MOST_EVENTS), ascending)
    events.sort(key=lambda event: event.position)
    here = start if token is None else token.position
    first, last = (events[0].position, events[-1].position) if events else (here, here)
    return {
        "events": [
            {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested}
            for event in events
        ],
        "nextForwardToken": str(EventsToken(True, last, streams[0])),
        "nextBackwardToken": str(EventsToken(False, first, streams[0])),
    }


async def filter_log_events(state: LogsState, ctx: Context, params: Params) -> Params:
    await state.flush()
    group = state.group(ctx, group_name(ctx, params))
    matcher = _pattern(params.get("filterPattern", ""))
    ascending = params.get("startFromHead", True)
    if not ascending and params.get("startTime", 0) < _DESCENDING_SINCE_MS:
        raise invalid("startFromHead can be false only when startTime is on or after January 1, 2024 00:00:00 UTC.")
    after = Position(params.get("startTime", 0), 0)
    before = Position(params.get("endTime", _END_OF_TIME) + 1, 0)  # endTime is included, unlike GetLogEvents'
    token = tokens.read_events_token(params.get("nextToken"), group.id)
    if token is not None:
        ascending = token.forward
        after, before = (max(after, token.position), before) if ascending else (after, min(before, token.position))
    scope = await _scope(state, group.id, params)
    limit = params.get("limit", _MOST_EVENTS)
    found, reached = await _search(state, scope, matcher, after, before, ascending, limit)
    answer: Params = {"events": [_filtered(event) for event in found], "searchedLogStreams": []}
    if reached is not None:
        answer["nextToken"] = str(EventsToken(ascending, reached, group.id))
    return answer


def _pattern(text: str) -> pattern.Pattern:
    try:
        return pattern.parse(text)
    except pattern.InvalidPattern as error:
        raise invalid(str(error)) from None


async def _scope(state: LogsState, group_id: int, params: Params) -> Scope:
    names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix", "")
    if names is not None and prefix:
        raise invalid("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.")
    if names is not None:
        stream_ids = await state.stream_ids(group_id, sorted(set(names)))
        if len(stream_ids) < len(set(names)):
            raise no_such_stream()
        return Scope(group_id, stream_ids)
    if prefix:
        stream_ids = await state.stream_ids_by_prefix(group_id, prefix, _MOST_STREAMS + 1)
        if len(stream_ids) <= _MOST_STREAMS:
            return Scope(group_id, stream_ids)
    return Scope(group_id, prefix=prefix)


async def _search(
    state: LogsState,
    scope: Scope,
    matcher: pattern.Pattern,
    after: Position,
    before: Position,
    ascending: bool,
    limit: int,
) -> tuple[list[Event], Position | None]:
    """The matching events of one answer, and how far the search came; None when it came to the end."""
    found: list[Event] = []
    size = 0
    reached: Position | None = None
    for _ in range(_PAGES_PER_CALL):
        wanted = limit - len(found) if matcher.matches_everything else _MOST_EVENTS
        page = await read_page(state, scope, after, before, wanted, ascending)
        if not page:
            return found, None
        for event, matches in zip(page, await _match(matcher, page), strict=True):
            if matches:
                size += sized([(event.timestamp, event.message)])[0][1]
                if found and size > PAGE_BYTES:
                    return found, reached
                found.append(event)
            reached = event.position
            if len(found) == limit:
                return found, reached
        after, before = (page[-1].position, before) if ascending else (after, page[-1].position)
    return found, reached


async def _match(matcher: pattern.Pattern, page: list[Event]) -> list[bool]:
    if matcher.matches_everything:
        return [True] * len(page)
    # A megabyte of JSON takes some 10 ms: too long for the event loop.
    return await asyncio.to_thread(lambda: [matcher.matches(event.message) for event in page])


def _filtered(event: Event) -> Params:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingested,
        "eventId": event.id,
    }


async def test_metric_filter(state: LogsState, ctx: Context, params: Params) -> Params:
    matcher = _pattern(params["filterPattern"])
    return {
        "matches": [
            {"eventNumber": number, "eventMessage": message, "extractedValues": matcher.extract(message)}
            for number, message in enumerate(params["logEventMessages"], start=1)
            if matcher.matches(message)
        ]
    }
