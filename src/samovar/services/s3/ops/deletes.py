"""DeleteObject, DeleteObjects (facts/s3.md §5)."""

from typing import Final

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3 import conditions, given
from samovar.services.s3.events import Happening
from samovar.services.s3.index import GONE, Condition
from samovar.services.s3.records import NULL, Bucket
from samovar.services.s3.state import S3, check_version_id

_MOST: Final = 1000
_LOCKED: Final = "Access Denied because object protected by object lock."


async def delete_object(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    bypass = bool(params.get("BypassGovernanceRetention"))
    if bypass and not bucket.object_lock:
        text = "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets."
        raise AwsError("InvalidArgument", text, ArgumentName="x-amz-bypass-governance-retention")
    condition = conditions.for_delete(params)
    if params.get("VersionId"):
        check_version_id(bucket, params["VersionId"])
    return await _delete(s3, ctx, bucket, params["Key"], params.get("VersionId"), condition, bypass)


async def delete_objects(s3: S3, ctx: Context, params: Params) -> Params:
    """Each by itself: one that can't go doesn't keep the others."""
    bucket = s3.bucket(ctx, params)
    wanted = params["Delete"].get("Objects") or []
    if not 0 < len(wanted) <= _MOST or any(not each.get("Key") for each in wanted):
        raise given.malformed()
    bypass = bool(params.get("BypassGovernanceRetention"))
    deleted, errors = [], []
    for each in wanted:
        key, id = each["Key"], each.get("VersionId")
        named = {"Key": key, "VersionId": id} if id else {"Key": key}
        try:
            if id:
                _check_entry(bucket, id)
            condition = conditions.for_delete({"IfMatch": each.get("ETag")})
            answer = await _delete(s3, ctx, bucket, key, id, condition, bypass)
        except AwsError as error:
            errors.append({**named, "Code": error.code, "Message": error.message})
            continue
        if answer.get("DeleteMarker"):
            named |= {"DeleteMarker": True, "DeleteMarkerVersionId": answer["VersionId"]}
        deleted.append(named)
    result: Params = {"Errors": errors} if errors else {}
    return result if params["Delete"].get("Quiet") else {"Deleted": deleted, **result}


def _check_entry(bucket: Bucket, id: str) -> None:
    try:
        check_version_id(bucket, id)
    except AwsError:
        raise AwsError("NoSuchVersion", "The specified version does not exist.") from None


async def _delete(
    s3: S3, ctx: Context, bucket: Bucket, key: str, id: str | None, condition: Condition | None, bypass: bool
) -> Params:
    if id is not None:
        return await _remove(s3, ctx, bucket, key, id, condition, bypass)
    if not bucket.versioning:
        await _remove(s3, ctx, bucket, key, NULL, condition, bypass)
        return {}
    marker = await s3.mark(ctx, bucket, key, condition, "ObjectRemoved:DeleteMarkerCreated")
    return {"DeleteMarker": True, "VersionId": marker.id}


async def _remove(
    s3: S3, ctx: Context, bucket: Bucket, key: str, id: str, condition: Condition | None, bypass: bool
) -> Params:
    now = s3.clock.now()
    found = await s3.index.version(bucket.name, key, id)
    if found is not None and found.meta.lock.forbids(now, bypass):
        raise AwsError("AccessDenied", _LOCKED)
    happening = Happening("ObjectRemoved:Delete", found, now) if found is not None else None
    also = await s3.announce(ctx, bucket, happening) if happening is not None else []
    written = await s3.index.remove(bucket.name, key, id, condition, also)
    if written.refused not in ("", GONE):
        raise conditions.refused(written.refused, key)
    answer: Params = {"VersionId": id} if bucket.versioning else {}
    if written.replaced is not None:
        await s3.forget(written.replaced.meta.segments)
        if written.replaced.marker:
            answer["DeleteMarker"] = True
    return answer
