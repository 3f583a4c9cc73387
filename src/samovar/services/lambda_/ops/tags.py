"""Tag and untag resources, and list their tags (facts/lambda-api.md §4.4, §5).

Rule: what isn't a function is found through `State.taggable`, where its own module has entered it.
"""

from collections.abc import Callable

import msgspec

from samovar.core import arn
from samovar.core.arn import Arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import configure, names
from samovar.services.lambda_.function import Key
from samovar.services.lambda_.guards import check_idle
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.ports import Taggable
from samovar.services.lambda_.state import State

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
    await _change(state, ctx, params["Resource"], lambda tags: {key: tags[key] for key in tags if key not in removed})
    return {}


async def list_tags(state: State, ctx: Context, params: Params) -> Params:
    resource = _parsed(params["Resource"])
    if resource.resource.startswith("function:"):
        return {"Tags": state.find(ctx, _function(ctx, resource)).tags}
    _, _, tags = _other(state, ctx, resource)
    return {"Tags": tags}


async def _change(state: State, ctx: Context, text: str, change: Callable[[Tags], Tags]) -> None:
    resource = _parsed(text)
    if not resource.resource.startswith("function:"):
        owner, key, tags = _other(state, ctx, resource)
        await owner.retag(key, configure.tags({"Tags": change(tags)}))
        return
    name = _function(ctx, resource)
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.find(ctx, name)
        check_idle(function)
        tags = configure.tags({"Tags": change(function.tags)})
        await state.touch(msgspec.structs.replace(function, tags=tags, revision=uuid4()))


def _parsed(text: str) -> Arn:
    parsed = arn.parse(text)
    assert parsed is not None, "the model's pattern lets nothing but ARNs through"
    return parsed


def _function(ctx: Context, resource: Arn) -> str:
    """The name of the function that the ARN means."""
    target = names.locate(ctx, str(resource))
    if target.qualifier:
        raise invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return target.name


def _other(state: State, ctx: Context, resource: Arn) -> tuple[Taggable, Key, Tags]:
    """Who keeps a resource of the caller's that isn't a function, its key, and its tags."""
    kind, _, id = resource.resource.partition(":")
    key = (resource.account, resource.region, id)
    owner = state.taggable.get(kind)
    tags = owner.tags(key) if owner and key[:2] == (ctx.account, ctx.region) else None
    if owner is None or tags is None:
        raise AwsError("ResourceNotFoundException", _NOT_FOUND[kind].format(resource))
    return owner, key, tags
