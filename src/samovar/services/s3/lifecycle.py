"""When the rules of a bucket let objects expire, change their class, or end uploads.

Pure. Source: facts/s3.md §10, Lifecycle. Rule: days count from the object's date and end at the next midnight (UTC).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from samovar.services.s3.records import Bucket, Version
from samovar.wire import text

DAY_S: Final = 86_400


def rules_of(bucket: Bucket) -> list[Any]:
    """The enabled ones."""
    return [rule for rule in bucket.settings.get("lifecycle", {}).get("Rules", []) if rule["Status"] == "Enabled"]


def covers(rule: Mapping[str, Any], key: str, size: int, tags: Mapping[str, str]) -> bool:
    """Whether a rule is about an object."""
    given = rule.get("Filter") or {}
    parts = [given, given.get("And") or {}]
    prefixes = [rule.get("Prefix") or "", *(part.get("Prefix") or "" for part in parts)]
    wanted = [*([given["Tag"]] if given.get("Tag") else []), *((given.get("And") or {}).get("Tags") or [])]
    return (
        all(key.startswith(prefix) for prefix in prefixes)
        and all(tags.get(tag["Key"]) == tag["Value"] for tag in wanted)
        and all(size > part.get("ObjectSizeGreaterThan", -1) for part in parts)
        and all(size < part.get("ObjectSizeLessThan", 2**63) for part in parts)
    )


def due(since: float, days: int) -> float:
    """The midnight at which something has lasted `days`."""
    return (since // DAY_S + days + 1) * DAY_S


def expiry(rules: Sequence[Any], version: Version) -> tuple[float, str] | None:
    """(when a current version expires, the rule's id); the earliest."""
    found: list[tuple[float, str]] = []
    for rule in rules:
        expiration = rule.get("Expiration") or {}
        if covers(rule, version.key, version.size, version.meta.tags):
            if expiration.get("Days"):
                found.append((due(version.modified, expiration["Days"]), rule["ID"]))
            elif expiration.get("Date"):
                found.append((expiration["Date"], rule["ID"]))
    return min(found, default=None)


def expiry_header(bucket: Bucket, version: Version) -> str:
    """x-amz-expiration of a current version in a bucket without versions; empty: it stays."""
    found = expiry(rules_of(bucket), version) if not bucket.versioning else None
    if found is None:
        return ""
    when, rule = found
    return f'expiry-date="{text.write_timestamp(when, "rfc822")}", rule-id="{rule}"'


def storage_class(rules: Sequence[Any], version: Version, now: float) -> str:
    """The class that a current version should be in by now; empty: as it is."""
    found: list[tuple[float, str]] = []
    for rule in rules:
        if covers(rule, version.key, version.size, version.meta.tags):
            for each in rule.get("Transitions") or []:
                when = each["Date"] if each.get("Date") else due(version.modified, each.get("Days", 0))
                if when <= now:
                    found.append((when, each["StorageClass"]))
    wanted = max(found, default=(0.0, ""))[1]
    return "" if wanted == version.meta.storage_class else wanted


def outdated(rules: Sequence[Any], versions: Sequence[Version], now: float) -> list[Version]:
    """Of one key's versions, newest first: the noncurrent ones whose time is over, and a marker that hides nothing."""
    gone: dict[int, Version] = {}
    for rule in rules:
        limits = rule.get("NoncurrentVersionExpiration") or {}
        keep = limits.get("NewerNoncurrentVersions", 0)
        if limits.get("NoncurrentDays"):
            for number, (newer, version) in enumerate(pairwise(versions)):
                old = due(newer.modified, limits["NoncurrentDays"]) <= now
                if old and number >= keep and covers(rule, version.key, version.size, version.meta.tags):
                    gone[version.seq] = version
        if (rule.get("Expiration") or {}).get("ExpiredObjectDeleteMarker"):
            alone = len(versions) == 1 and versions[0].marker
            if alone and covers(rule, versions[0].key, 0, {}):
                gone[versions[0].seq] = versions[0]
    return list(gone.values())
