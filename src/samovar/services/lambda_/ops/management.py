"""Recursion and runtime management: settings beside a function's configuration (facts/lambda-api.md §10).

A runtime here is the machine's interpreter, so there is one version of it: what is chosen is kept and shown.
"""

import msgspec

from samovar.core.context import Context, Params
from samovar.services.lambda_ import names
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.state import RuntimeUpdates, State


async def put_function_recursion_config(state: State, ctx: Context, params: Params) -> Params:
    """With Terminate, the 17th run of a function in one chain of requests is refused."""
    name = names.locate(ctx, params["FunctionName"]).name
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.find(ctx, name)
        await state.touch(msgspec.structs.replace(function, recursive_loop=params["RecursiveLoop"]))
    return {"RecursiveLoop": params["RecursiveLoop"]}


async def get_function_recursion_config(state: State, ctx: Context, params: Params) -> Params:
    return {"RecursiveLoop": state.find(ctx, names.locate(ctx, params["FunctionName"]).name).recursive_loop}


async def put_runtime_management_config(state: State, ctx: Context, params: Params) -> Params:
    """Kept and shown; there is one version of each runtime, the machine's."""
    target = names.locate(ctx, params["FunctionName"], params.get("Qualifier", ""))
    when, version = params["UpdateRuntimeOn"], params.get("RuntimeVersionArn", "")
    if when == "Manual" and not version:
        raise invalid("RuntimeVersionArn is required when UpdateRuntimeOn is Manual.")
    if when != "Manual" and version:
        raise invalid("RuntimeVersionArn can only be specified when UpdateRuntimeOn is Manual.")
    async with state.lock((ctx.account, ctx.region, target.name)):
        function, _ = state.resolve(ctx, target.name, target.qualifier)
        chosen = RuntimeUpdates(when, version)
        await state.runtime_updates.put((*function.key, target.qualifier or names.LATEST), chosen)
    return _describe(ctx, target, chosen)


async def get_runtime_management_config(state: State, ctx: Context, params: Params) -> Params:
    target = names.locate(ctx, params["FunctionName"], params.get("Qualifier", ""))
    function, _ = state.resolve(ctx, target.name, target.qualifier)
    chosen = state.runtime_updates.get((*function.key, target.qualifier or names.LATEST))
    return _describe(ctx, target, chosen or RuntimeUpdates("Auto", ""))


def _describe(ctx: Context, target: names.Target, chosen: RuntimeUpdates) -> Params:
    shown = {
        "UpdateRuntimeOn": chosen.when,
        "FunctionArn": names.function_arn(ctx, target.name, target.qualifier or names.LATEST),
    }
    if chosen.version_arn:
        shown["RuntimeVersionArn"] = chosen.version_arn
    return shown
