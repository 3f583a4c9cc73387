"""What a request brings for an object besides its bytes: headers, metadata, tags, checksums, locks.

Pure. Source: facts/s3.md §4.1, §4.5, §8.
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from email.header import decode_header
from typing import Any, Final
from urllib.parse import parse_qsl

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.s3 import checksums
from samovar.services.s3.records import STORAGE_CLASSES, Bucket, Lock, Meta, owner_id

HEADERS: Final = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires",
    "WebsiteRedirectLocation",
)  # fmt: skip
DEFAULT_TYPE: Final = "binary/octet-stream"
_METADATA_LIMIT = 2048
_KEY_LIMIT = 1024
_TAG = re.compile(r"[\w\s+\-=.:/@]*")
_TAG_HEADER = (
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
    "duplicates."
)


def meta(params: Params, bucket: Bucket, now: float) -> Meta:
    """Everything of a new object but its bytes and checksum."""
    return Meta(
        headers=headers(params),
        metadata=metadata(params),
        tags=tags_header(params.get("Tagging")),
        storage_class=storage_class(params),
        encryption=encryption(params),
        lock=lock(params, bucket, now),
        owner=owner_id(bucket.account),
    )


def check_key(key: str) -> None:
    size = len(key.encode())
    if size > _KEY_LIMIT:
        raise AwsError("KeyTooLongError", "Your key is too long", Size=size, MaxSizeAllowed=_KEY_LIMIT)


def headers(params: Params) -> dict[str, str]:
    found = {name: _text(params[name]) for name in HEADERS if params.get(name)}
    found.setdefault("ContentType", DEFAULT_TYPE)
    encoding = found.get("ContentEncoding")
    if encoding:
        # facts/s3.md §0.16: how it was sent isn't how it is.
        kept = ",".join(part for part in encoding.replace(" ", "").split(",") if part != "aws-chunked")
        found = {name: value for name, value in found.items() if name != "ContentEncoding"}
        if kept:
            found["ContentEncoding"] = kept
    return found


def metadata(params: Params) -> dict[str, str]:
    found = {name.lower(): _text(value) for name, value in (params.get("Metadata") or {}).items()}
    if sum(len(name.encode()) + len(value.encode()) for name, value in found.items()) > _METADATA_LIMIT:
        raise AwsError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    return found


def storage_class(params: Params) -> str:
    wanted: str = params.get("StorageClass") or "STANDARD"
    if wanted not in STORAGE_CLASSES:
        text = "The storage class you specified is not valid"
        raise AwsError("InvalidStorageClass", text, StorageClassRequested=wanted)
    return wanted


def encryption(params: Params) -> dict[str, Any]:
    if params.get("SSECustomerAlgorithm") or params.get("SSECustomerKey"):
        text = "Encryption with customer-provided keys (SSE-C) is blocked by the encryption settings of the bucket."
        raise AwsError("AccessDenied", text)
    names = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")
    found = {name: params[name] for name in names if params.get(name)}
    algorithm = found.get("ServerSideEncryption", "AES256")
    if algorithm not in ("AES256", "aws:kms", "aws:kms:dsse"):
        raise AwsError(
            "InvalidEncryptionAlgorithmError",
            "The Encryption request you specified is not valid. Supported value: AES256.",
            ArgumentName="x-amz-server-side-encryption",
            ArgumentValue=algorithm,
        )
    return found


def lock(params: Params, bucket: Bucket, now: float) -> Lock:
    mode, until = params.get("ObjectLockMode"), params.get("ObjectLockRetainUntilDate")
    hold = params.get("ObjectLockLegalHoldStatus") == "ON"
    if not (mode or until or params.get("ObjectLockLegalHoldStatus")):
        return _default_lock(bucket, now)
    if not bucket.object_lock:
        raise AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration")
    if bool(mode) is not bool(until):
        text = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        raise AwsError("InvalidArgument", text)
    check_retention(mode, until, now)
    return Lock(mode or "", until or 0.0, hold)


def check_retention(mode: str | None, until: float | None, now: float) -> None:
    if mode and mode not in ("GOVERNANCE", "COMPLIANCE"):
        raise AwsError("InvalidArgument", "Unknown wormMode directive.")
    if until and until <= now:
        raise AwsError("InvalidArgument", "The retain until date must be in the future!")


def _default_lock(bucket: Bucket, now: float) -> Lock:
    rule = bucket.settings.get("object-lock", {}).get("Rule", {}).get("DefaultRetention", {})
    if not rule:
        return Lock()
    days = rule.get("Days") or 365 * rule.get("Years", 0)
    return Lock(rule["Mode"], now + days * 86_400)


def tags_header(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    pairs = parse_qsl(text, keep_blank_values=True)
    if len({key for key, _ in pairs}) != len(pairs):
        raise AwsError("InvalidArgument", _TAG_HEADER, ArgumentName="x-amz-tagging", ArgumentValue=text)
    return tag_set([{"Key": key, "Value": value} for key, value in pairs], of_object=True)


def tag_set(given: Sequence[Mapping[str, str]], *, of_object: bool) -> dict[str, str]:
    """The tags of a TagSet, checked."""
    found: dict[str, str] = {}
    for tag in given:
        key, value = tag.get("Key"), tag.get("Value")
        if key is None or value is None:
            raise malformed()
        if key in found:
            raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=key)
        if not 0 < len(key) <= 128 or not _TAG.fullmatch(key):
            raise AwsError("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256 or not _TAG.fullmatch(value):
            raise AwsError("InvalidTag", "The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key.startswith("aws:"):
            system = "System tags cannot be added/updated by requester"
            text = "Your TagKey cannot be prefixed with aws:" if of_object else system
            raise AwsError("InvalidTag", text, TagKey=key)
        found[key] = value
    if of_object and len(found) > 10:
        raise AwsError("BadRequest", "Object tags cannot be greater than 10")
    if len(found) > 50:
        raise AwsError("BadRequest", "Bucket tag count cannot be greater than 50")
    return found


def checksum(params: Params, trailers: Mapping[str, str]) -> tuple[str, str]:
    """(algorithm, value) that the request claims of its bytes; empty where it claims none. Raises InvalidRequest."""
    claimed: list[tuple[str, str]] = []
    for name in checksums.ALGORITHMS:
        told = (params.get(checksums.member(name)), trailers.get(f"x-amz-checksum-{name.lower()}"))
        claimed += [(name, value) for value in told if value]
    if len(claimed) > 1:
        text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise AwsError("InvalidRequest", text)
    if not claimed:
        return "", ""
    algorithm, value = claimed[0]
    if not checksums.is_value(algorithm, value):
        text = f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
        raise AwsError("InvalidRequest", text)
    return claimed[0]


def wanted_algorithm(params: Params) -> str:
    """The algorithm that x-amz-checksum-algorithm names; empty: none. Raises InvalidRequest."""
    wanted: str = params.get("ChecksumAlgorithm") or ""
    if wanted and wanted not in checksums.ALGORITHMS:
        text = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        raise AwsError("InvalidRequest", f"{text}[{', '.join(checksums.ALGORITHMS)}]")
    return wanted


def check_md5(params: Params, md5: bytes) -> None:
    """Raises InvalidDigest, BadDigest."""
    claimed = params.get("ContentMD5")
    if claimed is None:
        return
    try:
        digest = b64decode(claimed, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", **{"Content-MD5": claimed})
    if digest != md5:
        text = "The Content-MD5 you specified did not match what we received."
        calculated = checksums.spell(md5)
        raise AwsError("BadDigest", text, ExpectedDigest=claimed, CalculatedDigest=calculated)


def malformed() -> AwsError:
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedXML", text)


def _text(value: str) -> str:
    """A header as text: UTF-8 where it was sent raw, and what RFC 2047 encodes decoded."""
    try:
        value = value.encode("latin-1").decode()
    except UnicodeError:
        return value
    if "=?" not in value:
        return value
    words = decode_header(value)
    return "".join(word if isinstance(word, str) else word.decode(charset or "ascii") for word, charset in words)
