"""Multipart uploads (facts/s3.md §7, §4.5)."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.s3 import checksums, conditions, given, source
from samovar.services.s3.checksums import Checksum
from samovar.services.s3.content import NOTHING, Content
from samovar.services.s3.records import Bucket, Part, Upload, UploadedPart, Version, owner_id
from samovar.services.s3.state import S3, PartsChanged, no_such_upload
from samovar.services.s3.view import check_archived, created, default_encryption

_LEAST: Final = 5 * 1024 * 1024
_MOST_PARTS: Final = 10_000
_PAGE: Final = 1000


async def create_multipart_upload(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    given.check_key(params["Key"])
    algorithm, kind = given.wanted_algorithm(params), params.get("ChecksumType") or ""
    if kind and not algorithm:
        text = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        raise AwsError("InvalidRequest", text)
    if kind and not checksums.allows(algorithm, kind):
        text = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise AwsError("InvalidRequest", text)
    now = s3.clock.now()
    kind = kind or (checksums.default_type(algorithm) if algorithm else checksums.FULL)
    meta = given.meta(params, bucket, now)
    upload = Upload(hex_id(64), bucket.name, params["Key"], now, s3.index.next_seq(now), algorithm, kind, meta)
    await s3.index.begin(upload)
    answer: Params = {"Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id}
    answer |= dict(meta.encryption) or default_encryption(bucket)
    return answer | ({"ChecksumAlgorithm": algorithm, "ChecksumType": kind} if algorithm else {})


async def upload_part(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, upload = await _upload(s3, ctx, params)
    _check_number(params["PartNumber"])
    claimed, _ = given.checksum(params, {})
    if upload.algorithm and claimed not in ("", upload.algorithm):
        text = "Checksum Type mismatch occurred, expected checksum Type: "
        raise AwsError("InvalidRequest", f"{text}{upload.algorithm.lower()}, actual checksum Type: {claimed.lower()}")
    content, checksum = await source.take(s3, params, upload.algorithm, keep_inline=False)
    await _keep_part(s3, upload, params["PartNumber"], content)
    shown = upload.algorithm or checksum.algorithm
    answer: Params = {"ETag": f'"{content.etag}"', checksums.member(shown): content.checksums[shown]}
    return answer | (dict(upload.meta.encryption) or default_encryption(bucket))


async def upload_part_copy(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, upload = await _upload(s3, ctx, params)
    _check_number(params["PartNumber"])
    origin, old = await source.find(s3, ctx, params)
    now = s3.clock.now()
    conditions.check_source(old, params, now)
    check_archived(old, now)
    start, length = source.copied_range(params, old.size)
    inline = b"" if old.meta.segments else await s3.index.inline(old) or b""
    body = s3.contents.read(inline, old.meta.segments, start, length)
    made = {upload.algorithm or checksums.DEFAULT, checksums.DEFAULT}
    content = await s3.contents.receive(body, made, keep_inline=False)
    await _keep_part(s3, upload, params["PartNumber"], content)
    result: Params = {"ETag": f'"{content.etag}"', "LastModified": float(int(now))}
    if upload.algorithm:
        result[checksums.member(upload.algorithm)] = content.checksums[upload.algorithm]
    answer: Params = {"CopyPartResult": result, **(dict(upload.meta.encryption) or default_encryption(bucket))}
    return answer | ({"CopySourceVersionId": old.id} if origin.versioning else {})


async def complete_multipart_upload(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    while True:
        try:
            version = await _complete(s3, ctx, bucket, params)
        except PartsChanged:  # by UploadPart: what is there now decides
            continue
        location = f"{ctx.endpoint}/{bucket.name}/{quote(version.key, safe='/~')}"
        answer = created(bucket, version)
        return {"Location": location, "Bucket": bucket.name, "Key": version.key, **answer}


async def _complete(s3: S3, ctx: Context, bucket: Bucket, params: Params) -> Version:
    upload, there = await _with_parts(s3, bucket, params)
    if params.get("MultipartUpload") is None:
        raise given.malformed()
    wanted = params["MultipartUpload"].get("Parts")
    if not wanted:
        raise AwsError("InvalidRequest", "You must specify at least one part")
    parts = _choose(upload, wanted, {part.number: part for part in there})
    checksum = _checksum(upload, wanted, parts, params)
    size = sum(part.size for part in parts)
    expected = params.get("MpuObjectSize")
    if expected is not None and int(expected) != size:
        text = f"The provided 'x-amz-mp-object-size' header value {expected} does not match what was computed: {size}"
        raise AwsError("InvalidRequest", text)
    return await _assemble(s3, ctx, bucket, upload, parts, checksum, params)


async def abort_multipart_upload(s3: S3, ctx: Context, params: Params) -> Params:
    _, upload = await _upload(s3, ctx, params)
    segments = await s3.index.end(upload)
    if segments is None:  # aborted or completed just now
        raise no_such_upload(upload.id)
    await s3.forget(segments)
    return {}


async def list_parts(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    after, most = int(params.get("PartNumberMarker") or 0), min(params.get("MaxParts", _PAGE), _PAGE)
    upload, found = await _with_parts(s3, bucket, params, after, most + 1)
    shown = found[:most]
    owner = {"ID": owner_id(bucket.account)}
    answer: Params = {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": str(after),
        "NextPartNumberMarker": str(shown[-1].number if shown else 0),
        "MaxParts": most,
        "IsTruncated": len(found) > most,
        "Parts": [_listed(upload, part) for part in shown],
        "Initiator": {"ID": ctx.principal, "DisplayName": ctx.principal.rpartition(":")[2]},
        "Owner": owner,
        "StorageClass": upload.meta.storage_class,
    }
    return answer | ({"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.type} if upload.algorithm else {})


async def list_multipart_uploads(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    prefix, delimiter = params.get("Prefix") or "", params.get("Delimiter") or ""
    key, id = params.get("KeyMarker") or "", params.get("UploadIdMarker") or ""
    most = min(params.get("MaxUploads", _PAGE), _PAGE)
    where, values = "bucket = ? AND key >= ?", [bucket.name, max(prefix, key)]
    found = [u for u in await s3.index.uploads(where, values, 100_000) if u.key.startswith(prefix)]
    found = _after(found, key, id)
    shown: list[Upload] = []
    prefixes: dict[str, None] = {}
    more = False
    for upload in found:
        at = upload.key.find(delimiter, len(prefix)) if delimiter else -1
        common = upload.key[: at + len(delimiter)] if at >= 0 else ""
        if common and (common in prefixes or common <= key):
            continue
        if len(shown) + len(prefixes) == most:
            more = True
            break
        if common:
            prefixes[common] = None
        else:
            shown.append(upload)
    answer: Params = {
        "Bucket": bucket.name,
        "KeyMarker": key,
        "UploadIdMarker": id if key else "",
        "NextKeyMarker": shown[-1].key if shown else "",
        "NextUploadIdMarker": shown[-1].id if shown else "",
        "MaxUploads": most,
        "IsTruncated": more,
        "Prefix": prefix,
        "Uploads": [_listed_upload(bucket, upload) for upload in shown],
        "CommonPrefixes": [{"Prefix": common} for common in prefixes],
    }
    return answer | ({"Delimiter": delimiter} if delimiter else {})


# --- pieces


async def _upload(s3: S3, ctx: Context, params: Params) -> tuple[Bucket, Upload]:
    bucket = s3.bucket(ctx, params)
    found = await s3.index.upload(bucket.name, params["Key"], params["UploadId"])
    if found is None:
        raise no_such_upload(params["UploadId"])
    return bucket, found


async def _with_parts(
    s3: S3, bucket: Bucket, params: Params, after: int = 0, limit: int = _MOST_PARTS
) -> tuple[Upload, list[UploadedPart]]:
    found = await s3.index.with_parts(bucket.name, params["Key"], params["UploadId"], after, limit)
    if found is None:
        raise no_such_upload(params["UploadId"])
    return found


def _check_number(number: int) -> None:
    if not 1 <= number <= _MOST_PARTS:
        text = "Part number must be an integer between 1 and 10000, inclusive"
        raise AwsError("InvalidArgument", text, ArgumentName="partNumber", ArgumentValue=number)


async def _keep_part(s3: S3, upload: Upload, number: int, content: Content) -> None:
    segment = content.segments[0]
    part = UploadedPart(number, content.size, content.etag, s3.clock.now(), segment, content.checksums)
    try:
        there, replaced = await s3.index.put_part(upload, part)
    except BaseException:
        await s3.forget([segment])
        raise
    if not there:
        await s3.forget([segment])
        raise no_such_upload(upload.id)
    await s3.forget([replaced] if replaced else [])


def _choose(upload: Upload, wanted: Sequence[Params], kept: dict[int, UploadedPart]) -> list[UploadedPart]:
    """The parts that the request names. Raises InvalidPartOrder, InvalidPart, EntityTooSmall."""
    numbers = [each.get("PartNumber", 0) for each in wanted]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        text = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise AwsError("InvalidPartOrder", text, UploadId=upload.id)
    chosen: list[UploadedPart] = []
    for each, number in zip(wanted, numbers, strict=True):
        etag = (each.get("ETag") or "").strip('"')
        part = kept.get(number)
        if part is None or part.etag != etag or not _agrees(upload, part, each):
            text = (
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
                "specified entity tag may not match the part's entity tag."
            )
            raise AwsError("InvalidPart", text, UploadId=upload.id, PartNumber=number, ETag=etag)
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < _LEAST:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=part.size,
                MinSizeAllowed=_LEAST,
                PartNumber=part.number,
                ETag=part.etag,
            )
    return chosen


def _agrees(upload: Upload, part: UploadedPart, named: Params) -> bool:
    """Whether the checksums that the request names for a part are its own."""
    for algorithm in checksums.ALGORITHMS:
        value = named.get(checksums.member(algorithm))
        if value is None:
            continue
        if upload.algorithm and algorithm != upload.algorithm:
            text = f"The {algorithm.lower()} you specified for part {part.number} did not match what we received."
            raise AwsError("BadDigest", text)
        if not upload.algorithm or part.checksums.get(algorithm) != value:
            return False
    return True


def _checksum(upload: Upload, wanted: Sequence[Params], parts: list[UploadedPart], params: Params) -> Checksum:
    """Of the whole object. Raises InvalidRequest, BadDigest."""
    kind = params.get("ChecksumType")
    if kind is not None and kind != upload.type:
        chosen = upload.type if upload.algorithm else "null"
        text = f"The upload was created using the {chosen} checksum mode. The complete request must use the same "
        raise AwsError("InvalidRequest", text + "checksum mode.")
    algorithm = upload.algorithm or checksums.DEFAULT
    member = checksums.member(algorithm)
    if upload.algorithm and upload.type == checksums.COMPOSITE:
        missing = next((each["PartNumber"] for each in wanted if not each.get(member)), None)
        if missing is not None:
            text = f"The upload was created using a {algorithm.lower()} checksum. The complete request must include "
            text += f"the checksum for each part. It was missing for part {missing} in the request."
            raise AwsError("InvalidRequest", text)
        made = checksums.composite(algorithm, [part.checksums[algorithm] for part in parts])
    else:
        made = checksums.combined(algorithm, ((part.checksums[algorithm], part.size) for part in parts))
    claimed = params.get(member)
    if claimed is not None and claimed not in (made, made.partition("-")[0]):
        text = f"The {algorithm.lower()} you specified did not match the calculated checksum."
        raise AwsError("BadDigest", text)
    return Checksum(algorithm, made, upload.type)


async def _assemble(
    s3: S3, ctx: Context, bucket: Bucket, upload: Upload, parts: list[UploadedPart], checksum: Checksum, params: Params
) -> Version:
    """The object from its parts: no byte is moved."""
    condition = conditions.for_write(params)
    if condition is not None:
        await _check_conflict(s3, upload, params)
    md5s = b"".join(bytes.fromhex(part.etag) for part in parts)
    etag = f"{hashlib.md5(md5s, usedforsecurity=False).hexdigest()}-{len(parts)}"
    segments = [part.segment for part in parts]
    listed = [Part(part.number, part.size, _own(upload, part)) for part in parts]
    meta = msgspec.structs.replace(upload.meta, segments=segments, parts=listed, checksum=checksum)
    size = sum(part.size for part in parts)
    content = msgspec.structs.replace(NOTHING, size=size)
    event = "ObjectCreated:CompleteMultipartUpload"
    return await s3.write(ctx, bucket, upload.key, content, meta, event, condition, upload, etag)


async def _check_conflict(s3: S3, upload: Upload, params: Params) -> None:
    """What was written or deleted during the upload conflicts with its condition (facts/s3.md §4.3)."""
    current = await s3.index.current(upload.bucket, upload.key)
    touched = current is not None and current.seq > upload.seq
    if params.get("IfMatch") is not None and touched and current is not None and not current.marker:
        raise AwsError(
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
            Condition="If-Match",
            Key=upload.key,
        )


def _own(upload: Upload, part: UploadedPart) -> str:
    return part.checksums.get(upload.algorithm or checksums.DEFAULT, "")


def _listed(upload: Upload, part: UploadedPart) -> Params:
    listed: dict[str, Any] = {
        "PartNumber": part.number,
        "LastModified": float(int(part.modified)),
        "ETag": f'"{part.etag}"',
        "Size": part.size,
    }
    if upload.algorithm:
        listed[checksums.member(upload.algorithm)] = part.checksums[upload.algorithm]
    return listed


def _listed_upload(bucket: Bucket, upload: Upload) -> Params:
    owner = {"ID": owner_id(bucket.account)}
    listed: Params = {
        "UploadId": upload.id,
        "Key": upload.key,
        "Initiated": float(int(upload.started)),
        "StorageClass": upload.meta.storage_class,
        "Owner": owner,
        "Initiator": owner,
    }
    return listed | ({"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.type} if upload.algorithm else {})


def _after(found: list[Upload], key: str, id: str) -> list[Upload]:
    """Those behind the markers; an id alone means nothing."""
    if not key:
        return found
    if not id:
        return [upload for upload in found if upload.key > key]
    at = next((n for n, upload in enumerate(found) if (upload.key, upload.id) == (key, id)), None)
    if at is None:
        raise AwsError("InvalidArgument", "Invalid uploadId marker", ArgumentName="upload-id-marker", ArgumentValue=id)
    return found[at + 1 :]


