"""An object as the operations show it, and what a copy takes over.

Pure but for `readable`. Source: facts/s3.md §4.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3 import checksums, conditions, given, lifecycle, ranges
from samovar.services.s3.records import ARCHIVED, Bucket, Meta, Version
from samovar.services.s3.state import S3, is_marker
from samovar.wire import text

_OVERRIDES: Final = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


async def readable(s3: S3, ctx: Context, params: Params) -> tuple[Bucket, Version]:
    """The object of a read, whose conditions hold. Raises what AWS answers otherwise."""
    bucket, version = await s3.version(ctx, params)
    if version.marker:
        modified = text.write_timestamp(version.last_modified, "rfc822")
        raise is_marker(version, **{"Allow": "DELETE", "Last-Modified": modified})
    conditions.check_read(version, params, s3.clock.now())
    return bucket, version


def created(bucket: Bucket, version: Version) -> Params:
    """What every answer to a new object says."""
    answer: Params = {"ETag": f'"{version.etag}"', **encryption_of(bucket, version)}
    checksum = version.meta.checksum
    if checksum is not None:
        answer[checksums.member(checksum.algorithm)] = checksum.value
        answer["ChecksumType"] = checksum.type
    if bucket.versioning == "Enabled":
        answer["VersionId"] = version.id
    return answer | _expiration(bucket, version)


def describe(bucket: Bucket, version: Version, params: Params) -> tuple[Params, int, int]:
    """(the headers of an object, and which of its bytes are asked for: start, length)."""
    meta = version.meta
    found = ranges.choose(version, params)
    answer: Params = {
        "AcceptRanges": "bytes",
        "LastModified": version.last_modified,
        "ContentLength": found.length,
        "ETag": f'"{version.etag}"',
        "Metadata": {name: _latin(value) for name, value in meta.metadata.items()},
        **{name: _latin(value) for name, value in meta.headers.items()},
        **encryption_of(bucket, version),
    }
    for name, header in _OVERRIDES.items():
        if params.get(name) is not None:
            answer[header] = params[name]
    if found.content_range:
        answer["ContentRange"] = found.content_range
    if found.parts_count:
        answer["PartsCount"] = found.parts_count
    if params.get("ChecksumMode") == "ENABLED":
        answer.update(found.checksum)
    if bucket.versioning:
        answer["VersionId"] = version.id
    answer.update(_extras(version) | _expiration(bucket, version))
    return answer, found.start, found.length


def _expiration(bucket: Bucket, version: Version) -> Params:
    told = lifecycle.expiry_header(bucket, version)
    return {"Expiration": told} if told else {}


def _extras(version: Version) -> Params:
    meta, lock = version.meta, version.meta.lock
    answer: Params = {}
    if meta.storage_class != "STANDARD":
        answer["StorageClass"] = meta.storage_class
    if meta.tags:
        answer["TagCount"] = len(meta.tags)
    if meta.restored_until:
        expiry = text.write_timestamp(meta.restored_until, "rfc822")
        answer["Restore"] = f'ongoing-request="false", expiry-date="{expiry}"'
    if lock.mode:
        answer |= {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": lock.until}
    if lock.hold:
        answer["ObjectLockLegalHoldStatus"] = "ON"
    return answer


def encryption_of(bucket: Bucket, version: Version) -> Params:
    """As the object was asked to be encrypted, else as its bucket is (facts/s3.md §8.3)."""
    return dict(version.meta.encryption) or default_encryption(bucket)


def default_encryption(bucket: Bucket) -> Params:
    rules: Sequence[Any] = bucket.settings.get("encryption", {}).get("Rules", [])
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    answer: Params = {"ServerSideEncryption": default.get("SSEAlgorithm", "AES256")}
    if default.get("KMSMasterKeyID"):
        answer["SSEKMSKeyId"] = default["KMSMasterKeyID"]
    return answer


def check_archived(version: Version, now: float) -> None:
    """Raises InvalidObjectState."""
    if version.meta.storage_class in ARCHIVED and version.meta.restored_until <= now:
        text = "The operation is not valid for the object's storage class"
        raise AwsError("InvalidObjectState", text, StorageClass=version.meta.storage_class)


def parts_of(meta: Meta, params: Params) -> Params:
    """ObjectParts of GetObjectAttributes."""
    after, most = int(params.get("PartNumberMarker") or 0), params.get("MaxParts") or 1000
    listed = [part for part in meta.parts if part.number > after]
    shown = listed[:most]
    answer: Params = {
        "TotalPartsCount": len(meta.parts),
        "PartNumberMarker": str(after),
        "NextPartNumberMarker": str(shown[-1].number if shown else 0),
        "MaxParts": most,
        "IsTruncated": len(listed) > most,
    }
    if meta.checksum is not None and meta.checksum.type == checksums.COMPOSITE:
        member = checksums.member(meta.checksum.algorithm)
        answer["Parts"] = [{"PartNumber": p.number, "Size": p.size, member: p.checksum} for p in shown]
    return answer


def copied(bucket: Bucket, old: Version, params: Params, now: float) -> Meta:
    """What goes over with a copy, and what the request says anew (facts/s3.md §4.4)."""
    meta = given.meta(params, bucket, now)
    if params.get("MetadataDirective", "COPY") != "REPLACE":
        headers = {name: value for name, value in old.meta.headers.items() if name != "WebsiteRedirectLocation"}
        if params.get("WebsiteRedirectLocation"):
            headers["WebsiteRedirectLocation"] = params["WebsiteRedirectLocation"]
        meta = msgspec.structs.replace(meta, headers=headers, metadata=old.meta.metadata)
    if params.get("TaggingDirective", "COPY") != "REPLACE":
        meta = msgspec.structs.replace(meta, tags=old.meta.tags)
    return meta


def _latin(value: str) -> str:
    """A header's value: RFC 2047 where it isn't ASCII (facts/s3.md §4.1)."""
    return value if value.isascii() else ranges.encode_word(value)
