"""ListObjects, ListObjectsV2, ListObjectVersions (facts/s3.md §6)."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote_plus

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3.listing import Found, Start, walk
from samovar.services.s3.pages import read_token, write_token
from samovar.services.s3.records import Bucket, Version, owner_id
from samovar.services.s3.state import S3, check_version_id

_MOST: Final = 1000


async def list_objects_v2(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    token = params.get("ContinuationToken")
    after = read_token(token, "continuation-token") or ("" if token else params.get("StartAfter") or "")
    shown, last, more = await _page(s3, bucket, params, Start(after), current=True)
    answer = _answer(bucket, params, shown, "Contents", bool(params.get("FetchOwner")))
    answer |= {"IsTruncated": more, "KeyCount": len(shown)}
    if token is not None:
        answer["ContinuationToken"] = token
    elif params.get("StartAfter") is not None:
        answer["StartAfter"] = _speller(params)(params["StartAfter"])
    if more:
        answer["NextContinuationToken"] = write_token(last)
    return answer


async def list_objects(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    shown, last, more = await _page(s3, bucket, params, Start(params.get("Marker") or ""), current=True)
    answer = _answer(bucket, params, shown, "Contents", with_owner=True)
    spell = _speller(params)
    answer |= {"IsTruncated": more, "Marker": spell(params.get("Marker") or "")}
    if more and params.get("Delimiter"):
        answer["NextMarker"] = spell(last)
    return answer


async def list_object_versions(s3: S3, ctx: Context, params: Params) -> Params:
    """Newest first within a key."""
    bucket = s3.bucket(ctx, params)
    key, id = params.get("KeyMarker") or "", params.get("VersionIdMarker") or ""
    start = await _version_start(s3, bucket, key, id)
    shown, last, more = await _page(s3, bucket, params, start, current=False)
    spell = _speller(params)
    plain = {"Delimiter": params.get("Delimiter"), "EncodingType": params.get("EncodingType")}
    answer = _answer(bucket, {**params, **plain}, [each for each in shown if each.version is None], "", False)
    versions = [each.version for each in shown if each.version is not None]
    owner = {"ID": owner_id(bucket.account)}
    for version in versions:
        if version.marker:
            entry = {"Owner": owner, **_identity(version, spell), "LastModified": version.last_modified}
            answer.setdefault("DeleteMarkers", []).append(entry)
        else:
            entry = {**_entry(version, spell), **_identity(version, spell), "Owner": owner}
            answer.setdefault("Versions", []).append(entry)
    answer |= {"IsTruncated": more, "KeyMarker": spell(key), "VersionIdMarker": id}
    if more:
        answer["NextKeyMarker"] = spell(last)
        final = shown[-1].version
        if final is not None:
            answer["NextVersionIdMarker"] = final.id
    return answer


# --- pieces


async def _page(
    s3: S3, bucket: Bucket, params: Params, start: Start, *, current: bool
) -> tuple[list[Found], str, bool]:
    """(the entries, the last key or prefix, whether there are more)."""
    most = params.get("MaxKeys", _MOST)
    if params.get("EncodingType") not in (None, "url"):
        text = "Invalid Encoding Method specified in Request"
        raise AwsError("InvalidArgument", text, ArgumentName="encoding-type", ArgumentValue=params["EncodingType"])
    if most < 0:
        text = "Provided max-keys not an integer or within integer range"
        raise AwsError("InvalidArgument", text, ArgumentName="max-keys", ArgumentValue=most)
    most = min(most, _MOST)
    shown: list[Found] = []
    more = False
    if most:
        found = walk(s3.index, bucket.name, params.get("Prefix") or "", params.get("Delimiter") or "", start, current)
        async for each in found:
            if len(shown) == most:
                more = True
                break
            shown.append(each)
        await found.aclose()  # type: ignore[attr-defined]
    last = (shown[-1].version.key if shown[-1].version else shown[-1].prefix) if shown else ""
    return shown, last, more


async def _version_start(s3: S3, bucket: Bucket, key: str, id: str) -> Start:
    if not id:
        return Start(key)
    if not key:
        text = "A version-id marker cannot be specified without a key marker."
        raise AwsError("InvalidArgument", text, ArgumentName="version-id-marker", ArgumentValue=id)
    check_version_id(bucket, id)
    found = await s3.index.version(bucket.name, key, id)
    return Start(key=key, seq=found.seq) if found is not None else Start(key)


def _answer(bucket: Bucket, params: Params, shown: list[Found], member: str, with_owner: bool) -> Params:
    spell = _speller(params)
    answer: Params = {"Name": bucket.name, "Prefix": spell(params.get("Prefix") or "")}
    if params.get("Delimiter"):
        answer["Delimiter"] = spell(params["Delimiter"])
    answer["MaxKeys"] = min(params.get("MaxKeys", _MOST), _MOST)
    if params.get("EncodingType"):
        answer["EncodingType"] = params["EncodingType"]
    entries = [_entry(each.version, spell) for each in shown if each.version is not None]
    if with_owner:
        entries = [{**entry, "Owner": {"ID": owner_id(bucket.account)}} for entry in entries]
    if entries:
        answer[member] = entries
    prefixes = [{"Prefix": spell(each.prefix)} for each in shown if each.version is None]
    if prefixes:
        answer["CommonPrefixes"] = prefixes
    return answer


def _entry(version: Version, spell: Callable[[str], str]) -> Params:
    entry: Params = {
        "Key": spell(version.key),
        "LastModified": version.last_modified,
        "ETag": f'"{version.etag}"',
        "Size": version.size,
        "StorageClass": version.meta.storage_class,
    }
    checksum = version.meta.checksum
    if checksum is not None:
        entry |= {"ChecksumAlgorithm": [checksum.algorithm], "ChecksumType": checksum.type}
    return entry


def _identity(version: Version, spell: Callable[[str], str]) -> Params:
    return {"Key": spell(version.key), "VersionId": version.id, "IsLatest": version.latest}


def _speller(params: Params) -> Callable[[str], str]:
    """How keys are written: percent-encoded where the client asked for it."""
    return (lambda text: quote_plus(text, safe="/*")) if params.get("EncodingType") == "url" else (lambda text: text)
