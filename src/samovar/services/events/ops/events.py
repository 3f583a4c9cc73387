"""PutEvents and TestEventPattern (facts/eventbridge.md §A3, §B3)."""

import json
import time
from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.core.ids import uuid4
from samovar.core.pattern import exact
from samovar.delivery.queue import Step
from samovar.services.events.routing import Event, Routing
from samovar.services.events.state import checked_pattern, invalid

MOST_ENTRIES = 10
LIMIT = 1_048_576
"""Bytes of all entries of a request."""
_TIME_BYTES = 14
_TESTED = ("id", "account", "source", "time", "region", "detail-type")


async def put_events(routing: Routing, ctx: Context, params: Params) -> Params:
    entries: list[Params] = params["Entries"]
    if sum(_size(entry) for entry in entries) > LIMIT:
        raise invalid("Total size of the entries in the request is over the limit.")
    answers: list[Params] = []
    steps: list[Step] = []
    for entry in entries:
        refusal = _refusal(ctx, entry)
        if refusal is not None:
            code, message = refusal
            answers.append({"ErrorCode": code, "ErrorMessage": message})
            continue
        id = uuid4()
        answers.append({"EventId": id})
        state = routing.state
        key = state.bus_key(ctx, entry.get("EventBusName"))
        if state.find_bus(key) is not None:  # an event for a bus that isn't there vanishes
            event = Event(_envelope(ctx, entry, id, state.clock.now()), id, entry.get("TraceHeader") or ctx.trace_id)
            steps += await routing.route(key, event)
    if steps:
        await routing.state.store.transact(*steps, *ctx.handover)
    return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}


async def test_event_pattern(routing: Routing, ctx: Context, params: Params) -> Params:
    pattern = checked_pattern(params["EventPattern"])
    try:
        event = exact(params["Event"])
    except (ValueError, RecursionError):
        raise invalid("Parameter Event is not valid.") from None
    if not isinstance(event, dict):
        raise invalid("Parameter Event is not valid.")
    missing = [name for name in _TESTED if name not in event]
    if missing:
        raise invalid(f"Parameter Event is not valid. Reason: {missing[0]} is a required argument.")
    return {"Result": pattern.matches(event)}


def _size(entry: Params) -> int:
    texts = [entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", ""), *entry.get("Resources", [])]
    return sum(len(text.encode()) for text in texts) + (_TIME_BYTES if "Time" in entry else 0)


def _refusal(ctx: Context, entry: Params) -> tuple[str, str] | None:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
    if entry["Source"].startswith("aws.") and not ctx.principal.endswith(".amazonaws.com"):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    try:
        detail = json.loads(entry["Detail"])
    except (ValueError, RecursionError):
        detail = None
    return None if isinstance(detail, dict) else ("MalformedDetail", "Detail is malformed.")


def _envelope(ctx: Context, entry: Params, id: str, now: float) -> str:
    """As rules and targets see it: members in AWS's order, the detail compact and with its own numbers."""
    moment: float = entry.get("Time", now)
    envelope: dict[str, Any] = {
        "version": "0",
        "id": id,
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": ctx.account,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
        "region": ctx.region,
        "resources": entry.get("Resources", []),
        "detail": msgspec.Raw(msgspec.json.format(entry["Detail"].encode(), indent=-1)),
    }
    return msgspec.json.encode(envelope).decode()
