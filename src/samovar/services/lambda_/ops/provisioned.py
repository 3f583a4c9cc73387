"""Provisioned concurrency: put, get, list and delete (facts/lambda-api.md §5, §10; lambda-limits.md §2).

Rule: whoever changes it holds its function's lock. The answer to Put comes before anything is ready.
"""


from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.lambda_ import names, pages, snapstart
from samovar.services.lambda_.alias import Alias
from samovar.services.lambda_.function import Function
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.provisioned import Provisions, describe, total
from samovar.services.lambda_.qualified import Named, named
from samovar.services.lambda_.state import Provision

_UNRESERVED_MINIMUM = 100


async def put_provisioned_concurrency_config(state: Provisions, ctx: Context, params: Params) -> Params:
    target = named(ctx, params)
    wanted: int = params["ProvisionedConcurrentExecutions"]
    async with state.functions.lock(target.key):
        function = _target(state, ctx, target)
        provision = Provision(wanted, state.functions.clock.now())
        _check_amount(state, ctx, function, wanted - _present(state, target), wanted)
        await state.functions.provisions.put(target.qualified, provision)
        state.ask(target.qualified, provision, anew=True)
    return describe(provision, None)


async def get_provisioned_concurrency_config(state: Provisions, ctx: Context, params: Params) -> Params:
    target = _published(state, ctx, params)
    provision = state.functions.provisions.get(target.qualified)
    if provision is None:
        raise AwsError(
            "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function"
        )
    return describe(provision, state.engine.provisioned(target.arn))


async def delete_provisioned_concurrency_config(state: Provisions, ctx: Context, params: Params) -> Params:
    target = _published(state, ctx, params)
    async with state.functions.lock(target.key):
        if state.functions.provisions.get(target.qualified) is not None:
            await state.functions.provisions.delete(target.qualified)
            state.follow(target.key)
    return {}


async def list_provisioned_concurrency_configs(state: Provisions, ctx: Context, params: Params) -> Params:
    function = state.functions.find(ctx, names.unqualified(ctx, params["FunctionName"]))
    page, more = pages.cut(((key[3], (key, each)) for key, each in state.records(function.key)), params)
    shown = []
    for (*_, qualifier), provision in page:
        arn = f"{function.arn}:{qualifier}"
        shown.append({"FunctionArn": arn} | describe(provision, state.engine.provisioned(arn)))
    return {"ProvisionedConcurrencyConfigs": shown, **more}


def _target(state: Provisions, ctx: Context, target: Named) -> Function:
    """The function whose version or alias may have some."""
    functions = state.functions
    unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    if target.qualifier in ("", LATEST):
        raise invalid(unpublished)
    function, found = functions.resolve(ctx, target.name, target.qualifier, names.no_alias)
    snapstart.check_provisioned(functions.deployed(function, found.version))
    if isinstance(found, Alias):
        if found.version == LATEST:
            raise invalid(unpublished)
        if found.weights:
            raise invalid("Alias with weights can not be used with Provisioned Concurrency")
        if functions.provisions.get((*target.key, found.version)) is not None:
            text = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            raise AwsError("ResourceConflictException", text)
        return function
    for alias in functions.aliases_of(target.key):
        if alias.version == target.qualifier and functions.provisions.get(alias.key) is not None:
            raise AwsError("ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias")
    return function


def _published(state: Provisions, ctx: Context, params: Params) -> Named:
    target = named(ctx, params)
    if target.qualifier in ("", LATEST):
        raise invalid("The function resource provided must be an alias or a published version.")
    state.functions.resolve(ctx, target.name, target.qualifier, names.no_alias)
    return target


def _present(state: Provisions, target: Named) -> int:
    present = state.functions.provisions.get(target.qualified)
    return present.units if present is not None else 0


def _check_amount(state: Provisions, ctx: Context, function: Function, added: int, wanted: int) -> None:
    """Refuse more than the function's reservation, or the account, can give."""
    if function.reserved is not None:
        if total(state.functions, function) + added > function.reserved:
            raise invalid(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for "
                "function"
            )
        return
    unreserved = state.functions.unreserved(ctx)
    if added > unreserved:
        raise _refused(f"is greater than account's unreserved concurrency [{unreserved + wanted - added}].")
    minimum = min(_UNRESERVED_MINIMUM, state.engine.concurrency)
    if added > 0 and unreserved - added < minimum:
        raise _refused(
            f"decreases account's UnreservedConcurrentExecution below its minimum value of [{_UNRESERVED_MINIMUM}]."
        )


def _refused(how: str) -> AwsError:
    text = f"Specified ConcurrentExecutions for function {how}"
    return AwsError("InvalidParameterValueException", text, Type=None)
