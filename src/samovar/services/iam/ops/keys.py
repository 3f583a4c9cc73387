"""Access keys: of users, and of an account's root."""

from msgspec.structs import replace

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.iam import names, pages
from samovar.services.iam.keys import PURPOSE
from samovar.services.iam.state import USER, AccessKey, State

KEYS_LIMIT = 2


async def create_access_key(state: State, ctx: Context, params: Params) -> Params:
    user = _user(state, ctx, params)
    if len(state.keys_of(ctx.account, user)) >= KEYS_LIMIT:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {KEYS_LIMIT}")
    secret = names.secret()
    key = AccessKey(
        id=names.access_key_id("AKIA", ctx.account),
        account=ctx.account,
        user=user,
        sealed=state.vault.close(secret.encode(), PURPOSE),
        created=state.clock.now(),
    )
    await state.commit(state.keys.putting((key.id,), key))
    return {"AccessKey": {**_shown(key), "SecretAccessKey": secret}}


async def list_access_keys(state: State, ctx: Context, params: Params) -> Params:
    keys = state.keys_of(ctx.account, _user(state, ctx, params))
    return pages.page(keys, params, lambda key: key.id, _shown, "AccessKeyMetadata")


async def update_access_key(state: State, ctx: Context, params: Params) -> Params:
    key = _find(state, ctx, params)
    await state.commit(state.keys.putting((key.id,), replace(key, active=params["Status"] == "Active")))
    return {}


async def delete_access_key(state: State, ctx: Context, params: Params) -> Params:
    key = _find(state, ctx, params)
    await state.commit(state.keys.deleting((key.id,)))
    state.used.pop(key.id, None)
    return {}


async def get_access_key_last_used(state: State, ctx: Context, params: Params) -> Params:
    """Since the server started."""
    key = state.keys.get((params["AccessKeyId"],))
    if key is None or key.account != ctx.account:
        raise AwsError("NoSuchEntity", f"The Access Key with id {params['AccessKeyId']} cannot be found")
    when, service, region = state.used.get(key.id, (0.0, "N/A", "N/A"))
    used: Params = {"ServiceName": service, "Region": region}
    if when:
        used["LastUsedDate"] = when
    return {"UserName": key.user, "AccessKeyLastUsed": used}


def _user(state: State, ctx: Context, params: Params) -> str:
    """Whose keys are meant: the user named, or the caller; empty for the account's root."""
    name: str = params.get("UserName", "")
    if not name and ":user/" in ctx.principal:
        name = ctx.principal.rpartition("/")[2]
    if name:
        state.find(ctx, USER, name)
    elif not ctx.principal.endswith(":root"):
        raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")
    return name


def _find(state: State, ctx: Context, params: Params) -> AccessKey:
    key = state.keys.get((params["AccessKeyId"],))
    if key is None or key.account != ctx.account or key.user != _user(state, ctx, params):
        raise AwsError("NoSuchEntity", f"The Access Key with id {params['AccessKeyId']} cannot be found.")
    return key


def _shown(key: AccessKey) -> Params:
    return {
        "UserName": key.user,
        "AccessKeyId": key.id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created,
    }
