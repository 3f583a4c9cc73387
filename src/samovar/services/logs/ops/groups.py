"""Operations on log groups (facts/cloudwatch.md §1-§2)."""

import re

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.logs import tokens
from samovar.services.logs.state import (
    RETENTION_DAYS,
    Group,
    LogsState,
    group_arn,
    group_name,
    invalid,
    name_of_arn,
    refuse_if_protected,
)

_PAGE = 50


async def create_log_group(state: LogsState, ctx: Context, params: Params) -> Params:
    name = params["logGroupName"]
    if state.groups.get((ctx.account, ctx.region, name)) is not None:
        raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists")
    group = Group(
        id=state.new_id(),
        created_ms=state.now_ms(),
        kms_key_id=params.get("kmsKeyId", ""),
        log_class=params.get("logGroupClass", "STANDARD"),
        protected=params.get("deletionProtectionEnabled", False),
        tags=params.get("tags", {}),
    )
    await state.put_group(ctx, name, group)
    return {}


async def delete_log_group(state: LogsState, ctx: Context, params: Params) -> Params:
    await state.flush()
    name = params["logGroupName"]
    refuse_if_protected(state.group(ctx, name))
    await state.delete_group(ctx, name)
    return {}


async def put_log_group_deletion_protection(state: LogsState, ctx: Context, params: Params) -> Params:
    name = group_name(ctx, params)
    group = state.group(ctx, name)
    await state.put_group(ctx, name, msgspec.structs.replace(group, protected=params["deletionProtectionEnabled"]))
    return {}


async def describe_log_groups(state: LogsState, ctx: Context, params: Params) -> Params:
    await state.flush()
    prefix, pattern = params.get("logGroupNamePrefix", ""), params.get("logGroupNamePattern", "")
    if prefix and pattern:
        raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    identifiers = params.get("logGroupIdentifiers")
    wanted = None if identifiers is None else {_named(ctx, identifier) for identifier in identifiers}
    found = [
        (name, group)
        for name, group in _groups(state, ctx, params.get("logGroupClass"))
        if name.startswith(prefix) and pattern in name and (wanted is None or name in wanted)
    ]
    page, rest = _page(found, params)
    return {"logGroups": [_described(ctx, name, group, brief=bool(pattern)) for name, group in page]} | rest


async def list_log_groups(state: LogsState, ctx: Context, params: Params) -> Params:
    await state.flush()
    matches = re.compile(params.get("logGroupNamePattern", "")).search
    tags = params.get("logGroupTags", [])
    found = [
        (name, group)
        for name, group in _groups(state, ctx, params.get("logGroupClass"))
        if matches(name) and all(_has_tag(group, tag) for tag in tags)
        # Nothing here has a data source or a field index, so asking for one finds nothing.
        and not params.get("dataSources") and not params.get("fieldIndexNames")
    ]
    page, rest = _page(found, params)
    summaries = [
        {"logGroupName": name, "logGroupArn": group_arn(ctx, name), "logGroupClass": group.log_class}
        for name, group in page
    ]
    return {"logGroups": summaries} | rest


def _has_tag(group: Group, wanted: Params) -> bool:
    value = group.tags.get(wanted["key"])
    return value is not None and (not wanted.get("values") or value in wanted["values"])


def _named(ctx: Context, identifier: str) -> str | None:
    return name_of_arn(ctx, identifier) if identifier.startswith("arn:") else identifier


def _groups(state: LogsState, ctx: Context, log_class: str | None) -> list[tuple[str, Group]]:
    """The caller's groups, sorted by name. The two cheap classes are found by either name (DescribeLogGroups' page)."""
    cheap = ("INFREQUENT_ACCESS", "ESSENTIALS")
    classes = cheap if log_class in cheap else (log_class,)
    return [
        (key[2], group)
        for key, group in state.groups.items((ctx.account, ctx.region))
        if log_class is None or group.log_class in classes
    ]


def _page(found: list[tuple[str, Group]], params: Params) -> tuple[list[tuple[str, Group]], Params]:
    """The next groups of a list, and the token for those after them."""
    beyond = tokens.read_key(params.get("nextToken"), str) or ""
    limit = params.get("limit", _PAGE)
    left = [(name, group) for name, group in found if name > beyond]
    page = left[:limit]
    return page, {"nextToken": tokens.after_key(page[-1][0])} if len(left) > limit else {}


def _described(ctx: Context, name: str, group: Group, brief: bool) -> Params:
    arn = group_arn(ctx, name)
    described: Params = {
        "logGroupName": name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "logGroupClass": group.log_class,
    }
    if not brief:
        described |= {"storedBytes": 0, "deletionProtectionEnabled": group.protected}
    if group.retention_days is not None:
        described["retentionInDays"] = group.retention_days
    if group.kms_key_id:
        described["kmsKeyId"] = group.kms_key_id
    return described


async def put_retention_policy(state: LogsState, ctx: Context, params: Params) -> Params:
    days = params["retentionInDays"]
    if days not in RETENTION_DAYS:
        raise invalid(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: {list(RETENTION_DAYS)}"
        )
    name = params["logGroupName"]
    await state.put_group(ctx, name, msgspec.structs.replace(state.group(ctx, name), retention_days=days))
    return {}


async def delete_retention_policy(state: LogsState, ctx: Context, params: Params) -> Params:
    name = params["logGroupName"]
    await state.put_group(ctx, name, msgspec.structs.replace(state.group(ctx, name), retention_days=None))
    return {}
