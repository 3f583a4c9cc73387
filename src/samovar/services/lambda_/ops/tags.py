"""Tags of functions; other resources that Lambda lets one tag are not found as long as there are none.

Facts: lambda-api.md §4.4 (tagging changes the function's revision), §5.
"""

from collections.abc import Callable

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import configure, names
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.state import State, check_idle

_NOT_FOUND = {
    "code-signing-config": "The Lambda code signing configuration ARN can not be found.",
    "event-source-mapping": "Event source mapping not found: {}",
    "capacity-provider": "Capacity provider not found: {}",
    "network-connector": "Network connector not found: {}",
}
"""By the kind of the resource; `{}` is its ARN."""

Tags = dict[str, str]


async def tag_resource(state: State, ctx: Context, params: Params) -> Params:
    added: Tags = params["Tags"]
    if not added:
        raise invalid("An error occurred and the request cannot be processed.")
    await _change(state, ctx, params["Resource"], lambda tags: {**tags, **added})
    return {}


async def untag_resource(state: State, ctx: Context, params: Params) -> Params:
    removed = frozenset(params["TagKeys"])
    await _change(
        state, ctx, params["Resource"], lambda tags: {key: tags[key] for key in tags if key not in removed}
    )
    return {}


async def list_tags(state: State, ctx: Context, params: Params) -> Params:
    return {"Tags": state.find(ctx, _function(ctx, params["Resource"])).tags}


async def _change(state: State, ctx: Context, resource: str, change: Callable[[Tags], Tags]) -> None:
    name = _function(ctx, resource)
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.find(ctx, name)
        check_idle(function)
        tags = configure.tags({"Tags": change(function.tags)})
        await state.touch(msgspec.structs.replace(function, tags=tags, revision=uuid4()))


def _function(ctx: Context, resource: str) -> str:
    """The name of the function that the ARN means; raises for any other resource."""
    parsed = arn.parse(resource)
    assert parsed is not None, "the model's pattern lets nothing but ARNs through"
    kind = parsed.resource.partition(":")[0]
    if kind in _NOT_FOUND:
        raise AwsError("ResourceNotFoundException", _NOT_FOUND[kind].format(resource))
    target = names.locate(ctx, resource)
    if target.qualifier:
        raise invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return target.name
