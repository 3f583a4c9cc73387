"""Tags of roles, users, policies, instance profiles and OpenID Connect providers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.iam import holders, names, pages
from samovar.services.iam.state import ROLE, USER, State


async def tag_role(state: State, ctx: Context, params: Params) -> Params:
    return await _tag(*_holder(state, ctx, ROLE, params), params)


async def untag_role(state: State, ctx: Context, params: Params) -> Params:
    return await _untag(*_holder(state, ctx, ROLE, params), params)


async def list_role_tags(state: State, ctx: Context, params: Params) -> Params:
    return _list(_holder(state, ctx, ROLE, params)[0], params)


async def tag_user(state: State, ctx: Context, params: Params) -> Params:
    return await _tag(*_holder(state, ctx, USER, params), params)


async def untag_user(state: State, ctx: Context, params: Params) -> Params:
    return await _untag(*_holder(state, ctx, USER, params), params)


async def list_user_tags(state: State, ctx: Context, params: Params) -> Params:
    return _list(_holder(state, ctx, USER, params)[0], params)


async def tag_policy(state: State, ctx: Context, params: Params) -> Params:
    return await _tag(*_policy(state, ctx, params), params)


async def untag_policy(state: State, ctx: Context, params: Params) -> Params:
    return await _untag(*_policy(state, ctx, params), params)


async def list_policy_tags(state: State, ctx: Context, params: Params) -> Params:
    return _list(_policy(state, ctx, params)[0], params)


async def tag_instance_profile(state: State, ctx: Context, params: Params) -> Params:
    return await _tag(*_profile(state, ctx, params), params)


async def untag_instance_profile(state: State, ctx: Context, params: Params) -> Params:
    return await _untag(*_profile(state, ctx, params), params)


async def list_instance_profile_tags(state: State, ctx: Context, params: Params) -> Params:
    return _list(_profile(state, ctx, params)[0], params)


async def tag_open_id_connect_provider(state: State, ctx: Context, params: Params) -> Params:
    return await _tag(*_provider(state, ctx, params), params)


async def untag_open_id_connect_provider(state: State, ctx: Context, params: Params) -> Params:
    return await _untag(*_provider(state, ctx, params), params)


async def list_open_id_connect_provider_tags(state: State, ctx: Context, params: Params) -> Params:
    return _list(_provider(state, ctx, params)[0], params)


_Keep = Callable[[Any], Awaitable[None]]
_Found = tuple[Any, _Keep]


def _holder(state: State, ctx: Context, kind: str, params: Params) -> _Found:
    return holders.find(state, ctx, kind, params), state.put


def _policy(state: State, ctx: Context, params: Params) -> _Found:
    policy = state.policies.get((ctx.account, params["PolicyArn"]))
    if policy is None:
        raise AwsError("NoSuchEntity", f"Policy {params['PolicyArn']} was not found.")
    return policy, state.keep


def _profile(state: State, ctx: Context, params: Params) -> _Found:
    key = (ctx.account, params["InstanceProfileName"].lower())
    profile = state.profiles.get(key)
    if profile is None:
        raise AwsError("NoSuchEntity", f"Instance Profile {params['InstanceProfileName']} cannot be found.")
    return profile, lambda changed: state.commit(state.profiles.putting(key, changed))


def _provider(state: State, ctx: Context, params: Params) -> _Found:
    key = (ctx.account, params["OpenIDConnectProviderArn"])
    provider = state.providers.get(key)
    if provider is None:
        raise AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {key[1]}")
    return provider, lambda changed: state.commit(state.providers.putting(key, changed))


async def _tag(found: Any, keep: _Keep, params: Params) -> Params:
    await keep(replace(found, tags=names.tags(params["Tags"], found.tags)))
    return {}


async def _untag(found: Any, keep: _Keep, params: Params) -> Params:
    await keep(replace(found, tags=names.without(found.tags, params["TagKeys"])))
    return {}


def _list(found: Any, params: Params) -> Params:
    tags: Mapping[str, str] = found.tags
    return pages.page(names.shown_tags(tags), params, lambda tag: str(tag["Key"]), lambda tag: tag, "Tags")
