"""What an object is given later: tags, ACLs, locks, restores (facts/s3.md §8)."""

from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3 import acl, given
from samovar.services.s3.events import Happening
from samovar.services.s3.records import ARCHIVED, Bucket, Lock, Meta, Version
from samovar.services.s3.state import S3, is_marker


async def get_object_tagging(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, version = await _version(s3, ctx, params, "GET")
    tags = [{"Key": key, "Value": value} for key, value in sorted(version.meta.tags.items())]
    return {"TagSet": tags, **_id(bucket, version)}


async def put_object_tagging(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, version = await _version(s3, ctx, params, "PUT")
    tags = given.tag_set(params["Tagging"].get("TagSet") or [], of_object=True)
    await _change(s3, ctx, bucket, version, msgspec.structs.replace(version.meta, tags=tags), "ObjectTagging:Put")
    return _id(bucket, version)


async def delete_object_tagging(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, version = await _version(s3, ctx, params, "DELETE")
    await _change(s3, ctx, bucket, version, msgspec.structs.replace(version.meta, tags={}), "ObjectTagging:Delete")
    return _id(bucket, version)


async def get_object_acl(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, _ = await _version(s3, ctx, params, "GET")
    return acl.of(bucket.account)


async def put_object_acl(s3: S3, ctx: Context, params: Params) -> Params:
    """Only what leaves everything with the owner: ACLs are disabled, as they are in every new bucket of AWS."""
    bucket, _ = await _version(s3, ctx, params, "PUT")
    acl.check(bucket.account, params)
    return {}


async def get_object_retention(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, version = await _version(s3, ctx, params, "GET")
    _check_lockable(bucket)
    lock = version.meta.lock
    if not lock.mode:
        raise _no_lock()
    return {"Retention": {"Mode": lock.mode, "RetainUntilDate": lock.until}}


async def put_object_retention(s3: S3, ctx: Context, params: Params) -> Params:
    """Longer at any time; shorter only in governance mode, with the bypass."""
    bucket, version = await _version(s3, ctx, params, "PUT")
    _check_lockable(bucket)
    wanted: Any = params.get("Retention") or {}
    mode, until = wanted.get("Mode"), wanted.get("RetainUntilDate")
    if bool(mode) is not bool(until):
        raise given.malformed()
    now = s3.clock.now()
    given.check_retention(mode, until, now)
    lock = version.meta.lock
    weaker = (until or 0.0) < lock.until or (lock.mode == "COMPLIANCE" and mode != "COMPLIANCE")
    held = msgspec.structs.replace(lock, hold=False).forbids(now, bool(params.get("BypassGovernanceRetention")))
    if held and weaker:
        raise AwsError("AccessDenied", "Access Denied because object protected by object lock.")
    await _lock(s3, version, Lock(mode or "", until or 0.0, lock.hold))
    return {}


async def get_object_legal_hold(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, version = await _version(s3, ctx, params, "GET")
    _check_lockable(bucket)
    return {"LegalHold": {"Status": "ON" if version.meta.lock.hold else "OFF"}}


async def put_object_legal_hold(s3: S3, ctx: Context, params: Params) -> Params:
    bucket, version = await _version(s3, ctx, params, "PUT")
    _check_lockable(bucket)
    status = (params.get("LegalHold") or {}).get("Status")
    if status not in ("ON", "OFF"):
        raise given.malformed()
    await _lock(s3, version, msgspec.structs.replace(version.meta.lock, hold=status == "ON"))
    return {}


async def restore_object(s3: S3, ctx: Context, params: Params) -> Params:
    """At once: there is no tape here."""
    bucket, version = await _version(s3, ctx, params, "POST")
    if version.meta.storage_class not in ARCHIVED:
        text = "Restore is not allowed for the object's current storage class"
        raise AwsError("InvalidObjectState", text, StorageClass=version.meta.storage_class)
    days = (params.get("RestoreRequest") or {}).get("Days")
    if not days or days < 1:
        raise given.malformed()
    now = s3.clock.now()
    until = (now // 86_400 + 1 + days) * 86_400
    meta = msgspec.structs.replace(version.meta, restored_until=until)
    posted = await s3.announce(ctx, bucket, Happening("ObjectRestore:Post", version, now))
    completed = await s3.announce(ctx, bucket, Happening("ObjectRestore:Completed", version, now))
    await s3.index.change(version, meta, [*posted, *completed])
    return {}


# --- pieces


async def _version(s3: S3, ctx: Context, params: Params, method: str) -> tuple[Bucket, Version]:
    bucket, version = await s3.version(ctx, params)
    if version.marker:
        error = is_marker(version)
        error.members["Method"] = method
        raise error
    return bucket, version


async def _change(s3: S3, ctx: Context, bucket: Bucket, version: Version, meta: Meta, event: str) -> None:
    also = await s3.announce(ctx, bucket, Happening(event, version, s3.clock.now()))
    if not await s3.index.change(version, meta, also):
        raise AwsError("NoSuchKey", "The specified key does not exist.", Key=version.key)


async def _lock(s3: S3, version: Version, lock: Lock) -> None:
    await s3.index.change(version, msgspec.structs.replace(version.meta, lock=lock))


def _id(bucket: Bucket, version: Version) -> Params:
    return {"VersionId": version.id} if bucket.versioning else {}


def _check_lockable(bucket: Bucket) -> None:
    if not bucket.object_lock:
        raise AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration")


def _no_lock() -> AwsError:
    text = "The specified object does not have a ObjectLock configuration"
    return AwsError("NoSuchObjectLockConfiguration", text)
