"""What S3's operations need to be allowed (service authorization reference, Amazon S3)."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from samovar.core.access import Access, Given, Need, on, request_tags
from samovar.core.context import Context, Params
from samovar.services.s3.records import Bucket
from samovar.services.s3.state import S3

_PREFIX: Final = "arn:aws:s3:::"
_ON_OBJECT: Final = """
    PutObject GetObject HeadObject CopyObject GetObjectAttributes DeleteObject CreateMultipartUpload UploadPart
    UploadPartCopy CompleteMultipartUpload AbortMultipartUpload ListParts GetObjectTagging PutObjectTagging
    DeleteObjectTagging GetObjectAcl PutObjectAcl GetObjectRetention PutObjectRetention GetObjectLegalHold
    PutObjectLegalHold RestoreObject
"""
_ON_BUCKET: Final = """
    CreateBucket DeleteBucket HeadBucket GetBucketLocation GetBucketVersioning PutBucketVersioning ListObjects
    ListObjectsV2 ListObjectVersions ListMultipartUploads GetBucketTagging PutBucketTagging DeleteBucketTagging
    GetBucketPolicy PutBucketPolicy DeleteBucketPolicy GetBucketPolicyStatus GetPublicAccessBlock PutPublicAccessBlock
    DeletePublicAccessBlock GetBucketOwnershipControls PutBucketOwnershipControls DeleteBucketOwnershipControls
    GetBucketAcl PutBucketAcl GetBucketEncryption PutBucketEncryption DeleteBucketEncryption GetBucketCors PutBucketCors
    DeleteBucketCors GetBucketWebsite PutBucketWebsite DeleteBucketWebsite GetBucketLifecycleConfiguration
    PutBucketLifecycleConfiguration DeleteBucketLifecycle GetObjectLockConfiguration PutObjectLockConfiguration
    GetBucketLogging PutBucketLogging GetBucketRequestPayment PutBucketRequestPayment
    GetBucketAccelerateConfiguration PutBucketAccelerateConfiguration GetBucketReplication DeleteBucketReplication
    GetBucketAbac PutBucketAbac GetBucketNotificationConfiguration PutBucketNotificationConfiguration
    GetBucketInventoryConfiguration GetBucketAnalyticsConfiguration GetBucketMetricsConfiguration
    GetBucketIntelligentTieringConfiguration ListBucketInventoryConfigurations ListBucketAnalyticsConfigurations
    ListBucketMetricsConfigurations ListBucketIntelligentTieringConfigurations
"""
_ACTIONS: Final = {
    "HeadObject": "GetObject", "CopyObject": "PutObject", "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject", "UploadPartCopy": "PutObject", "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts", "DeleteObjects": "DeleteObject", "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket", "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads", "ListBuckets": "ListAllMyBuckets",
    "DeleteBucketTagging": "PutBucketTagging", "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock", "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls", "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration", "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketCors": "GetBucketCORS", "PutBucketCors": "PutBucketCORS", "DeleteBucketCors": "PutBucketCORS",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration", "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
}  # fmt: skip
_UNSIGNED: Final = frozenset((_ON_OBJECT + _ON_BUCKET).split()) - {"CreateBucket"} | {"DeleteObjects"}


def access(state: S3) -> Access:
    return Access(
        "s3",
        on((_object, _ON_OBJECT), (_bucket, _ON_BUCKET), (_objects, "DeleteObjects")),
        actions=_ACTIONS,
        also={"CopyObject": _source, "UploadPartCopy": _source, "GetObjectAttributes": _attributes},
        facts=_facts,
        policy=lambda arn: _policy(state, arn),
        owner=lambda arn: _owner(state, arn),
        unsigned=_UNSIGNED,
    )


def _object(ctx: Context, params: Params) -> str:
    return f"{_PREFIX}{params['Bucket']}/{params['Key']}"


def _bucket(ctx: Context, params: Params) -> str:
    return f"{_PREFIX}{params['Bucket']}"


def _objects(ctx: Context, params: Params) -> list[str]:
    named = params["Delete"].get("Objects") or []
    return [f"{_PREFIX}{params['Bucket']}/{each.get('Key', '')}" for each in named] or [_bucket(ctx, params)]


def _source(ctx: Context, params: Params) -> Sequence[Need]:
    name = unquote(params["CopySource"].partition("?")[0]).removeprefix("/")
    return [Need("s3:GetObject", f"{_PREFIX}{name}")]


def _attributes(ctx: Context, params: Params) -> Sequence[Need]:
    return [Need("s3:GetObject", _object(ctx, params))]


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    names = {
        "Prefix": "s3:prefix", "Delimiter": "s3:delimiter", "MaxKeys": "s3:max-keys", "VersionId": "s3:VersionId",
        "ACL": "s3:x-amz-acl", "StorageClass": "s3:x-amz-storage-class",
        "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    }  # fmt: skip
    found: dict[str, str | tuple[str, ...]] = {
        key: str(params[name]) for name, key in names.items() if params.get(name) is not None
    }
    tags = (params.get("Tagging") or {}) if isinstance(params.get("Tagging"), dict) else {}
    return found | request_tags({tag["Key"]: tag["Value"] for tag in tags.get("TagSet") or [] if "Value" in tag})


def _named(state: S3, arn: str) -> Bucket | None:
    """The bucket of an ARN, which may be an object's."""
    return state.buckets.get((arn.removeprefix(_PREFIX).partition("/")[0],))


def _policy(state: S3, arn: str) -> object:
    bucket = _named(state, arn)
    return bucket.settings.get("policy", {}).get("Policy") if bucket is not None else None


def _owner(state: S3, arn: str) -> str | None:
    bucket = _named(state, arn)
    return bucket.account if bucket is not None else None
