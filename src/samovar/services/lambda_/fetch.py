"""The zip of a function or layer: in the request, or an object of S3 that it names.

Owns: which of the two, and what AWS says of objects that aren't there (facts/lambda-api.md §5). Rule: the object is
copied; S3ObjectStorageMode=REFERENCE, which would leave it where it is, is refused.
"""

from collections.abc import AsyncIterable

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.engine.archive import UNZIPPED_LIMIT
from samovar.engine.package import ZIPPED_LIMIT
from samovar.services.lambda_.configure import not_implemented
from samovar.services.lambda_.names import invalid

_S3_MEMBERS = ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode")


class Upload(msgspec.Struct, frozen=True):
    data: bytes
    limit: int
    """Bytes that a zip that came this way may have: for one from S3 it is that of what is unzipped."""


async def archive(ctx: Context, source: Params) -> Upload:
    """`source`: Code of CreateFunction, Content of PublishLayerVersion, or UpdateFunctionCode's own members."""
    elsewhere = [member for member in _S3_MEMBERS if member in source]
    if "ZipFile" in source:
        if elsewhere:
            raise invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
        return Upload(source["ZipFile"], ZIPPED_LIMIT)
    if not source.get("S3Bucket") or not source.get("S3Key"):
        raise invalid("Please provide a source for function code.")
    if source.get("S3ObjectStorageMode") == "REFERENCE":
        raise not_implemented("S3ObjectStorageMode=REFERENCE")
    wanted: Params = {"Bucket": source["S3Bucket"], "Key": source["S3Key"]}
    if source.get("S3ObjectVersion"):
        wanted["VersionId"] = source["S3ObjectVersion"]
    try:
        answer = await ctx.call("s3", "GetObject", wanted)
    except AwsError as error:
        code, message = error.code, error.message
        if code == "NotImplementedException":  # a service that isn't on this server has no buckets
            code, message = "NoSuchBucket", "The specified bucket does not exist"
        said = f"S3 Error Code: {code}. S3 Error Message: {message}"
        raise invalid(f"Error occurred while GetObject. {said}") from None
    return Upload(await _whole(answer["Body"], answer["ContentLength"]), UNZIPPED_LIMIT)


async def _whole(body: bytes | AsyncIterable[bytes], size: int) -> bytes:
    if size > UNZIPPED_LIMIT:
        raise invalid(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
    return body if isinstance(body, bytes) else b"".join([part async for part in body])
