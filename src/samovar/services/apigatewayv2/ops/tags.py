"""Tags of APIs, stages, domain names and VPC links, by their ARN (facts/apigateway.md §1)."""

import re
from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2.errors import bad_request, not_found
from samovar.services.apigatewayv2.records import Api, Stage, VpcLink
from samovar.services.apigatewayv2.state import State
from samovar.store.table import Table
from samovar.web.domains import Domain

_ARN = re.compile(
    r"arn:aws[a-z-]*:apigateway:(?P<region>[a-z0-9-]+)::/(?:"
    r"apis/(?P<api>[^/]+)(?:/stages/(?P<stage>.+))?|vpclinks/(?P<link>[^/]+)|domainnames/(?P<domain>[^/]+))"
)
_MOST = 50

Tagged = Api | Stage | VpcLink | Domain


async def tag_resource(state: State, ctx: Context, params: Params) -> Params:
    tagging = _Tagging(state, ctx, params["ResourceArn"])
    await tagging.put({**tagging.tags, **params.get("Tags", {})})
    return {}


async def untag_resource(state: State, ctx: Context, params: Params) -> Params:
    tagging, gone = _Tagging(state, ctx, params["ResourceArn"]), set(params["TagKeys"])
    await tagging.put({key: value for key, value in tagging.tags.items() if key not in gone})
    return {}


async def get_tags(state: State, ctx: Context, params: Params) -> Params:
    return {"Tags": _Tagging(state, ctx, params["ResourceArn"]).tags}


class _Tagging:
    """A resource that may have tags; AwsError where there is none."""

    def __init__(self, state: State, ctx: Context, arn: str) -> None:
        parts = _ARN.fullmatch(arn)
        if parts is None:
            raise bad_request("Invalid resource ARN specified in the request")
        self._table: Table[Any] = _table(state, parts)
        names = (parts[name] for name in ("api", "stage", "link", "domain") if parts[name])
        self._key = (ctx.account, parts["region"], *names)
        record = self._table.get(self._key)
        if record is None:
            raise not_found("resource", arn)
        self._record: Tagged = record

    @property
    def tags(self) -> dict[str, str]:
        return self._record.tags

    async def put(self, tags: dict[str, str]) -> None:
        if len(tags) > _MOST:
            raise bad_request(f"A resource has at most {_MOST} tags")
        await self._table.put(self._key, msgspec.structs.replace(self._record, tags=tags))


def _table(state: State, parts: re.Match[str]) -> Table[Any]:
    if parts["stage"]:
        return state.stages
    if parts["api"]:
        return state.apis
    return state.vpc_links if parts["link"] else state.domains.domains
