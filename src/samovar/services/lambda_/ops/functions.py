"""Create, get, update, delete and list functions.

Rule: whoever changes a function holds its lock from reading it until the change is committed.
"""

from collections.abc import Iterable, Iterator

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.engine.languages.image import IDENTIFIER
from samovar.services.lambda_ import configure, fetch, hotreload, names, pages, storage, surroundings
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.alias import Alias
from samovar.services.lambda_.code import code_of
from samovar.services.lambda_.function import Code, Configuration, Deployed, Function, Published
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.runtimes import Change
from samovar.services.lambda_.selfmanaged import S3Object, shown
from samovar.services.lambda_.state import State
from samovar.services.lambda_.view import describe
from samovar.store import sqlite as store


async def create_function(state: State, ctx: Context, params: Params) -> Params:
    """Of a zip package, in the request or in S3, or of a container image in ECR."""
    name = names.new_name(ctx, params["FunctionName"])
    key = (ctx.account, ctx.region, name)
    configuration = await _layered(state, ctx, configure.new(name, params), params)
    tags = configure.tags(params)
    _check_runtime(state, configuration.runtime, Change.CREATE, chosen=True)
    _check_role(state, configuration.role)
    await surroundings.check(ctx, params)
    _check_dead_letters(state, configuration)
    async with state.lock(key):
        if state.functions.get(key):
            raise AwsError("ResourceConflictException", f"Function already exist: {name}")
        also = state.check_deployment(key, params)
        architecture = _architecture(state, params, state.architecture)
        code = await _code(state, ctx, configuration, name, params["Code"], architecture, "creating")
        await state.code.stack(code, configuration.layers)
        function = functions.created(key, configuration, code, tags, state.clock.now(), uuid4())
        # Of a version, too, recorded with an unqualified ARN (facts/lambda-api.md §4.2).
        return describe(await _commit(state, function, params, also))


async def get_function(state: State, ctx: Context, params: Params) -> Params:
    function, deployed, qualifier = _qualified(state, ctx, params)
    answer: Params = {"Configuration": describe(deployed, qualifier), "Code": await _where(state, ctx, deployed)}
    if function.tags:
        answer["Tags"] = function.tags
    if function.reserved is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return answer


async def get_function_configuration(state: State, ctx: Context, params: Params) -> Params:
    _, deployed, qualifier = _qualified(state, ctx, params)
    return describe(deployed, qualifier)


async def update_function_code(state: State, ctx: Context, params: Params) -> Params:
    configure.refuse_absent_features(params)
    name = names.unqualified(ctx, params["FunctionName"])
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.changeable(ctx, name, params.get("RevisionId"))
        _check_runtime(state, function.configuration.runtime, Change.UPDATE, chosen=False)
        state.check_deployment(function.key, params)
        architecture = _architecture(state, params, function.code.architecture)
        code = await _code(state, ctx, function.configuration, name, params, architecture, "updating")
        await state.code.stack(code, function.configuration.layers)
        if params.get("DryRun"):
            return describe(msgspec.structs.replace(function, code=code))
        changed = functions.updating(function, uuid4(), state.clock.now(), code=code)
        done = await _commit(state, changed, params, before=function)
        state.code.release(function)
    return describe(done, done.version if params.get("Publish") else "")


async def update_function_configuration(state: State, ctx: Context, params: Params) -> Params:
    name = names.unqualified(ctx, params["FunctionName"])
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.changeable(ctx, name, params.get("RevisionId"))
        if function.state is functions.State.INACTIVE and function.code.source is not None:
            await state.code.bucket.check(function.code.source)
        await surroundings.check(ctx, params)
        configuration = await _layered(state, ctx, configure.merged(function.configuration, params), params)
        if "DeadLetterConfig" in params:
            _check_dead_letters(state, configuration)
        _check_runtime(state, configuration.runtime, Change.UPDATE, chosen="Runtime" in params)
        if "Role" in params:
            _check_role(state, configuration.role)
        await state.code.stack(function.code, configuration.layers)
        changed = functions.updating(function, uuid4(), state.clock.now(), configuration=configuration)
        await state.change(changed, before=function)
        state.code.release(function)
    return describe(changed)


