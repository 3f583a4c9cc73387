"""Publish versions and list them (facts/lambda-api.md §6).

Rule: publishing what hasn't changed since the last version gives that version again.
"""

from samovar.core.context import Context, Params
from samovar.core.ids import uuid4
from samovar.services.lambda_ import configure, names, pages, storage
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.function import Function
from samovar.services.lambda_.guards import wrong_state
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.state import State
from samovar.services.lambda_.view import describe


async def publish_version(state: State, ctx: Context, params: Params) -> Params:
    configure.refuse_absent_features(params)
    name = names.unqualified(ctx, params["FunctionName"])
    async with state.lock((ctx.account, ctx.region, name)):
        function = state.changeable(ctx, name, params.get("RevisionId"))
        if function.state is functions.State.INACTIVE:
            raise wrong_state(function)
        _check_code(function, params.get("CodeSha256"))
        version = state.published_last(function)
        if version is None:
            storage.check(state, ctx, function.code.stored)
            function, version = functions.published(function, params.get("Description"), uuid4(), uuid4())
            await state.change(function, version)
    return describe(version, version.version)


async def list_versions_by_function(state: State, ctx: Context, params: Params) -> Params:
    function = state.find(ctx, names.locate(ctx, params["FunctionName"]).name)
    found = [function, *state.versions_of(function.key)]
    keyed = ((functions.order(each.version), each) for each in found)
    page, more = pages.cut(keyed, params)
    return {"Versions": [state.listing.item(each, each.version) for each in page], **more}


def _check_code(function: Function, sha256: str | None) -> None:
    if sha256 and sha256 != function.code.sha256:
        raise invalid(
            f"CodeSHA256 ({sha256}) is different from current CodeSHA256 in {LATEST} ({function.code.sha256}). "
            f"Please try again with the CodeSHA256 in {LATEST}."
        )
