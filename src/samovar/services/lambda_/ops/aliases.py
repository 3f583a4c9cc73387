"""Create, get, update, delete and list aliases (facts/lambda-api.md §5, §6).

Rule: whoever changes an alias holds its function's lock, so that no version goes that an alias names.
"""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import names, pages
from samovar.services.lambda_.alias import Alias, describe
from samovar.services.lambda_.function import Function
from samovar.services.lambda_.guards import check_revision
from samovar.services.lambda_.names import LATEST, invalid, not_found
from samovar.services.lambda_.state import State


async def create_alias(state: State, ctx: Context, params: Params) -> Params:
    name = names.unqualified(ctx, params["FunctionName"])
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.find(ctx, name)
        alias = Alias(
            account=ctx.account,
            region=ctx.region,
            function=name,
            name=params["Name"],
            version=params["FunctionVersion"],
            description=params.get("Description", ""),
            weights=_weights(params) or {},
            revision=uuid4(),
        )
        if state.aliases.get(alias.key):
            raise AwsError("ResourceConflictException", f"Alias already exists: {alias.arn}")
        _check_routes(state, ctx, function, alias)
        await state.put_alias(alias)
    return describe(alias)


async def get_alias(state: State, ctx: Context, params: Params) -> Params:
    function = state.find(ctx, names.unqualified(ctx, params["FunctionName"]))
    alias = state.aliases.get((*function.key, params["Name"]))
    if alias is None:
        raise names.no_alias(ctx, function.name, params["Name"])
    return describe(alias)


async def update_alias(state: State, ctx: Context, params: Params) -> Params:
    name = names.unqualified(ctx, params["FunctionName"])
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.find(ctx, name)
        alias = state.aliases.get((*function.key, params["Name"]))
        if alias is None:
            arn = names.function_arn(ctx, name, params["Name"])
            raise AwsError("ResourceNotFoundException", f"Alias not found: {arn}")
        check_revision(alias.revision, params.get("RevisionId"))
        weights = _weights(params)
        changed = msgspec.structs.replace(
            alias,
            version=params.get("FunctionVersion", alias.version),
            description=params.get("Description", alias.description),
            weights=alias.weights if weights is None else weights,
            revision=uuid4(),
        )
        _check_routes(state, ctx, function, changed)
        await state.put_alias(changed)
    return describe(changed)


async def delete_alias(state: State, ctx: Context, params: Params) -> Params:
    name = names.unqualified(ctx, params["FunctionName"])
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.find(ctx, name)
        alias = state.aliases.get((*function.key, params["Name"]))
        if alias:  # deleting one that isn't there succeeds
            await state.remove_alias(alias)
    return {}


async def list_aliases(state: State, ctx: Context, params: Params) -> Params:
    function = state.find(ctx, names.unqualified(ctx, params["FunctionName"]))
    version = params.get("FunctionVersion")
    found = ((each.name, each) for each in state.aliases_of(function.key) if version in (None, each.version))
    page, more = pages.cut(found, params)
    return {"Aliases": [describe(each) for each in page], **more}


def _weights(params: Params) -> dict[str, float] | None:
    """The additional versions' shares; None where the request doesn't speak of them."""
    if params.get("RoutingConfig") is None:
        return None
    weights: dict[str, float] = params["RoutingConfig"].get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    return weights


def _check_routes(state: State, ctx: Context, function: Function, alias: Alias) -> None:
    """Refuse versions that aren't there, and pairs that can't share an alias."""
    if alias.version != LATEST and state.published(function.key, alias.version) is None:
        raise not_found(ctx, function.name, alias.version)
    for other in alias.weights:
        if other == alias.version:
            raise invalid(
                f"Invalid function version {other}. Function version {other} is already included in routing "
                "configuration."
            )
        if alias.version == LATEST:
            raise invalid(f"{LATEST} is not supported for an alias pointing to more than 1 version")
        second = state.published(function.key, other)
        if second is None:
            raise not_found(ctx, function.name, other)
        first = state.deployed(function, alias.version)
        if first.configuration.role != second.configuration.role:
            raise invalid("The versions that an alias points to must have the same execution role.")
        if first.configuration.dead_letter != second.configuration.dead_letter:
            raise invalid("The versions that an alias points to must have the same dead letter configuration.")