async def delete_function(state: State, ctx: Context, params: Params) -> Params:
    target = names.locate(ctx, params["FunctionName"], params.get("Qualifier", ""))
    if target.qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    if target.qualifier and not target.qualifier.isdecimal():
        raise invalid("Deletion of aliases is not currently supported.")
    async with state.lock((ctx.account, ctx.region, target.name)):
        function = state.find(ctx, target.name)
        if target.qualifier:
            await _delete_version(state, function, target.qualifier)
        else:
            await state.remove(function)
    return {"StatusCode": 204}


async def list_functions(state: State, ctx: Context, params: Params) -> Params:
    if params.get("MasterRegion", "ALL") != "ALL":
        return {"Functions": []}  # only Lambda@Edge replicas have a master
    start = pages.start(params)
    if params.get("FunctionVersion") == "ALL":
        versions, more = pages.cut(_with_versions(state, ctx, start), params)
        return {"Functions": [state.listing.item(each, each.version) for each in versions], **more}
    page, more = pages.cut(((function.name, function) for function in _from(state, ctx, start)), params)
    return {"Functions": [state.listing.item(function) for function in page], **more}


def _from(state: State, ctx: Context, name: str) -> Iterator[Function]:
    """The caller's functions from `name` on, by name."""
    account = (ctx.account, ctx.region)
    return (function for _, function in state.functions.scan(account, (*account, name)))


def _with_versions(state: State, ctx: Context, start: str) -> Iterator[tuple[str, Deployed]]:
    """Functions, each followed by its versions, with the keys of their pages."""
    for function in _from(state, ctx, start.partition("\0")[0]):
        for each in (function, *state.versions_of(function.key)):
            yield f"{each.name}\0{functions.order(each.version)}", each


async def _commit(
    state: State,
    function: Function,
    params: Params,
    also: Iterable[store.Change] = (),
    before: Function | None = None,
) -> Function | Published:
    """Commit a function with new code, and a version of it if the request says so: that is what the answer shows."""
    if not params.get("Publish"):
        await state.change(function, also=also, before=before)
        return function
    version = state.published_last(function)
    if version:
        await state.change(function, also=also, before=before)
        return version
    function, version = functions.published(function, None, function.revision, uuid4())
    await state.change(function, version, also=also, before=before)
    return version


async def _delete_version(state: State, function: Function, number: str) -> None:
    version = state.published(function.key, number)
    if version is None:
        return  # deleting a version that isn't there succeeds
    users = [alias.name for alias in state.aliases_of(function.key) if alias.uses(number)]
    if users:
        raise AwsError(
            "ResourceConflictException",
            f"Unable to delete version because the following aliases reference it: [{', '.join(users)}]",
        )
    await state.remove_version(version)


def _qualified(state: State, ctx: Context, params: Params) -> tuple[Function, Deployed, str]:
    """The function asked for, what is behind the qualifier, and the qualifier as given."""
    target = names.locate(ctx, params["FunctionName"], params.get("Qualifier", ""))
    function, found = state.resolve(ctx, target.name, target.qualifier)
    deployed = state.deployed(function, found.version) if isinstance(found, Alias) else found
    return function, deployed, target.qualifier


async def _layered(state: State, ctx: Context, configuration: Configuration, params: Params) -> Configuration:
    """The configuration with the layers that a request names, all of them; with its own when that names none."""
    if "Layers" not in params:
        return configuration
    layers = state.layers.resolve(ctx, params["Layers"])
    for layer in layers:
        if layer.source is not None:
            await state.code.bucket.check(layer.source)
    return msgspec.structs.replace(configuration, layers=layers)


