"""Manifests, tags and referrers through the registry's door.

Source: OCI distribution specification, «Pushing manifests», «Content discovery».
"""

import re
from typing import Final
from urllib.parse import quote

from samovar.core.images import DIGEST, OCI_INDEX, TAG, BadManifest, read_manifest
from samovar.net.body import CutShort
from samovar.net.message import Response
from samovar.services.ecr import errors
from samovar.services.ecr.door import answers
from samovar.services.ecr.door.call import Call, Entrance
from samovar.services.ecr.state import Ecr, digest_of
from samovar.web.registry import LARGEST_MANIFEST

_PAGE: Final = 1000
_DIGEST = re.compile(DIGEST)
_TAG = re.compile(TAG)


class Manifests:
    def __init__(self, state: Ecr, entrance: Entrance) -> None:
        self._state = state
        self._entrance = entrance

    async def read(self, call: Call) -> Response:
        """GET and HEAD."""
        repository = self._entrance.repository(call, "BatchGetImage")
        digest, tag = _reference(call.what)
        found = await self._state.image(repository, digest, tag)
        if found is None:
            raise errors.no_such_image(digest, tag, repository)
        image, text = found
        sent = [answers.API, ("Content-Type", image.media_type), ("Docker-Content-Digest", image.digest)]
        if call.request.method == "GET":
            await self._state.note_pull(repository, image)
        return Response(200, sent, text.encode())

    async def put(self, call: Call) -> Response:
        repository = self._entrance.repository(call, "PutImage")
        digest, tag = _reference(call.what)
        body = await _whole(call)
        found = digest_of(body)
        if digest and digest != found:
            text = f"the manifest's digest is {found}, and {digest} was said"
            raise answers.refused(400, "DIGEST_INVALID", text)
        kind = call.request.headers.get("content-type", "").partition(";")[0].strip()
        try:
            text = body.decode()
            manifest = read_manifest(body, kind)
        except UnicodeDecodeError:
            raise answers.refused(400, "MANIFEST_INVALID", "Invalid JSON syntax") from None
        except BadManifest as wrong:
            raise answers.refused(400, "MANIFEST_INVALID", str(wrong)) from None
        await self._state.push(call.ctx, repository, text, manifest, tag)
        sent = [("Location", f"{call.base}/manifests/{found}"), ("Docker-Content-Digest", found)]
        if manifest.subject:
            sent.append(("OCI-Subject", manifest.subject))
        return answers.bare(201, *sent)

    async def tags(self, call: Call) -> Response:
        repository = self._entrance.repository(call, "ListImages")
        count = _count(call)
        found = await self._state.index.tags(repository.id, call.query.get("last", ""), count + 1)
        name = call.base.removeprefix("/v2/")
        return _page(f"{call.base}/tags/list", {"name": name, "tags": found[:count]}, found, count)

    async def catalog(self, call: Call) -> Response:
        account = self._entrance.registry(call, "DescribeRepositories")
        count, last = _count(call), call.query.get("last", "")
        repositories = self._state.repositories.items((account, call.ctx.region))
        found = [key[2] for key, _ in repositories if key[2] > last][: count + 1]
        return _page("/v2/_catalog", {"repositories": found[:count]}, found, count)

    async def referrers(self, call: Call) -> Response:
        """What is said about an image: signatures, lists of contents."""
        repository = self._entrance.repository(call, "BatchGetImage")
        wanted = call.query.get("artifactType", "")
        if not _DIGEST.fullmatch(call.what):
            raise answers.refused(400, "DIGEST_INVALID", f"not a sha256 digest: {call.what[:200]}")
        described = []
        for image, text in await self._state.index.about(repository.id, call.what):
            if wanted in ("", image.artifact_type):
                notes = read_manifest(text.encode(), image.media_type).annotations
                size = len(text.encode())
                one: dict[str, object] = {"mediaType": image.media_type, "digest": image.digest, "size": size}
                one["artifactType"] = image.artifact_type
                described.append({**one, **({"annotations": notes} if notes else {})})
        filtered = [("OCI-Filters-Applied", "artifactType")] if wanted else []
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": described}
        return answers.told(200, index, *filtered, kind=OCI_INDEX)


def _reference(text: str) -> tuple[str, str]:
    """(digest, tag), one of them."""
    if _DIGEST.fullmatch(text):
        return text, ""
    if _TAG.fullmatch(text):
        return "", text
    if ":" in text:
        raise answers.refused(400, "DIGEST_INVALID", f"not a sha256 digest: {text[:200]}")
    raise answers.refused(400, "TAG_INVALID", f"not a tag: {text[:200]}")


async def _whole(call: Call) -> bytes:
    if call.stream is None:
        return call.request.body
    try:
        body = await call.stream.read(LARGEST_MANIFEST)
    except CutShort:
        raise answers.refused(400, "SIZE_INVALID", "the body ended early") from None
    if body is None:
        raise answers.refused(413, "SIZE_INVALID", f"a manifest must not exceed {LARGEST_MANIFEST} bytes")
    return body


def _count(call: Call) -> int:
    text = call.query.get("n", "")
    if text and not (text.isascii() and text.isdigit()):
        raise answers.refused(400, "PAGINATION_NUMBER_INVALID", f"not a number of results: {text[:200]}")
    return min(int(text), _PAGE) if text else _PAGE


def _page(path: str, content: object, found: list[str], count: int) -> Response:
    """Says where the next page is, as RFC 8288 does."""
    if len(found) <= count or not count:
        return answers.told(200, content)
    return answers.told(200, content, ("Link", f'<{path}?n={count}&last={quote(found[count - 1])}>; rel="next"'))
