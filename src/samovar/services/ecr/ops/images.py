"""Images: put, found, listed, deleted."""

import re
from typing import Final

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.images import DIGEST, TAG, BadManifest, read_manifest
from samovar.services.ecr import errors, pages, view
from samovar.services.ecr.house import House
from samovar.services.ecr.records import Image, Repository, next_token
from samovar.services.ecr.state import digest_of

_DIGEST = re.compile(DIGEST)
_TAG = re.compile(TAG)
_BOTH: Final = "Requested image tag '{}' does not match the digest '{}'"


async def put_image(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    repository = state.repository(ctx, params)
    text, tag = params["imageManifest"], params.get("imageTag", "")
    if tag and not _TAG.fullmatch(tag):
        raise errors.invalid("imageTag", f"must satisfy regular expression '{TAG}'")
    try:
        manifest = read_manifest(text.encode(), params.get("imageManifestMediaType", ""))
    except BadManifest as wrong:
        raise errors.invalid("ImageManifest", str(wrong)) from None
    digest = digest_of(text.encode())
    if params.get("imageDigest", digest) != digest:
        told = f"Image digest '{digest}' does not match the digest '{params['imageDigest']}' that was specified"
        raise AwsError("ImageDigestDoesNotMatchException", told)
    pushed = await state.push(ctx, repository, text, manifest, tag)
    if pushed.same:
        told = f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository with name "
        told += f"'{repository.name}' in registry with id '{repository.account}'"
        raise AwsError("ImageAlreadyExistsException", told)
    return {"image": _image(repository, digest, tag, text, manifest.media_type)}


async def batch_get_image(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    repository = state.repository(ctx, params)
    accepted = params.get("acceptedMediaTypes")
    images, failures = [], []
    for id in params["imageIds"]:
        digest, tag = id.get("imageDigest", ""), id.get("imageTag", "")
        wrong = _wrong(id)
        found = await state.image(repository, digest, tag) if wrong is None else None
        if wrong is None and (found is None or (accepted and found[0].media_type not in accepted)):
            wrong = "ImageNotFound", "Requested image not found"
        if wrong is None and digest and tag and await state.index.digest_of(repository.id, tag) != digest:
            wrong = "ImageTagDoesNotMatchDigest", _BOTH.format(tag, digest)
        if wrong is not None or found is None:
            failures.append(_failure(id, wrong))
            continue
        image, text = found
        await state.note_pull(repository, image)
        images.append(_image(repository, image.digest, tag, text, image.media_type))
    return {"images": images, "failures": failures}


async def batch_delete_image(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    repository = state.repository(ctx, params)
    gone, failures = [], []
    for id in params["imageIds"]:
        digest, tag = id.get("imageDigest", ""), id.get("imageTag", "")
        wrong = _wrong(id)
        if wrong is not None:
            failures.append(_failure(id, wrong))
            continue
        removed = await state.remove(ctx, repository, digest, tag)
        if removed.mismatch:
            failures.append(_failure(id, ("ImageTagDoesNotMatchDigest", _BOTH.format(tag, digest))))
        elif not removed.digest:
            failures.append(_failure(id, ("ImageNotFound", "Requested image not found")))
        elif removed.held_by:
            told = f"Requested image referenced by manifest list: [{', '.join(removed.held_by)}]"
            failures.append(_failure(id, ("ImageReferencedByManifestList", told)))
        else:
            gone += [{"imageDigest": removed.digest, "imageTag": each} for each in removed.tags]
            gone += [] if removed.tags else [{"imageDigest": removed.digest}]
    return {"imageIds": gone, "failures": failures}


async def list_images(house: House, ctx: Context, params: Params) -> Params:
    repository = house.state.repository(ctx, params)
    size, wanted = params.get("maxResults") or pages.SIZE, params.get("filter") or {}
    tagged = {"TAGGED": True, "UNTAGGED": False}.get(wanted.get("tagStatus", ""))
    if _archived(wanted):
        return {"imageIds": []}
    digest, _, tag = pages.after(params).partition(" ")
    found = await house.state.index.names(repository.id, (digest, tag), tagged, size + 1)
    page = [{"imageDigest": digest, **({"imageTag": tag} if tag else {})} for digest, tag in found[:size]]
    more = {"nextToken": next_token(" ".join(found[size - 1]))} if len(found) > size else {}
    return {"imageIds": page, **more}


async def describe_images(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    repository = state.repository(ctx, params)
    if not params.get("imageIds"):
        return await _page(house, repository, params)
    if params.get("nextToken") or params.get("maxResults"):
        raise errors.invalid("imageIds", "imageIds cannot be combined with nextToken or maxResults")
    details: dict[str, Params] = {}
    for id in params["imageIds"]:
        digest, tag = id.get("imageDigest", ""), id.get("imageTag", "")
        found = await state.image(repository, digest, tag)
        if found is None or (digest and tag and await state.index.digest_of(repository.id, tag) != digest):
            raise errors.no_such_image(digest, tag, repository)
        tags = await state.index.tags_of(repository.id, found[0].digest)
        details[found[0].digest] = view.details(repository, msgspec.structs.replace(found[0], tags=tags))
    return {"imageDetails": list(details.values())}


async def list_image_referrers(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    repository = state.repository(ctx, params)
    wanted = (params.get("filter") or {}).get("artifactTypes")
    found: list[tuple[str, Params]] = []
    for image, text in await state.index.about(repository.id, params["subjectId"]["imageDigest"]):
        if not wanted or image.artifact_type in wanted:
            notes = read_manifest(text.encode(), image.media_type).annotations
            one: Params = {"digest": image.digest, "mediaType": image.media_type, "size": len(text.encode())}
            one |= {"artifactType": image.artifact_type, "artifactStatus": "ACTIVE"}
            found.append((image.digest, {**one, **({"annotations": notes} if notes else {})}))
    page, more = pages.cut(found, params, 50)
    return {"referrers": page, **more}


async def _page(house: House, repository: Repository, params: Params) -> Params:
    size, last = params.get("maxResults") or pages.SIZE, pages.after(params)
    found: list[Image] = []
    while len(found) <= size:
        some = await house.state.index.images(repository.id, last, size + 1)
        found += _filtered(some, params)
        if len(some) <= size:
            break
        last = some[-1].digest
    more = {"nextToken": next_token(found[size - 1].digest)} if len(found) > size else {}
    return {"imageDetails": [view.details(repository, each) for each in found[:size]], **more}


def _filtered(images: list[Image], params: Params) -> list[Image]:
    wanted = params.get("filter") or {}
    if _archived(wanted):
        return []
    status = wanted.get("tagStatus", "ANY")
    return [each for each in images if status == "ANY" or bool(each.tags) is (status == "TAGGED")]


def _archived(wanted: Params) -> bool:
    """Whether only archived images are asked for, of which there are none."""
    return wanted.get("imageStatus", "ACTIVE") not in ("ACTIVE", "ANY")


def _wrong(id: Params) -> tuple[str, str] | None:
    """(code, reason) of an id that can't name an image."""
    digest, tag = id.get("imageDigest"), id.get("imageTag")
    if digest is None and tag is None:
        return "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
    if digest is not None and not _DIGEST.fullmatch(digest):
        text = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        return "InvalidImageDigest", text
    if tag is not None and not _TAG.fullmatch(tag):
        return "InvalidImageTag", f"Invalid request parameters: image tag should satisfy the regex '{TAG}'"
    return None


def _failure(id: Params, wrong: tuple[str, str] | None) -> Params:
    code, reason = wrong or ("ImageNotFound", "Requested image not found")
    return {"imageId": id, "failureCode": code, "failureReason": reason}


def _image(repository: Repository, digest: str, tag: str, text: str, media_type: str) -> Params:
    return {
        **view.place(repository),
        "imageId": {"imageDigest": digest, **({"imageTag": tag} if tag else {})},
        "imageManifest": text,
        "imageManifestMediaType": media_type,
    }
