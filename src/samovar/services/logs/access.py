"""What CloudWatch Logs' operations need to be allowed (service authorization reference, Amazon CloudWatch Logs).

A group is asked for as all its streams, `log-group:NAME:log-stream:`, as AWS's refusals show: policies name groups with
`:*` at the end.
"""

from collections.abc import Mapping

import msgspec

from samovar.core import arn
from samovar.core.access import Access, Given, on, request_tags
from samovar.core.context import Context, Params
from samovar.services.logs.state import LogsState

_ON_GROUP = """
    CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy PutLogGroupDeletionProtection
    DescribeLogStreams FilterLogEvents TagLogGroup UntagLogGroup ListTagsLogGroup DescribeLogGroups ListLogGroups
"""
_ON_STREAM = "CreateLogStream DeleteLogStream PutLogEvents GetLogEvents"
_ON_ARN = "TagResource UntagResource ListTagsForResource"


def access(state: LogsState) -> Access:
    return Access(
        "logs",
        on((_group, _ON_GROUP), (_stream, _ON_STREAM), (lambda ctx, params: str(params["resourceArn"]), _ON_ARN)),
        facts=_facts,
        policy=lambda text: _policy(state, text),
        tags=lambda text: _tags(state, text),
    )


def _group(ctx: Context, params: Params) -> str:
    return _named(ctx, params, "")


def _stream(ctx: Context, params: Params) -> str:
    return _named(ctx, params, str(params.get("logStreamName") or ""))


def _named(ctx: Context, params: Params, stream: str) -> str:
    given = str(params.get("logGroupName") or params.get("logGroupIdentifier") or "")
    found = arn.parse(given)
    if found is not None:
        name = found.resource.removeprefix("log-group:").removesuffix(":*")
        return arn.make("logs", found.region, found.account, f"log-group:{name}:log-stream:{stream}")
    return arn.make("logs", ctx.region, ctx.account, f"log-group:{given}:log-stream:{stream}")


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    tags = params.get("tags")
    return request_tags(tags if isinstance(tags, dict) else {})


def _policy(state: LogsState, text: str) -> object:
    """All of the account's policies as one; None where it has none."""
    found = arn.parse(text)
    if found is None:
        return None
    statements: list[object] = []  # Sids may repeat among policies: they are left out
    for _, policy in state.policies.items((found.account, found.region)):
        said = msgspec.json.decode(policy.document).get("Statement", [])
        for statement in said if isinstance(said, list) else [said]:
            statements.append({name: value for name, value in statement.items() if name != "Sid"})
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def _tags(state: LogsState, text: str) -> Mapping[str, str] | None:
    found = arn.parse(text)
    if found is None:
        return None
    name = found.resource.removeprefix("log-group:").partition(":")[0]
    group = state.groups.get((found.account, found.region, name))
    return group.tags if group else None
