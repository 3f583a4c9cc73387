"""Reserved concurrency: what a function has for itself, and at most (facts/lambda-api.md §5, lambda-limits.md §2).

Rule: the engine hears of a change once it is committed; from then on it holds, for environments that run already, too.
"""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.lambda_ import names
from samovar.services.lambda_.function import Function
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.state import State

_UNRESERVED_MINIMUM = 100


async def put_function_concurrency(state: State, ctx: Context, params: Params) -> Params:
    name = _function_only(ctx, params["FunctionName"])
    reserved: int = params["ReservedConcurrentExecutions"]
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.functions.get((ctx.account, ctx.region, name))
        if function is None:
            raise names.not_found(ctx, name, LATEST)  # recorded with the qualifier (facts/lambda-api.md §5)
        limit = state.engine.concurrency
        provisioned = sum(each.units for _, each in state.provisions.items(function.key))
        if reserved < provisioned:
            raise AwsError(
                "InvalidParameterValueException",
                f" ReservedConcurrentExecutions  {reserved} should not be lower than function's total provisioned "
                f"concurrency [{provisioned}].",
                Type=None,
            )
        present = provisioned if function.reserved is None else function.reserved
        # An account whose limit is below the minimum keeps all of it.
        if state.unreserved(ctx) + present - reserved < min(_UNRESERVED_MINIMUM, limit):
            raise AwsError(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{min(_UNRESERVED_MINIMUM, limit)}].",
                Type=None,
            )
        await _reserve(state, function, reserved)
    return {"ReservedConcurrentExecutions": reserved}


async def get_function_concurrency(state: State, ctx: Context, params: Params) -> Params:
    function = state.find(ctx, _function_only(ctx, params["FunctionName"]))
    return {} if function.reserved is None else {"ReservedConcurrentExecutions": function.reserved}


async def delete_function_concurrency(state: State, ctx: Context, params: Params) -> Params:
    name = _function_only(ctx, params["FunctionName"])
    async with state.lock((ctx.account, ctx.region, name)):
        await _reserve(state, state.find(ctx, name), None)
    return {}


async def _reserve(state: State, function: Function, reserved: int | None) -> None:
    await state.touch(msgspec.structs.replace(function, reserved=reserved))
    state.engine.set_reserved(function.arn, reserved)


def _function_only(ctx: Context, text: str) -> str:
    target = names.locate(ctx, text)
    if target.qualifier:
        raise invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
    return target.name
