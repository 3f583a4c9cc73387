"""Policies that stand in a role, user or group itself."""

from samovar.core.context import Context, Params
from samovar.services.iam import holders
from samovar.services.iam.state import GROUP, ROLE, USER, State


async def put_role_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.put_inline(state, ctx, ROLE, params)


async def get_role_policy(state: State, ctx: Context, params: Params) -> Params:
    return holders.get_inline(state, ctx, ROLE, params)


async def list_role_policies(state: State, ctx: Context, params: Params) -> Params:
    return holders.list_inline(state, ctx, ROLE, params)


async def delete_role_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.delete_inline(state, ctx, ROLE, params)


async def put_user_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.put_inline(state, ctx, USER, params)


async def get_user_policy(state: State, ctx: Context, params: Params) -> Params:
    return holders.get_inline(state, ctx, USER, params)


async def list_user_policies(state: State, ctx: Context, params: Params) -> Params:
    return holders.list_inline(state, ctx, USER, params)


async def delete_user_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.delete_inline(state, ctx, USER, params)


async def put_group_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.put_inline(state, ctx, GROUP, params)


async def get_group_policy(state: State, ctx: Context, params: Params) -> Params:
    return holders.get_inline(state, ctx, GROUP, params)


async def list_group_policies(state: State, ctx: Context, params: Params) -> Params:
    return holders.list_inline(state, ctx, GROUP, params)


async def delete_group_policy(state: State, ctx: Context, params: Params) -> Params:
    return await holders.delete_inline(state, ctx, GROUP, params)
