"""Lifecycle rules, once a day at midnight (UTC), as on AWS.

Rule: what is interrupted goes on at the next start, as nothing is remembered but the objects themselves.
"""

import itertools
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from samovar.core.context import Acting, Context
from samovar.services.s3 import lifecycle
from samovar.services.s3.events import Happening
from samovar.services.s3.listing import Start, walk
from samovar.services.s3.records import Bucket, Version
from samovar.services.s3.state import S3
from samovar.services.s3.targets import PRINCIPAL
from samovar.store.errors import StoreError

_MOST_UPLOADS = 100_000
_log = logging.getLogger(__name__)


async def run(state: S3, acting: Acting) -> None:
    while True:
        begun = state.clock.now()  # a midnight that comes during a sweep isn't missed
        try:
            await sweep(state, acting)
        except StoreError as error:
            _log.warning("lifecycle rules are tried again at midnight: %s", error)
        await state.clock.sleep_until((begun // lifecycle.DAY_S + 1) * lifecycle.DAY_S)


async def sweep(state: S3, acting: Acting) -> None:
    """Do what the rules of all buckets say is due."""
    for _, bucket in list(state.buckets.items()):
        rules = lifecycle.rules_of(bucket)
        if rules:
            ctx = acting(bucket.account, bucket.region, PRINCIPAL, bucket.arn)
            await _end_uploads(state, bucket, rules)
            async for versions in _keys(state, bucket):
                await _treat(state, ctx, bucket, rules, versions)


async def _keys(state: S3, bucket: Bucket) -> AsyncIterator[list[Version]]:
    """The versions of each key, newest first."""
    versions: list[Version] = []
    async for found in walk(state.index, bucket.name, "", "", Start(), current=False):
        assert found.version is not None
        if versions and versions[0].key != found.version.key:
            yield versions
            versions = []
        versions.append(found.version)
    if versions:
        yield versions


async def _treat(state: S3, ctx: Context, bucket: Bucket, rules: Sequence[Any], versions: list[Version]) -> None:
    now, current = state.clock.now(), versions[0]
    for version in lifecycle.outdated(rules, versions, now):
        if not version.meta.lock.forbids(now, bypass=False):
            await _remove(state, ctx, bucket, version)
    if current.marker:
        return
    expires = lifecycle.expiry(rules, current)
    if expires is not None and expires[0] <= now:
        if bucket.versioning:
            await state.mark(ctx, bucket, current.key, None, "LifecycleExpiration:DeleteMarkerCreated")
        else:
            await _remove(state, ctx, bucket, current)
        return
    wanted = lifecycle.storage_class(rules, current, now)
    if wanted:
        await state.index.change(current, msgspec.structs.replace(current.meta, storage_class=wanted))


async def _remove(state: S3, ctx: Context, bucket: Bucket, version: Version) -> None:
    what = Happening("LifecycleExpiration:Delete", version, state.clock.now())
    also = await state.announce(ctx, bucket, what)
    written = await state.index.remove(bucket.name, version.key, version.id, None, also)
    if written.replaced is not None:
        await state.forget(written.replaced.meta.segments)


async def _end_uploads(state: S3, bucket: Bucket, rules: Sequence[Any]) -> None:
    limits = [(rule, rule["AbortIncompleteMultipartUpload"].get("DaysAfterInitiation", 0)) for rule in rules
              if rule.get("AbortIncompleteMultipartUpload")]  # fmt: skip
    if not limits:
        return
    now = state.clock.now()
    uploads = await state.index.uploads("bucket = ?", (bucket.name,), _MOST_UPLOADS)
    for upload, (rule, days) in itertools.product(uploads, limits):
        if lifecycle.covers(rule, upload.key, 0, {}) and lifecycle.due(upload.started, days) <= now:
            await state.forget(await state.index.end(upload) or ())
