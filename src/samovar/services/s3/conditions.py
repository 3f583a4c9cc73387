"""Conditional requests: If-Match and its relatives, for reads, copies, writes and deletes.

Pure. Source: facts/s3.md §4.3.
"""

from typing import Any

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.s3.index import Condition
from samovar.services.s3.records import Version

_FAILED = "At least one of the pre-conditions you specified did not hold"
_UNIMPLEMENTED = "A header you provided implies functionality that is not implemented"
MISSING = "the key is missing"


def check_read(version: Version, params: Params, now: float) -> None:
    """Raises PreconditionFailed, or NotModified."""
    match, none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    since, unmodified = params.get("IfModifiedSince"), params.get("IfUnmodifiedSince")
    if match is not None:
        if not _names(match, version):
            raise failed("If-Match")
    elif unmodified is not None and version.last_modified > unmodified:
        raise failed("If-Unmodified-Since")
    if none_match is not None:
        if _names(none_match, version):
            raise _not_modified(version)
    elif since is not None and since <= now and version.last_modified <= since:
        raise _not_modified(version)


def check_source(version: Version, params: Params, now: float) -> None:
    """Of a copy: never 304. Raises PreconditionFailed."""
    match, none_match = params.get("CopySourceIfMatch"), params.get("CopySourceIfNoneMatch")
    since, unmodified = params.get("CopySourceIfModifiedSince"), params.get("CopySourceIfUnmodifiedSince")
    if match is not None:
        if not _names(match, version):
            raise failed("x-amz-copy-source-If-Match")
    elif unmodified is not None and version.last_modified > unmodified:
        raise failed("x-amz-copy-source-If-Unmodified-Since")
    if none_match is not None and _names(none_match, version):
        raise failed("x-amz-copy-source-If-None-Match")
    if since is not None and since <= now and version.last_modified <= since:
        raise failed("x-amz-copy-source-If-Modified-Since")


def for_write(params: Params) -> Condition | None:
    """What must hold when a key is written; None: nothing. Raises NotImplemented for what S3 doesn't take."""
    match, none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    if match is not None and none_match is not None:
        text = "Multiple conditional request headers present in the request"
        raise _unimplemented("If-Match,If-None-Match", text)
    if none_match is not None:
        if none_match != "*":
            text = "We don't accept the provided value of If-None-Match header for this API"
            raise _unimplemented("If-None-Match", text)
        return lambda current: "If-None-Match" if current is not None and not current.marker else ""
    if match is None:
        return None
    if match == "*":
        text = "We don't accept the provided value of If-Match header for this API"
        raise _unimplemented("If-Match", text)
    wanted = match

    def holds(current: Version | None) -> str:
        if current is None or current.marker:
            return MISSING
        return "" if _names(wanted, current) else "If-Match"

    return holds


def for_delete(params: Params) -> Condition | None:
    """Of DeleteObject, and of one entry of DeleteObjects."""
    for name in ("IfMatchLastModifiedTime", "IfMatchSize"):
        if params.get(name) is not None:
            raise _unimplemented(name, "This header is for directory buckets.")
    match = params.get("IfMatch")
    if match is None:
        return None

    def holds(current: Version | None) -> str:
        if current is None or current.marker:
            return "" if match == "*" else MISSING
        return "" if match == "*" or _names(match, current) else "If-Match"

    return holds


def refused(why: str, key: str) -> AwsError:
    """The error for a condition that didn't hold."""
    if why == MISSING:
        return AwsError("NoSuchKey", "The specified key does not exist.", Key=key)
    return failed(why)


def failed(condition: str) -> AwsError:
    return AwsError("PreconditionFailed", _FAILED, Condition=condition)


def _names(tags: str, version: Version) -> bool:
    return any(tag.strip().removeprefix("W/").strip('"') in (version.etag, "*") for tag in tags.split(","))


def _not_modified(version: Version) -> AwsError:
    headers: dict[str, Any] = {"Etag": f'"{version.etag}"'}
    return AwsError("NotModified", "Not Modified", **headers)


def _unimplemented(header: str, additional: str) -> AwsError:
    return AwsError("NotImplemented", _UNIMPLEMENTED, Header=header, additionalMessage=additional)
