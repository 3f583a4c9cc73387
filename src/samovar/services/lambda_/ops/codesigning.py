"""Code signing configurations and the functions that have one (facts/lambda-api.md §5, §10)."""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.lambda_ import codesigning, configure, names, pages
from samovar.services.lambda_.codesigning import CodeSigning, Config
from samovar.services.lambda_.function import Key

PAGE_LIMIT = 10_000


async def create_code_signing_config(state: CodeSigning, ctx: Context, params: Params) -> Params:
    configure.tags(params)
    config = codesigning.new(ctx.account, ctx.region, params, state.functions.clock.now())
    await state.configs.put(config.key, config)
    return {"CodeSigningConfig": codesigning.describe(config)}


async def get_code_signing_config(state: CodeSigning, ctx: Context, params: Params) -> Params:
    return {"CodeSigningConfig": codesigning.describe(_config(state, ctx, params))}


async def update_code_signing_config(state: CodeSigning, ctx: Context, params: Params) -> Params:
    config = codesigning.changed(_config(state, ctx, params), params, state.functions.clock.now())
    await state.configs.put(config.key, config)
    return {"CodeSigningConfig": codesigning.describe(config)}


async def delete_code_signing_config(state: CodeSigning, ctx: Context, params: Params) -> Params:
    config = _config(state, ctx, params)
    if state.functions_with(config):
        message = "The code signing configuration is used by functions; remove it from them first."
        raise AwsError("ResourceConflictException", message)
    await state.configs.delete(config.key)
    return {}


async def list_code_signing_configs(state: CodeSigning, ctx: Context, params: Params) -> Params:
    found = state.configs.items((ctx.account, ctx.region))
    page, more = pages.cut(((key[2], config) for key, config in found), params, PAGE_LIMIT)
    return {"CodeSigningConfigs": [codesigning.describe(config) for config in page], **more}


async def list_functions_by_code_signing_config(state: CodeSigning, ctx: Context, params: Params) -> Params:
    found = state.functions_with(_config(state, ctx, params))
    page, more = pages.cut(((key[2], key) for key in found), params, PAGE_LIMIT)
    return {"FunctionArns": [names.function_arn(ctx, key[2]) for key in page], **more}


async def put_function_code_signing_config(state: CodeSigning, ctx: Context, params: Params) -> Params:
    """No signature is ever found: Enforce lets no code pass, Warn all of it."""
    config = state.find(ctx.account, ctx.region, params["CodeSigningConfigArn"])
    if config is None:
        raise codesigning.not_found(params["CodeSigningConfigArn"])
    function = _function(state, ctx, params)
    await state.attach(function, config.arn)
    return {"CodeSigningConfigArn": config.arn, "FunctionName": function[2]}


async def get_function_code_signing_config(state: CodeSigning, ctx: Context, params: Params) -> Params:
    function = _function(state, ctx, params)
    config_arn = state.of(function)
    return {"CodeSigningConfigArn": config_arn, "FunctionName": function[2]} if config_arn else {}


async def delete_function_code_signing_config(state: CodeSigning, ctx: Context, params: Params) -> Params:
    await state.detach(_function(state, ctx, params))
    return {}


def _config(state: CodeSigning, ctx: Context, params: Params) -> Config:
    config = state.find(ctx.account, ctx.region, params["CodeSigningConfigArn"])
    if config is None:
        message = "The Lambda code signing configuration ARN can not be found."
        raise AwsError("ResourceNotFoundException", message, Type=None)
    return config


def _function(state: CodeSigning, ctx: Context, params: Params) -> Key:
    """A configuration is the function's, whatever qualifier stands in the name."""
    return state.functions.find(ctx, names.locate(ctx, params["FunctionName"]).name).key
