"""Provisioned concurrency: refused once everything about the request is right, for environments aren't prepared yet.

Facts: lambda-api.md §5, §10; lambda-limits.md §2.
"""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.lambda_ import configure, names
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.state import State

_UNRESERVED_MINIMUM = 100


async def put_provisioned_concurrency_config(state: State, ctx: Context, params: Params) -> Params:
    """Checked, and then refused: environments are not prepared yet."""
    target = names.locate(ctx, params["FunctionName"], params["Qualifier"])
    if target.qualifier in ("", LATEST):
        raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    function, _ = state.resolve(ctx, target.name, target.qualifier, names.no_alias)
    wanted: int = params["ProvisionedConcurrentExecutions"]
    if function.reserved is not None:
        if wanted > function.reserved:
            raise invalid(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for "
                "function"
            )
    else:
        _check_unreserved(state, ctx, wanted)
    raise configure.not_implemented("Provisioned concurrency")


async def get_provisioned_concurrency_config(state: State, ctx: Context, params: Params) -> Params:
    _check_published(state, ctx, params)
    raise AwsError(
        "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function"
    )


async def delete_provisioned_concurrency_config(state: State, ctx: Context, params: Params) -> Params:
    _check_published(state, ctx, params)
    return {}


async def list_provisioned_concurrency_configs(state: State, ctx: Context, params: Params) -> Params:
    state.find(ctx, names.unqualified(ctx, params["FunctionName"]))
    return {"ProvisionedConcurrencyConfigs": []}


def _check_published(state: State, ctx: Context, params: Params) -> None:
    target = names.locate(ctx, params["FunctionName"], params["Qualifier"])
    if target.qualifier in ("", LATEST):
        raise invalid("The function resource provided must be an alias or a published version.")
    state.resolve(ctx, target.name, target.qualifier, names.no_alias)


def _check_unreserved(state: State, ctx: Context, wanted: int) -> None:
    unreserved = state.unreserved(ctx)
    if wanted > unreserved:
        raise AwsError(
            "InvalidParameterValueException",
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
            f"[{unreserved}].",
            Type=None,
        )
    if unreserved - wanted < _UNRESERVED_MINIMUM:
        raise AwsError(
            "InvalidParameterValueException",
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{_UNRESERVED_MINIMUM}].",
            Type=None,
        )