def _check_role(state: State, role: str) -> None:
    """Where permissions count, a role must exist and trust Lambda (facts/iam.md §0.11)."""
    if state.authority is not None and not state.authority.trusts(role, "lambda.amazonaws.com"):
        raise invalid("The role defined for the function cannot be assumed by Lambda.")


def _check_dead_letters(state: State, configuration: Configuration) -> None:
    """Where permissions count, the role must be allowed to send them (facts/lambda-api.md §5)."""
    target = configuration.dead_letter
    if not target or state.authority is None:
        return
    action, title = ("sqs:SendMessage", "SQS") if ":sqs:" in target else ("sns:Publish", "SNS")
    if not state.authority.permits(configuration.role, action, target):
        name = action.partition(":")[2]
        raise invalid(f"The provided execution role does not have permissions to call {name} on {title}")


def _check_runtime(state: State, runtime: str, change: Change, chosen: bool) -> None:
    """Refuse a runtime past its date, and, where the caller chose it, one that this machine can't run."""
    if runtime != IDENTIFIER:
        state.runtimes.check(runtime, change, state.clock.now())
    problem = state.engine.runtime_available(runtime) if chosen else None
    if problem:
        raise invalid(problem)


def _architecture(state: State, params: Params, default: str) -> str:
    asked: str = (params.get("Architectures") or [default])[0]
    if asked != state.architecture:
        raise invalid(f"Architectures=[{asked}]: this machine runs {state.architecture} functions only.")
    return asked


async def _code(
    state: State, ctx: Context, configuration: Configuration, name: str, source: Params, architecture: str, doing: str
) -> Code:
    """What a request deploys; `source`: `Code` of CreateFunction, or UpdateFunctionCode's own members."""
    if not configuration.from_image:
        return await _keep(state, ctx, name, source, architecture, doing)
    if not source.get("ImageUri"):
        raise invalid(f"Please provide ImageUri when {doing} a function with packageType Image.")
    if any(member in source for member in ("ZipFile", "S3Bucket", "S3Key")):
        raise invalid("Please do not provide other FunctionCode parameters when providing an ImageUri.")
    return await state.code.image_store().find(ctx, source["ImageUri"], architecture)


async def _keep(state: State, ctx: Context, name: str, source: Params, architecture: str, doing: str) -> Code:
    """Store a request's zip."""
    if source.get("ImageUri"):
        raise invalid(f"Please don't provide ImageUri when {doing} a function with packageType Zip.")
    if hotreload.wanted(source):
        return code_of(hotreload.folder(source, state.code.hot_reload), "", architecture)
    owner = arn.make("lambda", ctx.region, ctx.account, f"function:{name}")
    upload = await fetch.archive(ctx, source, owner, state.code.bucket)
    storage.check(state, ctx, upload.stored)
    kept = await state.code.keep(upload)
    return code_of(kept, source.get("SourceKMSKeyArn", ""), architecture, upload.source)


async def _where(state: State, ctx: Context, deployed: Deployed) -> Params:
    """GetFunction's Code."""
    image = deployed.code.image
    if image is not None:
        return {"RepositoryType": "ECR", "ImageUri": image.uri, "ResolvedImageUri": image.resolved_uri}
    code: Params = {"RepositoryType": "S3", "Location": state.code.link(ctx.endpoint, deployed)}
    if deployed.code.source is not None:
        code |= await _in_bucket(state, deployed.code.source)
    if deployed.code.source_kms_key_arn:
        code["SourceKMSKeyArn"] = deployed.code.source_kms_key_arn
    return code


async def _in_bucket(state: State, object: S3Object) -> Params:
    """What GetFunction says of code that stays in a bucket; where it can't be read any more, why."""
    said: Params = {"ResolvedS3Object": shown(object)}
    problem = await state.code.bucket.problem(object)
    if problem is not None:
        said["Error"] = {"ErrorCode": problem.code, "Message": problem.message}
    return said
