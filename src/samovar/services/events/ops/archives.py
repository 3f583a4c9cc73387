"""Archives and replays (facts/eventbridge.md §E)."""

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.events import archived, pages
from samovar.services.events.replays import MOST_AT_ONCE, UNFINISHED, Replays
from samovar.services.events.state import Archive, Events, Replay, checked_pattern, invalid, no_bus, too_many


async def create_archive(replays: Replays, ctx: Context, params: Params) -> Params:
    state, name = replays.state, params["ArchiveName"]
    bus = state.bus_key(ctx, params["EventSourceArn"])
    if state.find_bus(bus) is None:
        raise no_bus(bus[2])
    if state.archives.get((ctx.account, ctx.region, name)) is not None:
        raise AwsError("ResourceAlreadyExistsException", f"Archive {name} already exists.")
    if params.get("EventPattern"):
        checked_pattern(params["EventPattern"])
    archive = Archive(
        account=ctx.account,
        region=ctx.region,
        name=name,
        bus=bus[2],
        created_at=state.clock.now(),
        pattern=params.get("EventPattern", ""),
        description=params.get("Description", ""),
        retention_days=params.get("RetentionDays", 0),
    )
    await state.archives.put(archive.key, archive)
    return _changed(archive)


async def update_archive(replays: Replays, ctx: Context, params: Params) -> Params:
    state = replays.state
    archive = _find(state, ctx, params["ArchiveName"])
    if not {"EventPattern", "RetentionDays", "Description"} & params.keys():
        raise invalid("At least one of EventPattern, RetentionDays or Description must be provided.")
    if params.get("EventPattern"):
        checked_pattern(params["EventPattern"])
    archive = msgspec.structs.replace(
        archive,
        pattern=params.get("EventPattern", archive.pattern),
        description=params.get("Description", archive.description),
        retention_days=params.get("RetentionDays", archive.retention_days),
    )
    await state.archives.put(archive.key, archive)
    return _changed(archive)


async def delete_archive(replays: Replays, ctx: Context, params: Params) -> Params:
    archive = _find(replays.state, ctx, params["ArchiveName"])
    await replays.state.store.transact(replays.state.archives.deleting(archive.key), archived.emptying(archive))
    return {}


async def describe_archive(replays: Replays, ctx: Context, params: Params) -> Params:
    archive = _find(replays.state, ctx, params["ArchiveName"])
    shown = {"ArchiveArn": archive.arn, **await _listed(replays.state, archive)}
    if archive.pattern:
        shown["EventPattern"] = archive.pattern
    if archive.description:
        shown["Description"] = archive.description
    return shown


async def list_archives(replays: Replays, ctx: Context, params: Params) -> Params:
    bus = replays.state.bus_key(ctx, params["EventSourceArn"])[2] if params.get("EventSourceArn") else None
    found = [
        (archive.name, archive)
        for _, archive in replays.state.archives.items((ctx.account, ctx.region))
        if bus in (None, archive.bus) and params.get("State") in (None, "ENABLED")
    ]
    page, more = pages.cut(found, params)
    return {"Archives": [await _listed(replays.state, archive) for archive in page], **more}


