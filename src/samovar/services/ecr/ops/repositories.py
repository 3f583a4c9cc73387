"""Repositories: made, found, changed, deleted."""

import re
from typing import Any, Final

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.core.images import REPOSITORY
from samovar.services.ecr import errors, pages, tagging, view
from samovar.services.ecr.house import House
from samovar.services.ecr.records import MUTABLE, Repository

_NAME = re.compile(REPOSITORY)
_SPOKEN: Final = "must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'"
_MOST: Final = 100_000
"""Repositories of a registry: ECR's quota."""


async def create_repository(house: House, ctx: Context, params: Params) -> Params:
    """Encryption is kept and shown, and changes nothing. Images aren't scanned."""
    state = house.state
    name, account = params["repositoryName"], params.get("registryId") or ctx.account
    if not _NAME.fullmatch(name):
        raise errors.invalid("repositoryName", _SPOKEN)
    if state.repositories.get((account, ctx.region, name)) is not None:
        text = f"The repository with name '{name}' already exists in the registry with id '{account}'"
        raise AwsError("RepositoryAlreadyExistsException", text)
    if len(state.repositories.items((account, ctx.region))) >= _MOST:
        text = f"The quota of {_MOST} repositories in the registry with id '{account}' has been reached"
        raise AwsError("LimitExceededException", text)
    encryption = params.get("encryptionConfiguration") or {"encryptionType": "AES256"}
    if encryption["encryptionType"] == "AES256" and "kmsKey" in encryption:
        raise errors.invalid("encryptionConfiguration", "KMS key cannot be specified for AES256 encryption")
    made = Repository(
        hex_id(32),
        account,
        ctx.region,
        name,
        state.clock.now(),
        scan_on_push=bool((params.get("imageScanningConfiguration") or {}).get("scanOnPush")),
        encryption=encryption,
        tags=tagging.checked(params.get("tags") or []),
        **_mutability(params, params.get("imageTagMutability") or MUTABLE),
    )
    await state.repositories.put(made.key, made)
    return {"repository": view.repository(ctx, house.addresses, made)}


async def describe_repositories(house: House, ctx: Context, params: Params) -> Params:
    state, account = house.state, params.get("registryId") or ctx.account
    names = params.get("repositoryNames")
    if names and (params.get("nextToken") or params.get("maxResults")):
        raise errors.invalid("repositoryNames", "repositoryNames cannot be combined with nextToken or maxResults")
    if names:
        found = [state.find(account, ctx.region, name) for name in dict.fromkeys(names)]
        return {"repositories": [view.repository(ctx, house.addresses, each) for each in found]}
    all_ = [(each.name, each) for _, each in state.repositories.items((account, ctx.region))]
    page, more = pages.cut(all_, params)
    return {"repositories": [view.repository(ctx, house.addresses, each) for each in page], **more}


async def delete_repository(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    found = state.repository(ctx, params)
    if not params.get("force") and not await state.index.is_empty(found.id):
        text = f"The repository with name '{found.name}' in registry with id '{found.account}' cannot be deleted "
        raise AwsError("RepositoryNotEmptyException", text + "because it still contains images")
    await state.delete(found)
    shown = view.repository(ctx, house.addresses, found)
    return {"repository": {name: shown[name] for name in shown if name not in _NOT_OF_DELETED}}


async def put_image_tag_mutability(house: House, ctx: Context, params: Params) -> Params:
    found = house.state.repository(ctx, params)
    changed = await house.state.change(found, **_mutability(params, params["imageTagMutability"]))
    return {**view.place(changed), **view.mutability(changed)}


async def put_image_scanning_configuration(house: House, ctx: Context, params: Params) -> Params:
    """Kept and shown; images aren't scanned."""
    found = house.state.repository(ctx, params)
    wanted = bool(params["imageScanningConfiguration"].get("scanOnPush"))
    changed = await house.state.change(found, scan_on_push=wanted)
    return {**view.place(changed), "imageScanningConfiguration": {"scanOnPush": changed.scan_on_push}}


_NOT_OF_DELETED: Final = frozenset({"imageScanningConfiguration", "encryptionConfiguration"})
"""What DeleteRepository's answer doesn't show."""


def _mutability(params: Params, wanted: str) -> dict[str, Any]:
    exclusions: list[dict[str, str]] = params.get("imageTagMutabilityExclusionFilters") or []
    if wanted.endswith("_WITH_EXCLUSION") is not bool(exclusions):
        text = "Exclusion filters must be given with IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION, and only then"
        raise errors.invalid("imageTagMutabilityExclusionFilters", text)
    if any(each["filter"].count("*") > 2 for each in exclusions):  # user guide, «Image tag mutability»
        raise errors.invalid("imageTagMutabilityExclusionFilters", "a filter must not have more than two wildcards")
    return {"mutability": wanted, "exclusions": [msgspec.to_builtins(each) for each in exclusions]}
