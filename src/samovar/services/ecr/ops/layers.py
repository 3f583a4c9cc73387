"""Layers through the API: the same uploads as the registry's door has."""

import re
from collections.abc import AsyncIterator
from typing import Final

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.images import DIGEST
from samovar.services.ecr import errors, view
from samovar.services.ecr.house import House
from samovar.services.ecr.records import Repository, Upload
from samovar.services.ecr.uploads import Busy

PART_SIZE: Final = 10 * 1024 * 1024
"""What InitiateLayerUpload proposes: 10 MiB, ECR's quota of a part."""
_LEAST: Final = 5 * 1024 * 1024
_DIGEST = re.compile(DIGEST)


async def initiate_layer_upload(house: House, ctx: Context, params: Params) -> Params:
    upload = await house.state.uploads.begin(house.state.repository(ctx, params))
    return {"uploadId": upload.id, "partSize": PART_SIZE}


async def upload_layer_part(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    repository = state.repository(ctx, params)
    upload = await _upload(house, repository, params["uploadId"])
    first, last, data = params["partFirstByte"], params["partLastByte"], params["layerPartBlob"]
    if first != upload.size or last - first + 1 != len(data):
        raise _invalid_part(repository, upload, first, last, len(data))
    try:
        upload = await state.uploads.append(upload, _once(data), small=len(data) < _LEAST)
    except Busy:
        raise _invalid_part(repository, upload, first, last, len(data)) from None
    return {**view.place(repository), "uploadId": upload.id, "lastByteReceived": upload.size - 1}


async def complete_layer_upload(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    repository = state.repository(ctx, params)
    upload = await _upload(house, repository, params["uploadId"])
    digest = next((each for each in params["layerDigests"] if _DIGEST.fullmatch(each)), "")
    if not digest:
        raise errors.invalid("layerDigests", f"must satisfy regular expression '{DIGEST}'")
    if not upload.size:
        text = f"The upload with id '{upload.id}' does not contain any layer parts"
        raise AwsError("EmptyUploadException", text)
    if upload.small > 1:
        text = "Layer parts must be at least 5 MiB in size, other than the last part"
        raise AwsError("LayerPartTooSmallException", text)
    try:
        new = await state.uploads.finish(repository, upload, digest, state.alive)
    except Busy:
        raise errors.no_such_upload(upload.id, repository) from None
    if not new:
        raise errors.layer_exists(digest, repository)
    await state.layer(repository, digest)  # from now on it waits for its image
    return {**view.place(repository), "uploadId": upload.id, "layerDigest": digest}


async def batch_check_layer_availability(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    repository = state.repository(ctx, params)
    layers, failures = [], []
    for digest in params["layerDigests"]:
        if not _DIGEST.fullmatch(digest):
            reason = "Invalid layer digest: the digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            continue
        found = await state.layer(repository, digest)
        if found is None:
            layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        else:
            layers.append({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": found.size})
    return {"layers": layers, "failures": failures}


async def get_download_url_for_layer(house: House, ctx: Context, params: Params) -> Params:
    repository, digest = house.state.repository(ctx, params), params["layerDigest"]
    if not _DIGEST.fullmatch(digest) or await house.state.layer(repository, digest) is None:
        text = f"Layers with digests '[{digest}]' do not exist within the repository with name '{repository.name}' in "
        raise AwsError("LayersNotFoundException", f"{text}the registry with id '{repository.account}'")
    token = house.tokens.link(repository.id, digest)
    return {"downloadUrl": house.addresses.layer(ctx, repository, digest, token), "layerDigest": digest}


async def _upload(house: House, repository: Repository, id: str) -> Upload:
    found = await house.state.index.upload(repository.id, id)
    if found is None:
        raise errors.no_such_upload(id, repository)
    return found


def _invalid_part(repository: Repository, upload: Upload, first: int, last: int, size: int) -> AwsError:
    text = f"The layer part from byte {first} to byte {last} with {size} bytes can't follow the {upload.size} bytes "
    return AwsError("InvalidLayerPartException", f"{text}that were received", **_where(repository, upload))


def _where(repository: Repository, upload: Upload) -> Params:
    return {**view.place(repository), "uploadId": upload.id, "lastValidByteReceived": max(0, upload.size - 1)}


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
