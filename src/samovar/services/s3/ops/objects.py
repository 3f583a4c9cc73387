"""PutObject, GetObject, HeadObject, CopyObject, GetObjectAttributes (facts/s3.md §4)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3 import checksums, conditions, given, ranges, source
from samovar.services.s3.checksums import Checksum
from samovar.services.s3.content import Content
from samovar.services.s3.records import Version
from samovar.services.s3.state import S3
from samovar.services.s3.view import check_archived, copied, created, describe, parts_of, readable
from samovar.store.errors import BlobMissing

_TRIES = 3
"""A version may go between being found and being opened."""


async def put_object(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    key = params["Key"]
    given.check_key(key)
    condition = conditions.for_write(params)
    meta = given.meta(params, bucket, s3.clock.now())
    if condition is not None:
        why = condition(await s3.index.current(bucket.name, key))
        if why:  # before the bytes are taken in
            raise conditions.refused(why, key)
    content, checksum = await source.take(s3, params)
    meta = msgspec.structs.replace(meta, checksum=checksum, segments=content.segments)
    return created(bucket, await s3.write(ctx, bucket, key, content, meta, "ObjectCreated:Put", condition))


async def get_object(s3: S3, ctx: Context, params: Params) -> Params:
    for _ in range(_TRIES):
        bucket, version = await readable(s3, ctx, params)
        check_archived(version, s3.clock.now())
        answer, start, length = describe(bucket, version, params)
        inline = b"" if version.meta.segments else await s3.index.inline(version)
        if inline is None:
            continue
        body = s3.contents.read(inline, version.meta.segments, start, length)
        try:
            first = await anext(body, b"")
        except BlobMissing:
            continue
        # A small body is answered in one piece.
        answer["Body"] = first if len(first) == length else ranges.chain(first, body)
        return answer
    raise AwsError("InternalError", "We encountered an internal error. Please try again.")


async def head_object(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, version = await readable(s3, ctx, params)
    answer, _, _ = describe(bucket, version, params)
    return answer


async def get_object_attributes(s3: S3, ctx: Context, params: Params) -> Params:
    """Parts are listed where they have checksums of their own."""
    bucket, version = await readable(s3, ctx, params)
    wanted = set(params["ObjectAttributes"])
    meta = version.meta
    answer: Params = {"LastModified": version.last_modified}
    if bucket.versioning:
        answer["VersionId"] = version.id
    if "ETag" in wanted:
        answer["ETag"] = version.etag
    if "Checksum" in wanted and meta.checksum is not None:
        plain = meta.checksum.value.partition("-")[0]
        answer["Checksum"] = {checksums.member(meta.checksum.algorithm): plain, "ChecksumType": meta.checksum.type}
    if "ObjectParts" in wanted and meta.parts:
        answer["ObjectParts"] = parts_of(meta, params)
    if "StorageClass" in wanted:
        answer["StorageClass"] = meta.storage_class
    if "ObjectSize" in wanted:
        answer["ObjectSize"] = version.size
    return answer


async def copy_object(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    key = params["Key"]
    given.check_key(key)
    condition = conditions.for_write(params)
    origin, old = await source.find(s3, ctx, params)
    now = s3.clock.now()
    conditions.check_source(old, params, now)
    source.check_copy(bucket, old, params)
    check_archived(old, now)
    meta = copied(bucket, old, params, now)
    kept = old.meta.checksum.algorithm if old.meta.checksum else checksums.DEFAULT
    content, checksum = await _duplicate(s3, old, given.wanted_algorithm(params) or kept)
    meta = msgspec.structs.replace(meta, checksum=checksum, segments=content.segments)
    version = await s3.write(ctx, bucket, key, content, meta, "ObjectCreated:Copy", condition)
    answer = created(bucket, version)
    inside = ("ETag", "ChecksumType", checksums.member(checksum.algorithm))
    result = {name: answer.pop(name) for name in inside}
    answer["CopyObjectResult"] = {"LastModified": version.last_modified, **result}
    if origin.versioning:
        answer["CopySourceVersionId"] = old.id
    return answer


async def _duplicate(s3: S3, old: Version, algorithm: str) -> tuple[Content, Checksum]:
    """The same bytes once more; they are read only where the ETag or the checksum has to be made anew."""
    known = old.meta.checksum
    if (
        known is not None
        and (known.algorithm, known.type) == (algorithm, checksums.FULL)
        and len(old.meta.segments) == 1
        and "-" not in old.etag
    ):
        segments = await s3.contents.copy(old.meta.segments)
        content = Content(old.size, bytes.fromhex(old.etag), {algorithm: known.value}, b"", segments)
    else:
        inline = b"" if old.meta.segments else await s3.index.inline(old) or b""
        body = s3.contents.read(inline, old.meta.segments, 0, old.size)
        content = await s3.contents.receive(body, [algorithm])
    return content, Checksum(algorithm, content.checksums[algorithm])