async def start_replay(replays: Replays, ctx: Context, params: Params) -> Params:
    state, name, destination = replays.state, params["ReplayName"], params["Destination"]
    if state.replays.get((ctx.account, ctx.region, name)) is not None:
        raise AwsError("ResourceAlreadyExistsException", f"Replay {name} already exists.")
    source = arn.parse(params["EventSourceArn"])
    archive_name = source.resource.removeprefix("archive/") if source else params["EventSourceArn"]
    archive = state.archives.get((ctx.account, ctx.region, archive_name))
    if archive is None:
        reason = f"Archive {archive_name} does not exist."
        raise invalid(f"Parameter EventSourceArn is not valid. Reason: {reason}")
    if state.bus_key(ctx, destination["Arn"])[2] != archive.bus:
        raise invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
    if params["EventEndTime"] <= params["EventStartTime"]:
        reason = "EventStartTime must be before EventEndTime."
        raise invalid(f"Parameter EventEndTime is not valid. Reason: {reason}")
    running = [each for _, each in state.replays.items((ctx.account, ctx.region)) if each.state in UNFINISHED]
    if len(running) >= MOST_AT_ONCE:
        raise too_many()
    replay = Replay(
        account=ctx.account,
        region=ctx.region,
        name=name,
        archive=archive.name,
        bus=archive.bus,
        rules=tuple(destination.get("FilterArns", [])),
        begin=params["EventStartTime"],
        end=params["EventEndTime"],
        description=params.get("Description", ""),
        started_at=state.clock.now(),
    )
    await state.replays.put(replay.key, replay)
    replays.run(replay)
    return {"ReplayArn": replay.arn, "State": "STARTING", "ReplayStartTime": replay.started_at}


async def cancel_replay(replays: Replays, ctx: Context, params: Params) -> Params:
    replay = _find_replay(replays.state, ctx, params["ReplayName"])
    if replay.state not in ("STARTING", "RUNNING"):
        raise AwsError("IllegalStatusException", f"Replay {replay.name} is not in a valid state for this operation.")
    await replays.state.replays.put(replay.key, msgspec.structs.replace(replay, state="CANCELLING"))
    return {"ReplayArn": replay.arn, "State": "CANCELLING"}


async def describe_replay(replays: Replays, ctx: Context, params: Params) -> Params:
    replay = _find_replay(replays.state, ctx, params["ReplayName"])
    destination: Params = {"Arn": _bus_arn(replay.account, replay.region, replay.bus)}
    if replay.rules:
        destination["FilterArns"] = list(replay.rules)
    shown = {"ReplayArn": replay.arn, "Destination": destination, **_listed_replay(replay)}
    if replay.description:
        shown["Description"] = replay.description
    return shown


async def list_replays(replays: Replays, ctx: Context, params: Params) -> Params:
    source = params.get("EventSourceArn", "")
    found = [
        (replay.name, replay)
        for _, replay in replays.state.replays.items((ctx.account, ctx.region))
        if params.get("State") in (None, replay.state) and (not source or source.endswith(f"archive/{replay.archive}"))
    ]
    page, more = pages.cut(found, params)
    return {"Replays": [_listed_replay(replay) for replay in page], **more}


def _find(state: Events, ctx: Context, name: str) -> Archive:
    found = state.archives.get((ctx.account, ctx.region, name))
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Archive {name} does not exist.")
    return found


def _find_replay(state: Events, ctx: Context, name: str) -> Replay:
    found = state.replays.get((ctx.account, ctx.region, name))
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Replay {name} does not exist.")
    return found


def _changed(archive: Archive) -> Params:
    return {"ArchiveArn": archive.arn, "State": "ENABLED", "CreationTime": archive.created_at}


async def _listed(state: Events, archive: Archive) -> Params:
    count, size = await archived.size(state.store, archive)
    return {
        "ArchiveName": archive.name,
        "EventSourceArn": _bus_arn(archive.account, archive.region, archive.bus),
        "State": "ENABLED",
        "RetentionDays": archive.retention_days,
        "SizeBytes": size,
        "EventCount": count,
        "CreationTime": archive.created_at,
    }


def _listed_replay(replay: Replay) -> Params:
    shown: Params = {
        "ReplayName": replay.name,
        "EventSourceArn": arn.make("events", replay.region, replay.account, f"archive/{replay.archive}"),
        "State": replay.state,
        "EventStartTime": replay.begin,
        "EventEndTime": replay.end,
        "ReplayStartTime": replay.started_at,
    }
    if replay.last_at:
        shown["EventLastReplayedTime"] = replay.last_at
    if replay.ended_at:
        shown["ReplayEndTime"] = replay.ended_at
    return shown


def _bus_arn(account: str, region: str, bus: str) -> str:
    return arn.make("events", region, account, f"event-bus/{bus}")
