"""Create, get, update, delete and list functions.

Rules: whoever changes a function holds its lock from reading it until the change is committed; there is one version,
`$LATEST`, so that every other qualifier is simply not found.
"""

import base64
import binascii
from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import configure, names
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.function import Code, Function, describe
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.runtimes import TABLE, Change
from samovar.services.lambda_.state import State, wrong_state

PAGE_LIMIT = 50
"""Whatever MaxItems asks for (facts/lambda-api.md §1)."""

_S3_MEMBERS = ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode")


async def create_function(state: State, ctx: Context, params: Params) -> Params:
    name = names.new_name(ctx, params["FunctionName"])
    key = (ctx.account, ctx.region, name)
    if params.get("PackageType") == "Image":
        raise configure.not_implemented("PackageType=Image")
    configuration = configure.new(name, params)
    tags = configure.tags(params)
    _check_runtime(state, configuration.runtime, Change.CREATE, chosen=True)
    async with state.lock(key):
        if state.table.get(key):
            raise AwsError("ResourceConflictException", f"Function already exist: {name}")
        code = await _keep(state, params["Code"], _architecture(state, params, state.architecture), "creating")
        function = functions.created(key, configuration, code, tags, state.clock.now(), uuid4())
        await state.change(function)
    return describe(function)


async def get_function(state: State, ctx: Context, params: Params) -> Params:
    function, qualifier = _qualified(state, ctx, params)
    code = {"RepositoryType": "S3", "Location": state.code.link(ctx.endpoint, function)}
    if function.code.source_kms_key_arn:
        code["SourceKMSKeyArn"] = function.code.source_kms_key_arn
    answer: Params = {"Configuration": describe(function, qualifier), "Code": code}
    if function.tags:
        answer["Tags"] = function.tags
    return answer


async def get_function_configuration(state: State, ctx: Context, params: Params) -> Params:
    return describe(*_qualified(state, ctx, params))


async def update_function_code(state: State, ctx: Context, params: Params) -> Params:
    configure.refuse_absent_features(params)
    name = _unqualified(ctx, params)
    async with state.lock((ctx.account, ctx.region, name)):
        function = _changeable(state, ctx, name, params)
        _check_runtime(state, function.configuration.runtime, Change.UPDATE, chosen=False)
        code = await _keep(state, params, _architecture(state, params, function.code.architecture), "updating")
        if params.get("DryRun"):
            return describe(msgspec.structs.replace(function, code=code))
        changed = functions.updating(function, uuid4(), state.clock.now(), code=code)
        await state.change(changed)
        state.code.release(function.code)
    return describe(changed)


async def update_function_configuration(state: State, ctx: Context, params: Params) -> Params:
    name = _unqualified(ctx, params)
    async with state.lock((ctx.account, ctx.region, name)):
        function = _changeable(state, ctx, name, params)
        configuration = configure.merged(function.configuration, params)
        _check_runtime(state, configuration.runtime, Change.UPDATE, chosen="Runtime" in params)
        changed = functions.updating(function, uuid4(), state.clock.now(), configuration=configuration)
        await state.change(changed)
    return describe(changed)


async def delete_function(state: State, ctx: Context, params: Params) -> Params:
    target = names.locate(ctx, params["FunctionName"], params.get("Qualifier", ""))
    if target.qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    if target.qualifier and not target.qualifier.isdecimal():
        raise invalid("Deletion of aliases is not currently supported.")
    async with state.lock((ctx.account, ctx.region, target.name)):
        function = state.find(ctx, target.name)
        if not target.qualifier:  # deleting a version that isn't there succeeds, and none is
            await state.remove(function)
    return {"StatusCode": 204}


async def list_functions(state: State, ctx: Context, params: Params) -> Params:
    if params.get("MasterRegion", "ALL") != "ALL":
        return {"Functions": []}  # only Lambda@Edge replicas have a master
    qualifier = LATEST if params.get("FunctionVersion") == "ALL" else ""
    after = _read_marker(params["Marker"]) if params.get("Marker") else ""
    found = [function for (_, _, name), function in state.table.items((ctx.account, ctx.region)) if name > after]
    page = found[: min(params.get("MaxItems") or PAGE_LIMIT, PAGE_LIMIT)]
    answer: Params = {"Functions": [functions.describe_item(function, qualifier) for function in page]}
    if len(page) < len(found):
        answer["NextMarker"] = base64.urlsafe_b64encode(page[-1].name.encode()).decode()
    return answer


def _qualified(state: State, ctx: Context, params: Params) -> tuple[Function, str]:
    """The function asked for and the qualifier as given."""
    target = names.locate(ctx, params["FunctionName"], params.get("Qualifier", ""))
    function = state.table.get((ctx.account, ctx.region, target.name))
    if function is None or target.qualifier not in ("", LATEST):
        raise names.not_found(ctx, target.name, target.qualifier)
    return function, target.qualifier


def _unqualified(ctx: Context, params: Params) -> str:
    """The name of the function to update: only `$LATEST` changes."""
    target = names.locate(ctx, params["FunctionName"])
    if target.qualifier not in ("", LATEST):
        raise names.not_found(ctx, target.name, target.qualifier)
    return target.name


def _changeable(state: State, ctx: Context, name: str, params: Params) -> Function:
    """The function, if it may be updated now and the caller knows its present revision."""
    function = state.find(ctx, name)
    if function.state is not functions.State.ACTIVE:
        raise wrong_state(function)
    if function.update is functions.Update.IN_PROGRESS:
        raise AwsError(
            "ResourceConflictException",
            f"The operation cannot be performed at this time. An update is in progress for resource: {function.arn}",
        )
    if params.get("RevisionId") and params["RevisionId"] != function.revision:
        raise AwsError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        )
    return function


def _check_runtime(state: State, runtime: str, change: Change, chosen: bool) -> None:
    """Refuse a runtime past its date, and, where the caller chose it, one that this machine can't run."""
    TABLE.check(runtime, change, state.clock.now())
    problem = state.engine.runtime_available(runtime) if chosen else None
    if problem:
        raise invalid(problem)


def _architecture(state: State, params: Params, default: str) -> str:
    asked: str = (params.get("Architectures") or [default])[0]
    if asked != state.architecture:
        raise invalid(f"Architectures=[{asked}]: this machine runs {state.architecture} functions only.")
    return asked


async def _keep(state: State, source: dict[str, Any], architecture: str, doing: str) -> Code:
    """Store the zip that a request carries: in `Code` of CreateFunction, among UpdateFunctionCode's own members."""
    elsewhere = [member for member in _S3_MEMBERS if member in source]
    if source.get("ImageUri"):
        raise invalid(f"Please don't provide ImageUri when {doing} a function with packageType Zip.")
    if "ZipFile" in source and elsewhere:
        raise invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
    if elsewhere:
        raise configure.not_implemented(f"{elsewhere[0]}: code from S3")
    if "ZipFile" not in source:
        raise invalid("Please provide a source for function code.")
    return await state.code.keep(source["ZipFile"], source.get("SourceKMSKeyArn", ""), architecture)


def _read_marker(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("The marker provided is not valid.") from None
