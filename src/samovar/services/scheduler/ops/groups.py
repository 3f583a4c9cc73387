"""Groups of schedules and their tags (facts/eventbridge.md §F1)."""

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.scheduler import pages
from samovar.services.scheduler.firing import Scheduler
from samovar.services.scheduler.state import DEFAULT_GROUP, Group, invalid, no_group

MOST_GROUPS = 500
_KIND = "schedule-group/"


async def create_schedule_group(state: Scheduler, ctx: Context, params: Params) -> Params:
    name, now = params["Name"], state.clock.now()
    if name == DEFAULT_GROUP or state.groups.get((ctx.account, ctx.region, name)) is not None:
        raise AwsError("ConflictException", f"Schedule group {name} already exists.")
    if len(state.groups.items((ctx.account, ctx.region))) >= MOST_GROUPS - 1:
        raise AwsError("ServiceQuotaExceededException", "The maximum number of schedule groups has been reached.")
    tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}
    group = Group(
        account=ctx.account, region=ctx.region, name=name, created_at=now, modified_at=now, tags=tags
    )
    await state.groups.put(group.key, group)
    return {"ScheduleGroupArn": group.arn}


async def get_schedule_group(state: Scheduler, ctx: Context, params: Params) -> Params:
    return _shown(state.group(ctx.account, ctx.region, params["Name"]))


async def delete_schedule_group(state: Scheduler, ctx: Context, params: Params) -> Params:
    """With its schedules, at once."""
    if params["Name"] == DEFAULT_GROUP:
        raise invalid("The default schedule group can't be deleted.")
    group = state.group(ctx.account, ctx.region, params["Name"])
    schedules = [schedule for _, schedule in state.schedules.items(group.key)]
    await state.remove(*schedules, also=(state.groups.deleting(group.key),))
    return {}


async def list_schedule_groups(state: Scheduler, ctx: Context, params: Params) -> Params:
    found = {group.name: group for _, group in state.groups.items((ctx.account, ctx.region))}
    found.setdefault(DEFAULT_GROUP, state.group(ctx.account, ctx.region, None))
    prefix = params.get("NamePrefix") or ""
    page, more = pages.cut(sorted(each for each in found.items() if each[0].startswith(prefix)), params)
    return {"ScheduleGroups": [_shown(group) for group in page], **more}


async def tag_resource(state: Scheduler, ctx: Context, params: Params) -> Params:
    group = _tagged(state, params["ResourceArn"])
    return await _keep(state, group, group.tags | {tag["Key"]: tag["Value"] for tag in params["Tags"]})


async def untag_resource(state: Scheduler, ctx: Context, params: Params) -> Params:
    group, gone = _tagged(state, params["ResourceArn"]), set(params["TagKeys"])
    return await _keep(state, group, {key: value for key, value in group.tags.items() if key not in gone})


async def list_tags_for_resource(state: Scheduler, ctx: Context, params: Params) -> Params:
    tags = _tagged(state, params["ResourceArn"]).tags
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _tagged(state: Scheduler, text: str) -> Group:
    parsed = arn.parse(text)
    if parsed is None or parsed.service != "scheduler" or not parsed.resource.startswith(_KIND):
        raise invalid("Only schedule groups have tags.")
    name = parsed.resource.removeprefix(_KIND)
    found = state.groups.get((parsed.account, parsed.region, name))
    if found is None:
        raise no_group(name)
    return found


async def _keep(state: Scheduler, group: Group, tags: dict[str, str]) -> Params:
    changed = msgspec.structs.replace(group, tags=tags, modified_at=state.clock.now())
    await state.groups.put(group.key, changed)
    return {}


def _shown(group: Group) -> Params:
    shown: Params = {"Arn": group.arn, "Name": group.name, "State": "ACTIVE"}
    if group.created_at:
        shown |= {"CreationDate": group.created_at, "LastModificationDate": group.modified_at}
    return shown
