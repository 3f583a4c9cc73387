"""Where the bytes of a new object or part come from: the request's body, or another object.

Owns: taking a body in with everything that is claimed of it, and the rules of copy sources (facts/s3.md §4.4, §4.5).
"""

import re
from urllib.parse import unquote

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3 import checksums, given
from samovar.services.s3.checksums import Checksum
from samovar.services.s3.content import LARGEST, Content, Source
from samovar.services.s3.records import Bucket, Version
from samovar.services.s3.state import S3

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_RANGE_FORM = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
    "offsets of the first and last bytes to copy"
)
_TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
    "metadata, storage class, website redirect location or encryption attributes."
)


async def take(s3: S3, params: Params, also: str = "", keep_inline: bool = True) -> tuple[Content, Checksum]:
    """The body of a request, and its checksum: the claimed one, or the default. `also`: another one to make.

    Raises AwsError where what has come isn't what was claimed; nothing of it is kept then.
    """
    body: Source = params.get("Body") or b""
    announced = "" if isinstance(body, bytes) else body.announced.removeprefix("x-amz-checksum-").upper()
    claimed, _ = given.checksum(params, {})
    made = {claimed, announced, also, given.wanted_algorithm(params), checksums.DEFAULT} & set(checksums.ALGORITHMS)
    content = await s3.contents.receive(body, made, keep_inline)
    try:
        given.check_md5(params, content.md5)
        trailers = {} if isinstance(body, bytes) else body.trailers
        algorithm, value = given.checksum(params, trailers)
        if algorithm and content.checksums.get(algorithm) != value:
            text = f"The {algorithm} you specified did not match the calculated checksum."
            raise AwsError("BadDigest", text)
    except AwsError:
        await s3.forget(content.segments)
        raise
    algorithm = algorithm or given.wanted_algorithm(params) or checksums.DEFAULT
    return content, Checksum(algorithm, content.checksums[algorithm])


async def find(s3: S3, ctx: Context, params: Params) -> tuple[Bucket, Version]:
    """The object that x-amz-copy-source names: `[/]bucket/key[?versionId=id]`, percent-encoded."""
    name, _, query = params["CopySource"].partition("?")
    bucket_name, slash, key = unquote(name).removeprefix("/").partition("/")
    if not slash or not key or not bucket_name:
        text = "Invalid copy source object key"
        raise AwsError(
            "InvalidArgument", text, ArgumentName="x-amz-copy-source", ArgumentValue=params["CopySource"]
        )
    id = query.removeprefix("versionId=") if query.startswith("versionId=") else None
    bucket = s3.bucket(ctx, {"Bucket": bucket_name, "ExpectedBucketOwner": params.get("ExpectedSourceBucketOwner")})
    version = await s3.find(bucket, key, id)
    if version.marker:
        text = "The source of a copy request may not specifically refer to a delete marker by version id."
        raise AwsError("InvalidRequest", text)
    return bucket, version


def check_copy(bucket: Bucket, old: Version, params: Params) -> None:
    """Raises InvalidRequest for a copy onto itself that changes nothing, or of too much at once."""
    if old.size > LARGEST:
        text = f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"
        raise AwsError("InvalidRequest", text)
    same = (old.bucket, old.key) == (bucket.name, params["Key"]) and old.latest
    changed = (
        params.get("MetadataDirective") == "REPLACE"
        or params.get("StorageClass")
        or params.get("WebsiteRedirectLocation")
        or params.get("ServerSideEncryption")
        or old.meta.encryption.get("ServerSideEncryption", "AES256") != "AES256"
        or "encryption" in bucket.settings
    )
    if same and not changed:
        raise AwsError("InvalidRequest", _TO_ITSELF)


def copied_range(params: Params, size: int) -> tuple[int, int]:
    """(start, length) of what UploadPartCopy takes."""
    text = params.get("CopySourceRange")
    if text is None:
        return 0, size
    match = _RANGE.fullmatch(text)
    if match is None or int(match[2]) < int(match[1]):
        raise AwsError(
            "InvalidArgument", _RANGE_FORM, ArgumentName="x-amz-copy-source-range", ArgumentValue=text
        )
    first, last = int(match[1]), int(match[2])
    if first >= size:
        raise AwsError("InvalidRequest", "The specified copy range is invalid for the source object size")
    if last >= size:
        raise AwsError(
            "InvalidArgument",
            f"Range specified is not valid for source object of size: {size}",
            ArgumentName="x-amz-copy-source-range",
            ArgumentValue=text,
        )
    return first, last - first + 1
