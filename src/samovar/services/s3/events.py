"""What happens to objects, as notifications tell it: S3's records and EventBridge's events.

Owns: `Happening` and the two forms. Pure. Source: facts/s3.md §9.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from samovar.core.clock import iso_z
from samovar.core.context import Context
from samovar.services.s3.records import NULL, Bucket, Version, owner_id
from samovar.wire.buckets import request_ids

_OTHER_VERSIONS: Final = {"ObjectTagging": "2.3", "ObjectAcl": "2.3", "LifecycleExpiration": "2.3"}
_EMPTY_ETAG: Final = "d41d8cd98f00b204e9800998ecf8427e"
_REASONS: Final = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_DETAIL_TYPES: Final = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "LifecycleExpiration": "Object Deleted",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl:Put": "Object ACL Updated",
    "ObjectRestore:Post": "Object Restore Initiated",
    "ObjectRestore:Completed": "Object Restore Completed",
}


class Happening(msgspec.Struct, frozen=True):
    """One event of one object."""

    name: str
    """`ObjectCreated:Put`, without `s3:`."""
    version: Version
    time: float

    @property
    def family(self) -> str:
        return self.name.partition(":")[0]

    @property
    def has_size(self) -> bool:
        return self.family in ("ObjectCreated", "ObjectRestore")


def record(what: Happening, ctx: Context, bucket: Bucket, configuration: str, source_ip: str) -> dict[str, Any]:
    """The document that queues, topics and functions get."""
    short, long = request_ids(ctx.request_id)
    content = {
        "eventVersion": _OTHER_VERSIONS.get(what.family, "2.1"),
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": iso_z(what.time),
        "eventName": what.name,
        "userIdentity": {"principalId": f"AWS:{_principal(ctx)}"},
        "requestParameters": {"sourceIPAddress": source_ip},
        "responseElements": {"x-amz-request-id": short, "x-amz-id-2": long},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": f"A{owner_id(bucket.account)[:13].upper()}"},
                "arn": bucket.arn,
            },
            "object": _object(what),
        },
    }
    return {"Records": [content]}


def entry(what: Happening, ctx: Context, bucket: Bucket, source_ip: str) -> dict[str, Any]:
    """The entry of PutEvents."""
    version = what.version
    object_: dict[str, Any] = {"key": version.key}
    if what.has_size:
        object_["size"] = version.size
    if what.family not in ("ObjectRemoved", "LifecycleExpiration"):
        object_["etag"] = version.etag
    elif version.marker:
        object_["etag"] = _EMPTY_ETAG
    if version.id != NULL:
        object_["version-id"] = version.id
    if what.family not in ("ObjectTagging", "ObjectAcl"):
        object_["sequencer"] = sequencer(version)
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": object_,
        "request-id": request_ids(ctx.request_id)[0],
        "requester": "s3.amazonaws.com" if what.family == "LifecycleExpiration" else ctx.account,
        "source-ip-address": source_ip,
    }
    if what.name in _REASONS:
        detail["reason"] = _REASONS[what.name]
    elif what.family in ("ObjectRemoved", "LifecycleExpiration"):
        detail["reason"] = "DeleteObject" if what.family == "ObjectRemoved" else "Lifecycle Expiration"
        detail["deletion-type"] = "Delete Marker Created" if version.marker else "Permanently Deleted"
    kind = _DETAIL_TYPES.get(what.name) or _DETAIL_TYPES[what.family]
    return {
        "Source": "aws.s3",
        "DetailType": kind,
        "Detail": msgspec.json.encode(detail).decode(),
        "Resources": [bucket.arn],
        "Time": what.time,
    }


def test_event(ctx: Context, bucket: Bucket, now: float) -> dict[str, Any]:
    short, long = request_ids(ctx.request_id)
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso_z(now),
        "Bucket": bucket.name,
        "RequestId": short,
        "HostId": long,
    }


def matches(configuration: Mapping[str, Any], what: Happening) -> bool:
    """Whether one configured notification is about this."""
    names = configuration["Events"]
    if not any(name in (f"s3:{what.name}", f"s3:{what.family}:*") for name in names):
        return False
    key = what.version.key
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return all(
        key.startswith(rule["Value"]) if rule["Name"].lower() == "prefix" else key.endswith(rule["Value"])
        for rule in rules
    )


def sequencer(version: Version) -> str:
    """Upper-case hex; a later write of the same key has a greater one."""
    return f"{version.seq:018X}"


def _object(what: Happening) -> dict[str, Any]:
    version = what.version
    content: dict[str, Any] = {"key": quote_plus(version.key, safe="/")}
    if what.has_size:
        content["size"] = version.size
    if what.family not in ("ObjectRemoved", "LifecycleExpiration"):
        content["eTag"] = version.etag
    elif version.marker:
        content["eTag"] = _EMPTY_ETAG
    if version.id != NULL:
        content["versionId"] = version.id
    if what.family not in ("ObjectTagging", "ObjectAcl"):
        content["sequencer"] = sequencer(version)
    return content


def _principal(ctx: Context) -> str:
    """What stands for the caller's unique id: the last piece of its ARN, or its account."""
    last = ctx.principal.rpartition("/")[2]
    return ctx.account if last.endswith(":root") else last
