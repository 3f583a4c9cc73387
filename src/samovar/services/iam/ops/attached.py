"""Managed policies of a role, user or group."""

from samovar.core.context import Context, Params
from samovar.services.iam import holders
from samovar.services.iam.state import GROUP, ROLE, USER, State


async def attach_role_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.attach(state, ctx, ROLE, params)


async def detach_role_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.detach(state, ctx, ROLE, params)


async def list_attached_role_policies(state: State, ctx: Context, params: Params) -> Params:
    return holders.list_attached(state, ctx, ROLE, params)


async def attach_user_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.attach(state, ctx, USER, params)


async def detach_user_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.detach(state, ctx, USER, params)


async def list_attached_user_policies(state: State, ctx: Context, params: Params) -> Params:
    return holders.list_attached(state, ctx, USER, params)


async def attach_group_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.attach(state, ctx, GROUP, params)


async def detach_group_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.detach(state, ctx, GROUP, params)


async def list_attached_group_policies(state: State, ctx: Context, params: Params) -> Params:
    return holders.list_attached(state, ctx, GROUP, params)
