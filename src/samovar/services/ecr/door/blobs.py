"""Layers through the registry's door: taken in, in one request or many, mounted, and read.

Source: OCI distribution specification, «Pushing blobs», «Pulling blobs».
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from samovar.core.errors import AwsError
from samovar.core.images import DIGEST
from samovar.net.body import CutShort
from samovar.net.message import BrokenOff, Response
from samovar.services.ecr.door import answers
from samovar.services.ecr.door.call import Call, Entrance
from samovar.services.ecr.records import Layer, Repository, Upload
from samovar.services.ecr.state import Ecr
from samovar.services.ecr.uploads import Busy
from samovar.store.errors import BlobMissing, StoreError

_DIGEST = re.compile(DIGEST)
_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/(?:\d+|\*))?")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_BINARY: Final = ("Content-Type", "application/octet-stream")


class Blobs:
    def __init__(self, state: Ecr, entrance: Entrance) -> None:
        self._state = state
        self._entrance = entrance

    async def read(self, call: Call) -> Response:
        """GET and HEAD of a layer."""
        head = call.request.method == "HEAD"
        operation = "BatchCheckLayerAvailability" if head else "GetDownloadUrlForLayer"
        repository = self._entrance.has_link(call) or self._entrance.repository(call, operation)
        layer = await self._state.layer(repository, call.what) if _DIGEST.fullmatch(call.what) else None
        if layer is None:
            raise _unknown(call.what)
        sent = [answers.API, _BINARY, ("Docker-Content-Digest", layer.digest), ("ETag", f'"{layer.digest}"')]
        sent += [("Accept-Ranges", "bytes"), ("Cache-Control", "max-age=31536000")]
        status, start, end = _chosen(call.request.headers.get("range", ""), layer.size)
        if status == 206:
            sent.append(("Content-Range", f"bytes {start}-{end - 1}/{layer.size}"))
        sent.append(("Content-Length", str(end - start)))
        if head or start == end:
            return Response(status, sent if head else sent[:-1])
        stream = self._state.files.read(layer.file, start, end - start)
        try:
            first = await anext(stream)
        except BlobMissing:
            raise _unknown(call.what) from None  # its repository has just been deleted
        return Response(status, sent, _chain(first, stream))

    async def begin(self, call: Call) -> Response:
        """POST: a new upload, a layer of another repository, or all of a layer at once."""
        repository = self._entrance.repository(call, "InitiateLayerUpload")
        wanted, source = call.query.get("mount", ""), call.query.get("from", "")
        if wanted and source and _DIGEST.fullmatch(wanted) and await self._mount(call, repository, wanted, source):
            return _made(call, wanted)
        upload = await self._state.uploads.begin(repository)
        if "digest" in call.query:
            return await self._complete(call, repository, upload, call.query["digest"])
        return _progress(call, upload, 202)

    async def show(self, call: Call) -> Response:
        """GET of an upload: how much has arrived."""
        _, upload = await self._upload(call)
        return _progress(call, upload, 204)

    async def append(self, call: Call) -> Response:
        """PATCH: more of it."""
        _, upload = await self._upload(call)
        upload = await self._take(call, upload)
        return _progress(call, upload, 202)

    async def complete(self, call: Call) -> Response:
        """PUT: the last of it, and what it is."""
        repository, upload = await self._upload(call)
        return await self._complete(call, repository, upload, call.query.get("digest", ""))

    async def abort(self, call: Call) -> Response:
        _, upload = await self._upload(call)
        await self._state.uploads.abort(upload)
        return answers.bare(204)

    # --- pieces

    async def _upload(self, call: Call) -> tuple[Repository, Upload]:
        steps = {"PUT": "CompleteLayerUpload", "PATCH": "UploadLayerPart"}
        repository = self._entrance.repository(call, steps.get(call.request.method, "InitiateLayerUpload"))
        upload = await self._state.index.upload(repository.id, call.what)
        if upload is None:
            raise answers.refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return repository, upload

    async def _take(self, call: Call, upload: Upload) -> Upload:
        told = call.request.headers.get("content-range", "")
        if told:
            match = _CONTENT_RANGE.fullmatch(told)
            if match is None or int(match[1]) != upload.size:
                raise answers.Refused(_progress(call, upload, 416))
        try:
            return await self._state.uploads.append(upload, _parts(call))
        except Busy:
            text = "another request is still writing to this upload"
            raise answers.refused(409, "BLOB_UPLOAD_INVALID", text) from None
        except CutShort:
            raise answers.refused(400, "SIZE_INVALID", "the body ended early; what has come is kept") from None

    async def _complete(self, call: Call, repository: Repository, upload: Upload, digest: str) -> Response:
        if not _DIGEST.fullmatch(digest):
            raise answers.refused(400, "DIGEST_INVALID", f"not a sha256 digest: {digest[:200]}")
        upload = await self._take(call, upload)
        try:
            await self._state.uploads.finish(repository, upload, digest, self._state.alive)
        except Busy:
            text = "another request is still writing to this upload"
            raise answers.refused(409, "BLOB_UPLOAD_INVALID", text) from None
        await self._state.layer(repository, digest)  # from now on it waits for its image
        return _made(call, digest)

    async def _mount(self, call: Call, repository: Repository, digest: str, source: str) -> bool:
        """Whether the repository has the layer now. Who may not read the other one uploads it himself."""
        prefix = call.base.removeprefix("/v2/").removesuffix(call.name)
        try:
            other = self._entrance.repository(call, "GetDownloadUrlForLayer", source.removeprefix(prefix))
        except AwsError:
            return False
        if await self._state.layer(repository, digest) is not None:
            return True
        layer: Layer | None = await self._state.layer(other, digest)
        return layer is not None and await self._state.uploads.mount(repository, layer, self._state.alive)


async def _parts(call: Call) -> AsyncIterator[bytes]:
    if call.stream is not None:
        async for part in call.stream:
            yield part
    elif call.request.body:
        yield call.request.body


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    try:
        async for part in rest:
            yield part
    except StoreError as error:
        raise BrokenOff from error


def _chosen(text: str, size: int) -> tuple[int, int, int]:
    """(status, start, end) of what is asked for."""
    match = _RANGE.fullmatch(text.strip()) if text else None
    if match is None or not (match[1] or match[2]):
        return 200, 0, size
    if match[1]:
        start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    else:
        start, end = max(0, size - int(match[2])), size
    if start >= end:
        unsatisfied = ("Content-Range", f"bytes */{size}")
        raise answers.refused(416, "SIZE_INVALID", "the range can't be satisfied", unsatisfied)
    return 206, start, end


def _progress(call: Call, upload: Upload, status: int) -> Response:
    """Where an upload goes on, and what it has."""
    return answers.bare(
        status,
        ("Location", f"{call.base}/blobs/uploads/{upload.id}"),
        ("Range", f"0-{max(0, upload.size - 1)}"),
        ("Docker-Upload-UUID", upload.id),
    )


def _made(call: Call, digest: str) -> Response:
    return answers.bare(201, ("Location", f"{call.base}/blobs/{digest}"), ("Docker-Content-Digest", digest))


def _unknown(digest: str) -> answers.Refused:
    return answers.refused(404, "BLOB_UNKNOWN", f"blob unknown to registry: {digest[:200]}")
