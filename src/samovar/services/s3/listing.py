"""Walking the keys of a bucket in order, with prefixes that stand for many.

Owns: `walk`. Rules (facts/s3.md §6): what shares a prefix up to the delimiter is told once, and counts as one; a page
that begins inside such a prefix still yields what comes later in it. However many keys a prefix covers, the walk jumps
over them.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from samovar.services.s3.index import Index
from samovar.services.s3.records import Version

_PAGE: Final = 1000
_JUMP_AFTER: Final = 32
"""Keys read and skipped before the walk asks the database to go on behind their prefix."""
_LAST: Final = "\U0010ffff"


class Found(msgspec.Struct, frozen=True):
    """One entry of a list: a version, or a common prefix."""

    version: Version | None
    prefix: str = ""


class Start(msgspec.Struct, frozen=True):
    """Where a page begins."""

    after: str = ""
    """Keys up to here are behind us."""
    key: str = ""
    """Go on inside this key, ..."""
    seq: int = 0
    """... with versions older than this."""


async def walk(
    index: Index, bucket: str, prefix: str, delimiter: str, start: Start, current: bool
) -> AsyncIterator[Found]:
    """The entries from `start`; `current`: only the latest of each key, and no delete markers."""
    only = " AND latest = 1 AND marker = 0" if current else ""
    begun = _common(start.after, prefix, delimiter) if start.after.endswith(delimiter) else ""
    bound: tuple[str, int, bool] = (start.after, 0, False)
    if start.key:
        bound = (start.key, start.seq, True)
    elif begun == start.after and begun:
        bound = (begun + _LAST, 0, False)  # the page before ended with this prefix
    while True:
        rows = await _rows(index, bucket, prefix, only, bound)
        told, skipped = "", 0
        for version in rows:
            common = _common(version.key, prefix, delimiter)
            bound = (version.key, version.seq, not current)
            if not common:
                yield Found(version)
            elif common != told:
                told, skipped = common, 0
                yield Found(None, common)
            else:
                skipped += 1
            if common and skipped >= _JUMP_AFTER:
                break
        if told and _common(bound[0], prefix, delimiter) == told:
            bound = (told + _LAST, 0, False)
        elif len(rows) < _PAGE:
            return


async def _rows(index: Index, bucket: str, prefix: str, only: str, bound: tuple[str, int, bool]) -> list[Version]:
    key, seq, inside = bound
    where, params = "bucket = ?", [bucket]
    if prefix:
        where += " AND key >= ? AND key < ?"
        params += [prefix, prefix + _LAST]
    if inside:
        # Of the key itself what is older, then every later key: two ranges of one index.
        here = await index.select(f"{where} AND key = ? AND seq < ?{only}", (*params, key, seq), "seq DESC", _PAGE)
        if len(here) == _PAGE:
            return here
        rest = await index.select(f"{where} AND key > ?{only}", (*params, key), "key, seq DESC", _PAGE - len(here))
        return here + rest
    return await index.select(f"{where} AND key > ?{only}", (*params, key), "key, seq DESC", _PAGE)


def _common(key: str, prefix: str, delimiter: str) -> str:
    """The prefix that stands for a key; empty: the key stands for itself."""
    if not delimiter or not key.startswith(prefix):
        return ""
    at = key.find(delimiter, len(prefix))
    return key[: at + len(delimiter)] if at >= 0 else ""
