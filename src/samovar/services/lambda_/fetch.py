"""The zip of a function or layer: in the request, or an object of S3 that it names.

Owns: which of the two, and whether it is copied (`S3ObjectStorageMode=COPY`, which AWS assumes whenever it isn't given)
or stays where it is (`selfmanaged`). What AWS says of objects that aren't there: facts/lambda-api.md §5.
"""

import msgspec

from samovar.core.context import Context, Params
from samovar.engine.archive import UNZIPPED_LIMIT
from samovar.engine.package import ZIPPED_LIMIT
from samovar.services.lambda_ import selfmanaged
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.selfmanaged import Bucket, S3Object

_S3_MEMBERS = ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode")


class Upload(msgspec.Struct, frozen=True):
    data: bytes
    limit: int
    """Bytes that a zip that came this way may have: for one from S3 it is that of what is unzipped."""
    source: S3Object | None = None
    """Where it stays; None where a copy is to be kept."""

    @property
    def stored(self) -> int:
        """Bytes of the copy."""
        return 0 if self.source else len(self.data)


async def archive(ctx: Context, source: Params, owner: str, bucket: Bucket) -> Upload:
    """`source`: Code of CreateFunction, Content of PublishLayerVersion, or UpdateFunctionCode's own members; `owner`:
    ARN of the function or layer. What is copied is read as the caller, what stays as Lambda, from `bucket`."""
    elsewhere = [member for member in _S3_MEMBERS if member in source]
    if "ZipFile" in source:
        if elsewhere:
            raise invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
        return Upload(source["ZipFile"], ZIPPED_LIMIT)
    if not source.get("S3Bucket") or not source.get("S3Key"):
        raise invalid("Please provide a source for function code.")
    if source.get("S3ObjectStorageMode") == "REFERENCE":
        stays = await bucket.resolve(owner, source)
        return Upload(await bucket.read(stays), UNZIPPED_LIMIT, stays)
    where = source["S3Bucket"], source["S3Key"], source.get("S3ObjectVersion") or ""
    return Upload(await selfmanaged.get(ctx, *where), UNZIPPED_LIMIT)
