"""What S3's operations need to be allowed (service authorization reference, Amazon S3; facts/s3.md).

Whoever doesn't sign is let in as far as the bucket's policy lets everybody in. ACLs give nothing to others here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from samovar.core.access import Access, Given, Need, on, request_tags
from samovar.core.context import Context, Params
from samovar.services.s3.records import Bucket
from samovar.services.s3.state import S3

_ON_BUCKET = """
    CreateBucket DeleteBucket HeadBucket GetBucketLocation GetBucketVersioning PutBucketVersioning ListObjectsV2
    ListObjects ListObjectVersions ListMultipartUploads GetBucketNotificationConfiguration
    PutBucketNotificationConfiguration
    GetBucketTagging PutBucketTagging DeleteBucketTagging GetBucketPolicy PutBucketPolicy DeleteBucketPolicy
    GetBucketPolicyStatus GetPublicAccessBlock PutPublicAccessBlock DeletePublicAccessBlock
    GetBucketOwnershipControls PutBucketOwnershipControls DeleteBucketOwnershipControls GetBucketAcl PutBucketAcl
    GetBucketEncryption PutBucketEncryption DeleteBucketEncryption GetBucketCors PutBucketCors DeleteBucketCors
    GetBucketWebsite PutBucketWebsite DeleteBucketWebsite GetBucketLifecycleConfiguration
    PutBucketLifecycleConfiguration DeleteBucketLifecycle GetObjectLockConfiguration PutObjectLockConfiguration
    GetBucketLogging PutBucketLogging GetBucketRequestPayment PutBucketRequestPayment GetBucketAccelerateConfiguration
    PutBucketAccelerateConfiguration GetBucketReplication DeleteBucketReplication GetBucketAbac PutBucketAbac
    GetBucketInventoryConfiguration GetBucketAnalyticsConfiguration GetBucketMetricsConfiguration
    GetBucketIntelligentTieringConfiguration ListBucketInventoryConfigurations ListBucketAnalyticsConfigurations
    ListBucketMetricsConfigurations ListBucketIntelligentTieringConfigurations
"""
_ON_OBJECT = """
    GetObject HeadObject PutObject CopyObject DeleteObject GetObjectAttributes GetObjectTagging PutObjectTagging
    DeleteObjectTagging GetObjectAcl PutObjectAcl GetObjectRetention PutObjectRetention GetObjectLegalHold
    PutObjectLegalHold RestoreObject CreateMultipartUpload UploadPart UploadPartCopy CompleteMultipartUpload
    AbortMultipartUpload ListParts
"""


def _versioned(plain: str, versioned: str) -> Callable[[Params], str]:
    return lambda params: versioned if params.get("VersionId") else plain


_ACTIONS: Mapping[str, str | Callable[[Params], str]] = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObject": _versioned("DeleteObject", "DeleteObjectVersion"),
    "DeleteObjectTagging": _versioned("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObject": _versioned("GetObject", "GetObjectVersion"),
    "GetObjectAcl": _versioned("GetObjectAcl", "GetObjectVersionAcl"),
    "GetObjectAttributes": _versioned("GetObjectAttributes", "GetObjectVersionAttributes"),
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetObjectTagging": _versioned("GetObjectTagging", "GetObjectVersionTagging"),
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": _versioned("GetObject", "GetObjectVersion"),
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutObjectAcl": _versioned("PutObjectAcl", "PutObjectVersionAcl"),
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutObjectTagging": _versioned("PutObjectTagging", "PutObjectVersionTagging"),
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}


def access(state: S3) -> Access:
    buckets = state.buckets

    def owner(arn: str) -> str | None:
        bucket = buckets.get((_bucket_of(arn),))
        return bucket.account if bucket else None

    placed = on((_bucket, _ON_BUCKET), (_object, _ON_OBJECT), (_objects, "DeleteObjects"))
    return Access(
        "s3",
        placed,
        actions=_ACTIONS,
        also={
            "CopyObject": _source,
            "GetObjectAttributes": _read,
            "PutObject": _with_object,
            "UploadPartCopy": _source,
        },
        facts=_facts,
        policy=lambda arn: _policy(buckets.get((_bucket_of(arn),))),
        owner=owner,
        unsigned=frozenset(placed) - {"CreateBucket"},
    )


def _bucket_of(arn: str) -> str:
    return arn.removeprefix("arn:aws:s3:::").partition("/")[0]


def _bucket(ctx: Context, params: Params) -> str:
    return f"arn:aws:s3:::{params['Bucket']}"


def _object(ctx: Context, params: Params) -> str:
    return f"arn:aws:s3:::{params['Bucket']}/{params['Key']}"


def _objects(ctx: Context, params: Params) -> Sequence[str]:
    keys = {str(each.get("Key", "")): None for each in params["Delete"].get("Objects") or ()}
    return [f"arn:aws:s3:::{params['Bucket']}/{key}" for key in keys] or _bucket(ctx, params)


def _source(ctx: Context, params: Params) -> Sequence[Need]:
    name, _, query = str(params["CopySource"]).partition("?")
    action = "s3:GetObjectVersion" if "versionId=" in query else "s3:GetObject"
    return [Need(action, f"arn:aws:s3:::{unquote(name).removeprefix('/')}")]


def _read(ctx: Context, params: Params) -> Sequence[Need]:
    return [Need("s3:GetObjectVersion" if params.get("VersionId") else "s3:GetObject", _object(ctx, params))]


def _with_object(ctx: Context, params: Params) -> Sequence[Need]:
    needs = [("Tagging", "s3:PutObjectTagging"), ("ACL", "s3:PutObjectAcl")]
    return [Need(action, _object(ctx, params)) for member, action in needs if params.get(member)]


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    found: dict[str, str | tuple[str, ...]] = {}
    for member, key in (
        ("Prefix", "s3:prefix"),
        ("Delimiter", "s3:delimiter"),
        ("MaxKeys", "s3:max-keys"),
        ("VersionId", "s3:VersionId"),
        ("ACL", "s3:x-amz-acl"),
        ("ServerSideEncryption", "s3:x-amz-server-side-encryption"),
        ("StorageClass", "s3:x-amz-storage-class"),
        ("CopySource", "s3:x-amz-copy-source"),
    ):
        if params.get(member) is not None:
            found[key] = str(params[member])
    tagging = params.get("Tagging")
    tags = tagging.get("TagSet") or () if isinstance(tagging, dict) else ()
    return {**found, **request_tags({tag["Key"]: tag["Value"] for tag in tags if "Value" in tag})}


def _policy(bucket: Bucket | None) -> object:
    """The bucket's policy; where public ones are restricted, without what it gives to everybody."""
    kept = bucket.settings.get("policy") if bucket else None
    if bucket is None or not kept:
        return None
    block: Any = bucket.settings.get("publicAccessBlock", {"RestrictPublicBuckets": True})
    if not block.get("RestrictPublicBuckets"):
        return kept["Policy"]
    document = msgspec.json.decode(kept["Policy"])
    statements = document.get("Statement") or []
    listed = statements if isinstance(statements, list) else [statements]
    return {**document, "Statement": [each for each in listed if not _is_for_everybody(each)]}


def _is_for_everybody(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    free = statement.get("Effect") == "Allow" and not statement.get("Condition")
    return free and (named == "*" or (isinstance(named, list) and "*" in named))
