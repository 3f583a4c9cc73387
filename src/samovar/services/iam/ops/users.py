"""Users and groups."""

from msgspec.structs import replace

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.iam import holders, names, pages
from samovar.services.iam.state import GROUP, USER, Holder, Login, State, no_such

GROUPS_LIMIT = 10


async def create_user(state: State, ctx: Context, params: Params) -> Params:
    user = Holder(
        account=ctx.account,
        kind=USER,
        name=params["UserName"],
        path=params.get("Path", "/"),
        id=names.unique_id("AIDA"),
        created=state.clock.now(),
        tags=names.tags(params.get("Tags")),
        boundary=holders.boundary(state, params.get("PermissionsBoundary", "")),
    )
    await holders.create(state, user, "User")
    return {"User": holders.shown(user)}


async def get_user(state: State, ctx: Context, params: Params) -> Params:
    """Without a name: the caller."""
    name = params.get("UserName") or _own_name(ctx)
    if name:
        return {"User": holders.shown(state.find(ctx, USER, name))}
    if ctx.principal.endswith(":root"):
        return {"User": {"Path": "/", "UserName": "", "UserId": ctx.account, "Arn": ctx.principal, "CreateDate": 0.0}}
    raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")


async def list_users(state: State, ctx: Context, params: Params) -> Params:
    found = holders.under(state.all(ctx.account, USER), params)
    return pages.page(found, params, pages.name, _listed, "Users")


async def update_user(state: State, ctx: Context, params: Params) -> Params:
    user = state.find(ctx, USER, params["UserName"])
    changed = replace(user, name=params.get("NewUserName", user.name), path=params.get("NewPath", user.path))
    if changed.key != user.key and state.holders.get(changed.key):
        raise AwsError("EntityAlreadyExists", f"User with name {changed.name} already exists.")
    keys = [replace(key, user=changed.name) for key in state.keys_of(ctx.account, user.name)]
    login = state.logins.get((ctx.account, user.name))
    await state.commit(
        state.holders.deleting(user.key),
        state.holders.putting(changed.key, changed),
        *(state.keys.putting((key.id,), key) for key in keys),
        state.logins.deleting((ctx.account, user.name)),
        *([state.logins.putting((ctx.account, changed.name), login)] if login else []),
    )
    return {}


async def delete_user(state: State, ctx: Context, params: Params) -> Params:
    user = state.find(ctx, USER, params["UserName"])
    if state.keys_of(ctx.account, user.name):
        raise AwsError("DeleteConflict", "Cannot delete entity, must delete access keys first.")
    if state.logins.get((ctx.account, user.name)):
        raise AwsError("DeleteConflict", "Cannot delete entity, must delete login profile first.")
    if user.groups:
        raise AwsError("DeleteConflict", "Cannot delete entity, must remove users from group first.")
    holders.check_empty(user)
    await state.commit(state.holders.deleting(user.key))
    return {}


async def put_user_permissions_boundary(state: State, ctx: Context, params: Params) -> Params:
    user = state.find(ctx, USER, params["UserName"])
    await state.put(replace(user, boundary=holders.boundary(state, params["PermissionsBoundary"])))
    return {}


async def delete_user_permissions_boundary(state: State, ctx: Context, params: Params) -> Params:
    await state.put(replace(state.find(ctx, USER, params["UserName"]), boundary=""))
    return {}


async def create_login_profile(state: State, ctx: Context, params: Params) -> Params:
    """There is no console to sign in to: the password isn't kept."""
    name = params.get("UserName") or _own_name(ctx)
    state.find(ctx, USER, name)
    if state.logins.get((ctx.account, name)):
        raise AwsError("EntityAlreadyExists", f"Login Profile for user {name} already exists.")
    login = Login(created=state.clock.now(), must_change=bool(params.get("PasswordResetRequired")))
    await state.commit(state.logins.putting((ctx.account, name), login))
    return {"LoginProfile": _login(name, login)}


async def get_login_profile(state: State, ctx: Context, params: Params) -> Params:
    name = params.get("UserName") or _own_name(ctx)
    return {"LoginProfile": _login(name, _find_login(state, ctx, name))}


async def update_login_profile(state: State, ctx: Context, params: Params) -> Params:
    name = params["UserName"]
    login = _find_login(state, ctx, name)
    changed = replace(login, must_change=params.get("PasswordResetRequired", login.must_change))
    await state.commit(state.logins.putting((ctx.account, name), changed))
    return {}


