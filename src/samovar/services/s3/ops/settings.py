"""The settings of a bucket that are kept as they were given (facts/s3.md §2, §11).

Each has a check of its own where AWS has one; what isn't set is answered in AWS's words.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3 import acl, given, rules
from samovar.services.s3.records import Bucket
from samovar.services.s3.state import S3

_ALL_BLOCKED: Final = {
    "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True,
}  # fmt: skip
_ENCRYPTED: Final = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
}


# --- tags


async def get_bucket_tagging(s3: S3, ctx: Context, params: Params) -> Params:
    return _get(s3, ctx, params, "tagging", "NoSuchTagSet", "The TagSet does not exist")


async def put_bucket_tagging(s3: S3, ctx: Context, params: Params) -> Params:
    tags = given.tag_set(params["Tagging"].get("TagSet") or [], of_object=False)
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return await _put(s3, ctx, params, "tagging", {"TagSet": listed})


async def delete_bucket_tagging(s3: S3, ctx: Context, params: Params) -> Params:
    return await _delete(s3, ctx, params, "tagging")


# --- policy


async def get_bucket_policy(s3: S3, ctx: Context, params: Params) -> Params:
    found = _get(s3, ctx, params, "policy", "NoSuchBucketPolicy", "The bucket policy does not exist")
    return {"Policy": found["Policy"]}


async def put_bucket_policy(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    blocked = bucket.settings.get("publicAccessBlock", _ALL_BLOCKED).get("BlockPublicPolicy")
    if rules.check_policy(params["Policy"], bucket) and blocked:
        raise AwsError("AccessDenied", "Access Denied")
    return await _put(s3, ctx, params, "policy", {"Policy": params["Policy"]})


async def delete_bucket_policy(s3: S3, ctx: Context, params: Params) -> Params:
    return await _delete(s3, ctx, params, "policy")


async def get_bucket_policy_status(s3: S3, ctx: Context, params: Params) -> Params:
    found = _get(s3, ctx, params, "policy", "NoSuchBucketPolicy", "The bucket policy does not exist")
    return {"PolicyStatus": {"IsPublic": rules.check_policy(found["Policy"], s3.bucket(ctx, params))}}


async def get_public_access_block(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    found = bucket.settings.get("publicAccessBlock", _ALL_BLOCKED)
    if not found:
        text = "The public access block configuration was not found"
        raise AwsError("NoSuchPublicAccessBlockConfiguration", text, BucketName=bucket.name)
    return {"PublicAccessBlockConfiguration": found}


async def put_public_access_block(s3: S3, ctx: Context, params: Params) -> Params:
    wanted = {name: bool(params["PublicAccessBlockConfiguration"].get(name)) for name in _ALL_BLOCKED}
    return await _put(s3, ctx, params, "publicAccessBlock", wanted)


async def delete_public_access_block(s3: S3, ctx: Context, params: Params) -> Params:
    return await _put(s3, ctx, params, "publicAccessBlock", {})


async def get_bucket_ownership_controls(s3: S3, ctx: Context, params: Params) -> Params:
    text = "The bucket ownership controls were not found"
    return {"OwnershipControls": _get(s3, ctx, params, "ownershipControls", "OwnershipControlsNotFoundError", text)}


async def put_bucket_ownership_controls(s3: S3, ctx: Context, params: Params) -> Params:
    """Remembered; ACLs stay disabled whatever is chosen (see `acl`)."""
    wanted = params["OwnershipControls"]
    listed = [rule.get("ObjectOwnership") for rule in wanted.get("Rules") or []]
    if len(listed) != 1 or listed[0] not in ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"):
        raise given.malformed()
    return await _put(s3, ctx, params, "ownershipControls", wanted)


async def delete_bucket_ownership_controls(s3: S3, ctx: Context, params: Params) -> Params:
    return await _delete(s3, ctx, params, "ownershipControls")


async def get_bucket_acl(s3: S3, ctx: Context, params: Params) -> Params:
    return acl.of(s3.bucket(ctx, params).account)


async def put_bucket_acl(s3: S3, ctx: Context, params: Params) -> Params:
    acl.check(s3.bucket(ctx, params).account, params)
    return {}


# --- encryption, CORS, website, lifecycle, lock


async def get_bucket_encryption(s3: S3, ctx: Context, params: Params) -> Params:
    found = s3.bucket(ctx, params).settings.get("encryption", _ENCRYPTED)
    return {"ServerSideEncryptionConfiguration": found}


async def put_bucket_encryption(s3: S3, ctx: Context, params: Params) -> Params:
    wanted = params["ServerSideEncryptionConfiguration"]
    if len(wanted.get("Rules") or []) != 1:
        raise given.malformed()
    return await _put(s3, ctx, params, "encryption", wanted)


async def delete_bucket_encryption(s3: S3, ctx: Context, params: Params) -> Params:
    return await _delete(s3, ctx, params, "encryption")


async def get_bucket_cors(s3: S3, ctx: Context, params: Params) -> Params:
    return _get(s3, ctx, params, "cors", "NoSuchCORSConfiguration", "The CORS configuration does not exist")


async def put_bucket_cors(s3: S3, ctx: Context, params: Params) -> Params:
    wanted = params["CORSConfiguration"]
    rules.check_cors(wanted)
    return await _put(s3, ctx, params, "cors", wanted)


async def delete_bucket_cors(s3: S3, ctx: Context, params: Params) -> Params:
    return await _delete(s3, ctx, params, "cors")


async def get_bucket_website(s3: S3, ctx: Context, params: Params) -> Params:
    text = "The specified bucket does not have a website configuration"
    return _get(s3, ctx, params, "website", "NoSuchWebsiteConfiguration", text)


async def put_bucket_website(s3: S3, ctx: Context, params: Params) -> Params:
    """Kept and shown; there is no website host."""
    return await _put(s3, ctx, params, "website", params["WebsiteConfiguration"])


async def delete_bucket_website(s3: S3, ctx: Context, params: Params) -> Params:
    return await _delete(s3, ctx, params, "website")


async def get_bucket_lifecycle_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    text = "The lifecycle configuration does not exist"
    return _get(s3, ctx, params, "lifecycle", "NoSuchLifecycleConfiguration", text)


async def put_bucket_lifecycle_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    wanted = params.get("LifecycleConfiguration")
    if not wanted:
        raise given.malformed()
    smallest = params.get("TransitionDefaultMinimumObjectSize") or "all_storage_classes_128K"
    kept = {**rules.lifecycle(wanted), "TransitionDefaultMinimumObjectSize": smallest}
    await _put(s3, ctx, params, "lifecycle", kept)
    return {"TransitionDefaultMinimumObjectSize": smallest}


async def delete_bucket_lifecycle(s3: S3, ctx: Context, params: Params) -> Params:
    return await _delete(s3, ctx, params, "lifecycle")


async def get_object_lock_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    if not bucket.object_lock:
        text = "Object Lock configuration does not exist for this bucket"
        raise AwsError("ObjectLockConfigurationNotFoundError", text, BucketName=bucket.name)
    found = bucket.settings.get("object-lock", {})
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", **found}}


async def put_object_lock_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    if bucket.versioning != "Enabled":
        text = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise AwsError("InvalidBucketState", text)
    wanted: Any = params.get("ObjectLockConfiguration") or {}
    default = wanted.get("Rule", {}).get("DefaultRetention")
    if wanted.get("ObjectLockEnabled") != "Enabled":
        raise given.malformed()
    if default is not None and (not default.get("Mode") or bool(default.get("Days")) is bool(default.get("Years"))):
        raise given.malformed()
    kept = {"Rule": wanted["Rule"]} if default else {}
    changed = msgspec.structs.replace(bucket, object_lock=True, settings={**bucket.settings, "object-lock": kept})
    await s3.buckets.put((bucket.name,), changed)
    return {}


# --- what tools read, and what is only kept


async def get_bucket_logging(s3: S3, ctx: Context, params: Params) -> Params:
    return dict(s3.bucket(ctx, params).settings.get("logging", {}))


async def put_bucket_logging(s3: S3, ctx: Context, params: Params) -> Params:
    """Only the empty one, which turns logging off: there are no access logs here."""
    if params["BucketLoggingStatus"].get("LoggingEnabled"):
        raise AwsError("NotImplemented", "Access logs of buckets are not implemented by this server.")
    return await _put(s3, ctx, params, "logging", {})


async def get_bucket_request_payment(s3: S3, ctx: Context, params: Params) -> Params:
    return dict(s3.bucket(ctx, params).settings.get("requestPayment", {"Payer": "BucketOwner"}))


async def put_bucket_request_payment(s3: S3, ctx: Context, params: Params) -> Params:
    return await _put(s3, ctx, params, "requestPayment", params["RequestPaymentConfiguration"])


async def get_bucket_accelerate_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    return dict(s3.bucket(ctx, params).settings.get("accelerate", {}))


async def put_bucket_accelerate_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    return await _put(s3, ctx, params, "accelerate", params["AccelerateConfiguration"])


async def get_bucket_replication(s3: S3, ctx: Context, params: Params) -> Params:
    """Nothing is replicated; PutBucketReplication isn't there."""
    s3.bucket(ctx, params)
    raise AwsError("ReplicationConfigurationNotFoundError", "The replication configuration was not found")


