"""Publish, get, list and delete layer versions, and say who else may use them.

Rules: another account's layer version that isn't there is refused like one that the caller may not see. A deleted
version's content stays as long as functions use it. Whoever changes a policy doesn't await between reading and putting.
"""

from collections.abc import Iterable, Iterator

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import fetch, hotreload, layers, pages, policies, storage
from samovar.services.lambda_.layers import LayerVersion
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.policies import Policy
from samovar.services.lambda_.state import State

_LARGEST = 10**19 - 1
"""Numbers are told from it, so that the newest comes first."""


async def publish_layer_version(state: State, ctx: Context, params: Params) -> Params:
    key = layers.own(ctx, params["LayerName"], "PublishLayerVersion")
    source = None
    if hotreload.wanted(params["Content"]):
        content = hotreload.folder(params["Content"], state.code.hot_reload)
    else:
        upload = await fetch.archive(ctx, params["Content"], layers.layer_arn(key), state.code.bucket)
        storage.check(state, ctx, upload.stored)
        content, source = await state.code.keep(upload), upload.source
    version = await state.layers.publish(key, content, params, state.clock.now(), source)
    state.tidy()
    return _shown(state, ctx, version)


async def get_layer_version(state: State, ctx: Context, params: Params) -> Params:
    key = layers.locate(ctx, params["LayerName"])
    return _shown(state, ctx, state.layers.visible(ctx, key, _number(params)))


async def get_layer_version_by_arn(state: State, ctx: Context, params: Params) -> Params:
    place = layers.parse(params["Arn"])
    if place is None:
        raise layers.missing()
    return _shown(state, ctx, state.layers.visible(ctx, *place))


async def list_layers(state: State, ctx: Context, params: Params) -> Params:
    # By name and number, so that the newest one of a name is what stays.
    newest = {version.name: version for version in _matching(state.layers.versions(ctx.account, ctx.region), params)}
    page, more = pages.cut(newest.items(), params)
    return {"Layers": [layers.describe_latest(version) for version in page], **more}


async def list_layer_versions(state: State, ctx: Context, params: Params) -> Params:
    key = layers.own(ctx, params["LayerName"], "ListLayerVersions")
    found = _matching(reversed(state.layers.versions(*key)), params)
    page, more = pages.cut(((f"{_LARGEST - version.number:019d}", version) for version in found), params)
    return {"LayerVersions": [layers.describe_item(version) for version in page], **more}


async def delete_layer_version(state: State, ctx: Context, params: Params) -> Params:
    key = layers.own(ctx, params["LayerName"], "DeleteLayerVersion")
    version = state.layers.get(key, _number(params))
    if version:
        state.code.release_layer(version)
        await state.layers.delete(version)
    return {}


async def add_layer_version_permission(state: State, ctx: Context, params: Params) -> Params:
    version = _own_version(state, ctx, params, "AddLayerVersionPermission")
    statement = policies.permission(params, version.arn)
    policy = policies.added(version.policy, statement, uuid4())
    policies.check_revision(version.policy, params.get("RevisionId"), "GetLayerPolicy")
    await state.layers.change(msgspec.structs.replace(version, policy=policy))
    return {"Statement": policies.written(statement), "RevisionId": policy.revision}


async def remove_layer_version_permission(state: State, ctx: Context, params: Params) -> Params:
    version = _own_version(state, ctx, params, "RemoveLayerVersionPermission")
    policy = policies.removed(_policy(version), params["StatementId"], uuid4())
    policies.check_revision(version.policy, params.get("RevisionId"), "GetLayerPolicy")
    await state.layers.change(msgspec.structs.replace(version, policy=policy))
    return {}


async def get_layer_version_policy(state: State, ctx: Context, params: Params) -> Params:
    policy = _policy(_own_version(state, ctx, params, "GetLayerVersionPolicy"))
    return {"Policy": policy.text, "RevisionId": policy.revision}


def _shown(state: State, ctx: Context, version: LayerVersion) -> Params:
    return layers.describe(version, state.code.layer_link(ctx.endpoint, version))


def _number(params: Params) -> int:
    number: int = params["VersionNumber"]
    if number < 1:
        raise invalid("Layer Version Cannot be less than 1")
    return number


def _matching(found: Iterable[LayerVersion], params: Params) -> Iterator[LayerVersion]:
    """Those that a list's filters ask for."""
    runtime, architecture = params.get("CompatibleRuntime", ""), params.get("CompatibleArchitecture", "")
    return (version for version in found if version.fits(runtime, architecture))


def _own_version(state: State, ctx: Context, params: Params, action: str) -> LayerVersion:
    """The version whose policy is meant; raises in the words of the policy operations."""
    key = layers.own(ctx, params["LayerName"], action)
    number = _number(params)
    version = state.layers.get(key, number)
    if version is None:
        raise AwsError(
            "ResourceNotFoundException", f"Layer version {layers.version_arn(key, number)} does not exist."
        )
    return version


def _policy(version: LayerVersion) -> Policy:
    if version.policy is None:
        raise AwsError("ResourceNotFoundException", "No policy is associated with the given resource.")
    return version.policy
