"""Code that stays in a bucket: `S3ObjectStorageMode=REFERENCE`, which AWS calls self-managed S3 code storage.

Owns: S3Object, which one version of one object is, and Bucket, which reads them. Refuses: what becomes of functions
whose object is lost (`jobs`), and copies (`fetch`).

1. An object is named with its version, so that its bytes never change; a bucket without versioning isn't taken.
2. Lambda reads it, not the caller: where permissions count, the bucket's policy must allow `lambda.amazonaws.com`
   s3:GetObject and s3:GetObjectVersion, for the function or layer (`aws:SourceArn`).
3. No copy of the zip is kept. Its unpacked tree is, as a cache: who lost it reads the object again.

Source: the developer guide's page on self-managed S3 code storage; facts/lambda-api.md §4.5.
"""

from collections.abc import AsyncIterable

import msgspec

from samovar.core import arn
from samovar.core.context import Acting, Context, Params
from samovar.core.errors import AwsError
from samovar.engine.archive import UNZIPPED_LIMIT
from samovar.services.lambda_.names import invalid

PRINCIPAL = "lambda.amazonaws.com"

_AWAY = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes that can't be read at once."""
_PASSING = frozenset({"InternalError", "ServiceUnavailable", "SlowDown", "ServiceException"})
"""What S3 says of itself, not of the object."""


class S3Object(msgspec.Struct, frozen=True):
    bucket: str
    key: str
    version: str
    owner: str
    """ARN of the function or layer that it is the code of, unqualified."""


class Problem(msgspec.Struct, frozen=True):
    code: str
    """As S3 says it."""
    message: str


class Bucket:
    """Reads objects, for the functions and layers that they belong to."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    async def resolve(self, owner: str, source: Params) -> S3Object:
        """The object version that a request's code or content means: the one it names, or the current one."""
        version = source.get("S3ObjectVersion") or ""
        if not version:
            try:
                head = await self._call("HeadObject", S3Object(source["S3Bucket"], source["S3Key"], "", owner))
            except AwsError as error:
                raise _refused(error) from None
            version = head.get("VersionId") or ""
        if version in ("", "null"):
            raise invalid(
                "S3ObjectStorageMode REFERENCE needs a version of the object: enable versioning for the bucket "
                f"{source['S3Bucket']}, and upload the object again."
            )
        return S3Object(source["S3Bucket"], source["S3Key"], version, owner)

    async def read(self, object: S3Object) -> bytes:
        """Raises InvalidParameterValueException with what S3 said."""
        try:
            return await _whole(await self._call("GetObject", object))
        except AwsError as error:
            raise _refused(error) from None

    async def check(self, object: S3Object) -> None:
        """Raises InvalidParameterValueException, with what S3 said, when it can't be read any more."""
        problem = await self.problem(object)
        if problem is not None:
            raise unreadable(problem)

    async def problem(self, object: S3Object) -> Problem | None:
        """Why it can't be read any more; None if it can, or if S3 can't say that now."""
        try:
            head = await self._call("HeadObject", object)
        except AwsError as error:
            return None if error.code in _PASSING else _said(error)
        if head.get("StorageClass") in _AWAY and 'ongoing-request="false"' not in head.get("Restore", ""):
            return Problem("InvalidObjectState", "The operation is not valid for the object's storage class")
        return None

    async def _call(self, operation: str, object: S3Object) -> Params:
        place = arn.parse(object.owner)
        assert place is not None
        ctx = self._acting(place.account, place.region, PRINCIPAL, object.owner)
        return await _ask(ctx, operation, object.bucket, object.key, object.version)


async def get(ctx: Context, bucket: str, key: str, version: str) -> bytes:
    """The bytes of an object; raises what AWS answers when S3 refuses it to the caller (facts/lambda-api.md §5)."""
    try:
        return await _whole(await _ask(ctx, "GetObject", bucket, key, version))
    except AwsError as error:
        raise _refused(error) from None


async def _ask(ctx: Context, operation: str, bucket: str, key: str, version: str) -> Params:
    return await ctx.call("s3", operation, {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {}))


async def _whole(answer: Params) -> bytes:
    """The bytes of an object as GetObject answers it."""
    body: bytes | AsyncIterable[bytes] = answer["Body"]
    if answer["ContentLength"] > UNZIPPED_LIMIT:
        raise invalid(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
    return body if isinstance(body, bytes) else b"".join([part async for part in body])


def shown(object: S3Object) -> Params:
    """As GetFunction and GetLayerVersion show it (`ResolvedS3Object`)."""
    return {"S3Bucket": object.bucket, "S3Key": object.key, "S3ObjectVersion": object.version}


def unreadable(problem: Problem) -> AwsError:
    return invalid(
        f"Error occurred while GetObject. S3 Error Code: {problem.code}. S3 Error Message: {problem.message}"
    )


def _said(error: AwsError) -> Problem:
    if error.code == "NotImplementedException":  # a service that isn't on this server has no buckets
        return Problem("NoSuchBucket", "The specified bucket does not exist")
    return Problem("AccessDenied" if error.code == "AccessDeniedException" else error.code, error.message)


def _refused(error: AwsError) -> AwsError:
    """What the caller of Lambda is told of what S3 said."""
    return error if error.code == "InvalidParameterValueException" else unreadable(_said(error))