async def delete_bucket_replication(s3: S3, ctx: Context, params: Params) -> Params:
    s3.bucket(ctx, params)
    return {}


async def get_bucket_abac(s3: S3, ctx: Context, params: Params) -> Params:
    return {"AbacStatus": s3.bucket(ctx, params).settings.get("abac", {"Status": "Disabled"})}


async def put_bucket_abac(s3: S3, ctx: Context, params: Params) -> Params:
    return await _put(s3, ctx, params, "abac", params["AbacStatus"])


async def get_bucket_inventory_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    raise _no_configuration(s3, ctx, params)


async def get_bucket_analytics_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    raise _no_configuration(s3, ctx, params)


async def get_bucket_metrics_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    raise _no_configuration(s3, ctx, params)


async def get_bucket_intelligent_tiering_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    raise _no_configuration(s3, ctx, params)


async def list_bucket_inventory_configurations(s3: S3, ctx: Context, params: Params) -> Params:
    return _nothing(s3, ctx, params)


async def list_bucket_analytics_configurations(s3: S3, ctx: Context, params: Params) -> Params:
    return _nothing(s3, ctx, params)


async def list_bucket_metrics_configurations(s3: S3, ctx: Context, params: Params) -> Params:
    return _nothing(s3, ctx, params)


async def list_bucket_intelligent_tiering_configurations(s3: S3, ctx: Context, params: Params) -> Params:
    return _nothing(s3, ctx, params)