async def delete_login_profile(state: State, ctx: Context, params: Params) -> Params:
    name = params.get("UserName") or _own_name(ctx)
    _find_login(state, ctx, name)
    await state.commit(state.logins.deleting((ctx.account, name)))
    return {}


async def create_group(state: State, ctx: Context, params: Params) -> Params:
    group = Holder(
        account=ctx.account,
        kind=GROUP,
        name=params["GroupName"],
        path=params.get("Path", "/"),
        id=names.unique_id("AGPA"),
        created=state.clock.now(),
    )
    await holders.create(state, group, "Group")
    return {"Group": holders.shown(group)}


async def get_group(state: State, ctx: Context, params: Params) -> Params:
    group = state.find(ctx, GROUP, params["GroupName"])
    return {"Group": holders.shown(group), **pages.page(_users(state, group), params, pages.name, _listed, "Users")}


async def list_groups(state: State, ctx: Context, params: Params) -> Params:
    found = holders.under(state.all(ctx.account, GROUP), params)
    return pages.page(found, params, pages.name, holders.shown, "Groups")


async def list_groups_for_user(state: State, ctx: Context, params: Params) -> Params:
    user = state.find(ctx, USER, params["UserName"])
    groups = [group for name in user.groups if (group := state.holder(ctx.account, GROUP, name))]
    return pages.page(groups, params, pages.name, holders.shown, "Groups")


async def update_group(state: State, ctx: Context, params: Params) -> Params:
    group = state.find(ctx, GROUP, params["GroupName"])
    changed = replace(group, name=params.get("NewGroupName", group.name), path=params.get("NewPath", group.path))
    if changed.key != group.key and state.holders.get(changed.key):
        raise AwsError("EntityAlreadyExists", f"Group with name {changed.name} already exists.")
    renamed = {group.name: changed.name}
    users = [
        replace(user, groups=tuple(renamed.get(name, name) for name in user.groups)) for user in _users(state, group)
    ]
    await state.commit(
        state.holders.deleting(group.key),
        state.holders.putting(changed.key, changed),
        *(state.holders.putting(user.key, user) for user in users),
    )
    return {}


async def delete_group(state: State, ctx: Context, params: Params) -> Params:
    group = state.find(ctx, GROUP, params["GroupName"])
    if _users(state, group):
        raise AwsError("DeleteConflict", "Cannot delete entity, must remove users from group first.")
    holders.check_empty(group)
    await state.commit(state.holders.deleting(group.key))
    return {}


async def add_user_to_group(state: State, ctx: Context, params: Params) -> Params:
    group = state.find(ctx, GROUP, params["GroupName"])
    user = state.find(ctx, USER, params["UserName"])
    if group.name not in user.groups:
        if len(user.groups) >= GROUPS_LIMIT:
            raise AwsError("LimitExceeded", f"Cannot exceed quota for GroupsPerUser: {GROUPS_LIMIT}")
        await state.put(replace(user, groups=(*user.groups, group.name)))
    return {}


async def remove_user_from_group(state: State, ctx: Context, params: Params) -> Params:
    group = state.find(ctx, GROUP, params["GroupName"])
    user = state.find(ctx, USER, params["UserName"])
    if group.name not in user.groups:
        raise AwsError("NoSuchEntity", no_such(USER, user.name))
    await state.put(replace(user, groups=tuple(name for name in user.groups if name != group.name)))
    return {}


def _users(state: State, group: Holder) -> list[Holder]:
    return [user for user in state.all(group.account, USER) if group.name in user.groups]


def _listed(user: Holder) -> Params:
    return {name: value for name, value in holders.shown(user).items() if name not in ("Tags", "PermissionsBoundary")}


def _own_name(ctx: Context) -> str:
    return ctx.principal.rpartition("/")[2] if ":user/" in ctx.principal else ""


def _find_login(state: State, ctx: Context, name: str) -> Login:
    login = state.logins.get((ctx.account, name))
    if login is None:
        raise AwsError("NoSuchEntity", f"Login Profile for User {name} cannot be found.")
    return login


def _login(name: str, login: Login) -> Params:
    return {"UserName": name, "CreateDate": login.created, "PasswordResetRequired": login.must_change}
