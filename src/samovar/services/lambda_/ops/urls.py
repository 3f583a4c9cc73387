"""Create, get, update, delete and list function URLs (facts/lambda-api.md §5, §9)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.lambda_ import pages, qualified, urls
from samovar.services.lambda_.qualified import Named
from samovar.services.lambda_.urls import Url, Urls


async def create_function_url_config(state: Urls, ctx: Context, params: Params) -> Params:
    target = qualified.named(ctx, params)
    existing = state.get(target)
    if existing:
        raise AwsError(
            "ResourceConflictException",
            f"Failed to create function url config for [functionArn = {existing.function_arn}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function",
        )
    _check_function(state, target)
    now = state.functions.clock.now()
    mode = params.get("InvokeMode", "")
    url = Url(hex_id(32), target.qualified, params["AuthType"], urls.cors(params), mode, now, now)
    await state.keep(url)
    return {member: value for member, value in _shown(url, ctx, params).items() if member != "LastModifiedTime"}


async def get_function_url_config(state: Urls, ctx: Context, params: Params) -> Params:
    return urls.describe(_existing(state, qualified.named(ctx, params)), ctx.endpoint)


async def update_function_url_config(state: Urls, ctx: Context, params: Params) -> Params:
    target = qualified.named(ctx, params)
    _check_function(state, target)
    url = _existing(state, target)
    changed = msgspec.structs.replace(
        url,
        auth_type=params.get("AuthType", url.auth_type),
        cors=urls.cors(params) if "Cors" in params else url.cors,
        invoke_mode=params.get("InvokeMode", url.invoke_mode),
        modified_at=state.functions.clock.now(),
    )
    await state.keep(changed)
    return _shown(changed, ctx, params)


async def delete_function_url_config(state: Urls, ctx: Context, params: Params) -> Params:
    await state.remove(_existing(state, qualified.named(ctx, params)))
    return {}


async def list_function_url_configs(state: Urls, ctx: Context, params: Params) -> Params:
    target = qualified.named(ctx, params)
    if state.functions.functions.get(target.key) is None:
        raise _no_function()
    page, more = pages.cut(((key[3], url) for key, url in state.table.items(target.key)), params)
    return {"FunctionUrlConfigs": [urls.describe(url, ctx.endpoint) for url in page], **more}


def _check_function(state: Urls, target: Named) -> None:
    if not qualified.exists(state.functions, target):
        raise _no_function()


def _existing(state: Urls, target: Named) -> Url:
    url = state.get(target)
    if url is None:
        raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.")
    return url


def _no_function() -> AwsError:
    return AwsError("ResourceNotFoundException", "Function does not exist")


def _shown(url: Url, ctx: Context, params: Params) -> Params:
    """Create and update answer InvokeMode only to those who gave it (facts/lambda-api.md §9)."""
    shown = urls.describe(url, ctx.endpoint)
    if "InvokeMode" not in params:
        del shown["InvokeMode"]
    return shown