# --- pieces


def _get(s3: S3, ctx: Context, params: Params, name: str, code: str, text: str) -> Params:
    bucket = s3.bucket(ctx, params)
    found = bucket.settings.get(name)
    if found is None:
        raise AwsError(code, text, BucketName=bucket.name)
    return dict(found)


async def _put(s3: S3, ctx: Context, params: Params, name: str, value: Params) -> Params:
    await _change(s3, s3.bucket(ctx, params), lambda settings: {**settings, name: value})
    return {}


async def _delete(s3: S3, ctx: Context, params: Params, name: str) -> Params:
    bucket = s3.bucket(ctx, params)
    if name in bucket.settings:
        await _change(s3, bucket, lambda settings: {key: kept for key, kept in settings.items() if key != name})
    return {}


async def _change(s3: S3, bucket: Bucket, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    await s3.buckets.put((bucket.name,), msgspec.structs.replace(bucket, settings=change(bucket.settings)))


def _no_configuration(s3: S3, ctx: Context, params: Params) -> AwsError:
    s3.bucket(ctx, params)
    return AwsError("NoSuchConfiguration", "The specified configuration does not exist.")


def _nothing(s3: S3, ctx: Context, params: Params) -> Params:
    s3.bucket(ctx, params)
    return {"IsTruncated": False}
