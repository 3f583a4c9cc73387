"""What the operations of S3 share: the buckets, the index, the bytes, and the checks that come first.

Owns: `S3`. Rules: bucket names are one namespace for all accounts; who isn't the owner is let in by the gateway's
permissions or not at all.
"""

from collections.abc import Sequence

from samovar.core.clock import Clock
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3.conditions import refused
from samovar.services.s3.content import NOTHING, Content, Contents
from samovar.services.s3.events import Happening
from samovar.services.s3.index import CHANGED, GONE, Condition, Index
from samovar.services.s3.records import (
    NULL,
    Bucket,
    Meta,
    Segment,
    Upload,
    Version,
    is_version_id,
    new_version_id,
    owner_id,
)
from samovar.services.s3.targets import Notifications
from samovar.store.table import Table


class PartsChanged(Exception):
    """Parts of an upload were replaced while it was completed; nothing was written."""


class S3:
    def __init__(
        self, buckets: Table[Bucket], index: Index, contents: Contents, clock: Clock, notifications: Notifications
    ) -> None:
        self.buckets = buckets
        self.index = index
        self.contents = contents
        self.clock = clock
        self.notifications = notifications
        self.announce = notifications.announce

    def bucket(self, ctx: Context, params: Params) -> Bucket:
        """The bucket that a request names. Raises NoSuchBucket, AccessDenied."""
        name = params["Bucket"]
        found = self.buckets.get((name,))
        if found is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", BucketName=name)
        expected = params.get("ExpectedBucketOwner")
        if expected is not None and (len(expected) != 12 or not expected.isdigit()):
            text = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]"
            raise AwsError("InvalidBucketOwnerAWSAccountID", text)
        if expected not in (None, found.account):
            raise AwsError("AccessDenied", "Access Denied")
        return found

    async def version(self, ctx: Context, params: Params) -> tuple[Bucket, Version]:
        """The object or version that a request names. Raises NoSuchKey, NoSuchVersion, MethodNotAllowed."""
        bucket = self.bucket(ctx, params)
        return bucket, await self.find(bucket, params["Key"], params.get("VersionId"))

    async def find(self, bucket: Bucket, key: str, id: str | None) -> Version:
        if id is None:
            found = await self.index.current(bucket.name, key)
            if found is None:
                raise _no_such_key(key)
            if found.marker:
                raise _no_such_key(key, **{"x-amz-delete-marker": "true", "x-amz-version-id": found.id})
            return found
        check_version_id(bucket, id)
        found = await self.index.version(bucket.name, key, id)
        if found is None:
            raise AwsError("NoSuchVersion", "The specified version does not exist.", Key=key, VersionId=id)
        return found

    def new_version(self, bucket: Bucket) -> str:
        """The id that the next version of an object gets."""
        return new_version_id() if bucket.versioning == "Enabled" else NULL

    async def write(
        self,
        ctx: Context,
        bucket: Bucket,
        key: str,
        content: Content | None,
        meta: Meta,
        event: str,
        condition: Condition | None,
        completes: Upload | None = None,
        etag: str = "",
    ) -> Version:
        """Make content the latest version of its key, a delete marker where there is none.

        `completes`: the upload that it was; `etag` where that isn't its MD5.
        Raises PreconditionFailed and the like, PartsChanged; then the content is forgotten.
        """
        now = self.clock.now()
        id, seq = self.new_version(bucket), self.index.next_seq(now)
        content, marker = content or NOTHING, content is None
        etag = etag or content.etag
        version = Version(bucket.name, key, seq, id, True, marker, content.size, etag, now, meta)
        try:
            changes = await self.announce(ctx, bucket, Happening(event, version, now))
            written = await self.index.put(version, content.inline, condition, changes, completes)
        except BaseException:
            await self.forget(content.segments)
            raise
        if written.refused:
            await self.forget(content.segments)
            if written.refused == GONE and completes is not None:
                raise no_such_upload(completes.id)
            if written.refused == CHANGED:
                raise PartsChanged
            raise refused(written.refused, key)
        replaced = written.replaced.meta.segments if written.replaced is not None else ()
        await self.forget([*replaced, *written.dropped])
        return version

    async def mark(self, ctx: Context, bucket: Bucket, key: str, condition: Condition | None, event: str) -> Version:
        """Put a delete marker on top."""
        meta = Meta(owner=owner_id(bucket.account))
        return await self.write(ctx, bucket, key, None, meta, event, condition)

    async def forget(self, segments: Sequence[Segment]) -> None:
        """Their object has gone, or never came."""
        if segments:
            await self.contents.delete(segments)


def check_version_id(bucket: Bucket, id: str) -> None:
    if not is_version_id(id) or (not bucket.versioning and id != NULL):
        text = "Invalid version id specified"
        raise AwsError("InvalidArgument", text, ArgumentName="versionId", ArgumentValue=id)


def is_marker(version: Version, **headers: str) -> AwsError:
    """The error for what a delete marker can't do (facts/s3.md §0.5)."""
    marks = {"x-amz-delete-marker": "true", "x-amz-version-id": version.id}
    text = "The specified method is not allowed against this resource."
    return AwsError("MethodNotAllowed", text, Method="GET", ResourceType="DeleteMarker", **marks, **headers)


def no_such_upload(id: str) -> AwsError:
    text = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
    return AwsError("NoSuchUpload", text + "completed.", UploadId=id)


def _no_such_key(key: str, **headers: str) -> AwsError:
    return AwsError("NoSuchKey", "The specified key does not exist.", Key=key, **headers)
