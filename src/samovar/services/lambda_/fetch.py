"""The zip of a function or layer: in the request, or an object of S3 that it names.

Owns: which of the two, and what AWS says of objects that aren't there (facts/lambda-api.md §5). Rule: the object is
copied; S3ObjectStorageMode=REFERENCE, which would leave it where it is, is refused.
"""

from collections.abc import AsyncIterable

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.lambda_.configure import not_implemented
from samovar.services.lambda_.names import invalid

_S3_MEMBERS = ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode")
_LARGEST = 250 * 1024 * 1024
"""The limit of what is unzipped holds for the zip as well."""


async def archive(ctx: Context, source: Params) -> bytes:
    """`source`: Code of CreateFunction, Content of PublishLayerVersion, or UpdateFunctionCode's own members."""
    elsewhere = [member for member in _S3_MEMBERS if member in source]
    if "ZipFile" in source:
        if elsewhere:
            raise invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
        data: bytes = source["ZipFile"]
        return data
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
        said = f"S3 Error Code: {error.code}. S3 Error Message: {error.message}"
        raise invalid(f"Error occurred while GetObject. {said}") from None
    return await _whole(answer["Body"], answer["ContentLength"])


async def _whole(body: bytes | AsyncIterable[bytes], size: int) -> bytes:
    if size > _LARGEST:
        raise invalid(f"Unzipped size must be smaller than {_LARGEST} bytes")
    return body if isinstance(body, bytes) else b"".join([part async for part in body])
