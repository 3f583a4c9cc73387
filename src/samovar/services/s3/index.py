"""The index of objects, in SQL: every version of every key, and the uploads under way.

Owns: the tables `s3_versions`, `s3_uploads`, `s3_parts`. Rules: one write of one key is one transaction, in which its
conditions are tried, what it replaces goes, and it becomes the latest; keys sort by their UTF-8 bytes.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from samovar.services.s3.records import NULL, Meta, Segment, Upload, UploadedPart, Version
from samovar.store.sqlite import Change, Row, Statement, Store, StoreError
from samovar.store.writer import Procedure, Steps

_MIGRATIONS: Final = [
    "CREATE TABLE s3_versions (bucket TEXT NOT NULL, key TEXT NOT NULL, seq BIGINT NOT NULL, id TEXT NOT NULL,"
    " latest INTEGER NOT NULL, marker INTEGER NOT NULL, size BIGINT NOT NULL, etag TEXT NOT NULL,"
    " modified REAL NOT NULL, meta TEXT NOT NULL, body BLOB, PRIMARY KEY (bucket, key, seq))",
    "CREATE UNIQUE INDEX s3_version_ids ON s3_versions (bucket, key, id)",
    "CREATE INDEX s3_latest ON s3_versions (bucket, key) WHERE latest = 1",
    "CREATE TABLE s3_uploads (bucket TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, started REAL NOT NULL,"
    " content TEXT NOT NULL, PRIMARY KEY (bucket, key, id))",
    "CREATE TABLE s3_parts (upload TEXT NOT NULL, number INTEGER NOT NULL, content TEXT NOT NULL,"
    " PRIMARY KEY (upload, number))",
]
_COLUMNS: Final = "bucket, key, seq, id, latest, marker, size, etag, modified, meta"
_META = msgspec.json.Decoder(Meta)
_UPLOAD = msgspec.json.Decoder(Upload)
_PART = msgspec.json.Decoder(UploadedPart)

Condition = Callable[[Version | None], str]
"""(the current version of the key, a marker included) -> why not; empty: go on."""


GONE: Final = "there is no such version"
CHANGED: Final = "its parts aren't those any more"
Also = Statement | Change


class Written(msgspec.Struct, frozen=True):
    """What a write has come to."""

    refused: str = ""
    replaced: Version | None = None
    """The version whose place it took."""
    dropped: Sequence[Segment] = ()
    """Parts of a completed upload that it has no use for."""


class _Stop(ValueError):
    """Ends a transaction that must not happen."""


class _Told:
    """Why a write was refused, across threads."""

    def __init__(self) -> None:
        self.refused = ""
        self.dropped: list[Segment] = []

    def stop_if(self, refused: str) -> None:
        self.refused = refused
        if refused:
            raise _Stop(refused)


class Index:
    def __init__(self, store: Store, last_seq: int) -> None:
        self._store = store
        self._last_seq = last_seq

    @classmethod
    async def open(cls, store: Store) -> "Index":
        await store.migrate("s3", _MIGRATIONS)
        [(last,)] = await store.query("SELECT MAX(seq) FROM s3_versions")
        return cls(store, last or 0)

    def next_seq(self, now: float) -> int:
        """Later than any before, also than those of an earlier run."""
        self._last_seq = max(self._last_seq + 1, int(now * 1_000_000))
        return self._last_seq

    # --- versions

    async def current(self, bucket: str, key: str) -> Version | None:
        """The latest version, which may be a delete marker."""
        return await self._one("bucket = ? AND key = ? AND latest = 1", (bucket, key))

    async def version(self, bucket: str, key: str, id: str) -> Version | None:
        return await self._one("bucket = ? AND key = ? AND id = ?", (bucket, key, id))

    async def inline(self, version: Version) -> bytes | None:
        """The bytes of a version that has no file; None: it has gone."""
        sql = "SELECT body FROM s3_versions WHERE bucket = ? AND key = ? AND seq = ?"
        rows = await self._store.query(sql, (version.bucket, version.key, version.seq))
        return bytes(rows[0][0] or b"") if rows else None

    async def select(self, where: str, params: Sequence[object], order: str, limit: int) -> list[Version]:
        sql = f"SELECT {_COLUMNS} FROM s3_versions WHERE {where} ORDER BY {order} LIMIT ?"
        return [_version(row) for row in await self._store.query(sql, (*params, limit))]

    async def put(
        self,
        version: Version,
        body: bytes,
        condition: Condition | None,
        also: Sequence[Also],
        completes: Upload | None = None,
    ) -> Written:
        """Make `version` the latest of its key. `also` happens with it, or not at all.

        `completes`: the upload whose parts become this version, once: a second time it is GONE. CHANGED when one of
        them was replaced since they were read.
        """

        def steps(told: _Told) -> Steps:
            if completes is not None:
                there, parts = ending(completes)
                rows = yield there
                told.stop_if("" if rows else GONE)
                rows = yield parts
                held = {_PART.decode(row[0]).segment for row in rows}
                told.stop_if("" if held.issuperset(version.meta.segments) else CHANGED)
                told.dropped = list(held.difference(version.meta.segments))
            rows = yield _current(version.bucket, version.key)
            told.stop_if(condition(_version(rows[0]) if rows else None) if condition is not None else "")
            replaced: list[Row] = []
            if version.id == NULL:
                where = "bucket = ? AND key = ? AND id = ?"
                sql = f"DELETE FROM s3_versions WHERE {where} RETURNING {_COLUMNS}"
                replaced = yield (sql, (version.bucket, version.key, NULL))
            sql = "UPDATE s3_versions SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1"
            yield (sql, (version.bucket, version.key))
            yield _insert(version, body)
            return replaced

        return await self._write(steps, also)

    async def remove(
        self, bucket: str, key: str, id: str, condition: Condition | None, also: Sequence[Also]
    ) -> Written:
        """Take a version away; the one before it becomes the latest. Nothing happens where there is none."""

        def steps(told: _Told) -> Steps:
            rows = yield _current(bucket, key)
            told.stop_if(condition(_version(rows[0]) if rows else None) if condition is not None else "")
            where = "bucket = ? AND key = ? AND id = ?"
            rows = yield (f"DELETE FROM s3_versions WHERE {where} RETURNING {_COLUMNS}", (bucket, key, id))
            told.stop_if("" if rows else GONE)
            if rows[0][4]:
                newest = "SELECT MAX(seq) FROM s3_versions WHERE bucket = ? AND key = ?"
                sql = f"UPDATE s3_versions SET latest = 1 WHERE bucket = ? AND key = ? AND seq = ({newest})"
                yield (sql, (bucket, key, bucket, key))
            return rows

        return await self._write(steps, also)

    async def _write(self, steps: Callable[["_Told"], Steps], also: Sequence[Also]) -> Written:
        told = _Told()
        try:
            rows = await self._store.transact(Procedure(lambda: steps(told)), *also)
        except StoreError:
            if told.refused:
                return Written(told.refused)
            raise
        return Written("", _version(rows[0][0]) if rows[0] else None, told.dropped)

    async def change(self, version: Version, meta: Meta, also: Sequence[Also] = ()) -> bool:
        """Give a version other tags, locks and so on; whether it was still there."""
        sql = "UPDATE s3_versions SET meta = ? WHERE bucket = ? AND key = ? AND seq = ? RETURNING seq"
        rows = await self._store.transact((sql, (_json(meta), version.bucket, version.key, version.seq)), *also)
        return bool(rows[0])

    async def is_empty(self, bucket: str) -> bool:
        return not await self._store.query("SELECT 1 FROM s3_versions WHERE bucket = ? LIMIT 1", (bucket,))

    async def _one(self, where: str, params: Sequence[object]) -> Version | None:
        found = await self.select(where, params, "seq", 1)
        return found[0] if found else None

    # --- uploads

    async def begin(self, upload: Upload) -> None:
        sql = "INSERT INTO s3_uploads (bucket, key, id, started, content) VALUES (?, ?, ?, ?, ?)"
        await self._store.transact((sql, (upload.bucket, upload.key, upload.id, upload.started, _json(upload))))

    async def upload(self, bucket: str, key: str, id: str) -> Upload | None:
        sql = "SELECT content FROM s3_uploads WHERE bucket = ? AND key = ? AND id = ?"
        rows = await self._store.query(sql, (bucket, key, id))
        return _UPLOAD.decode(rows[0][0]) if rows else None

    async def uploads(self, where: str, params: Sequence[object], limit: int) -> list[Upload]:
        sql = f"SELECT content FROM s3_uploads WHERE {where} ORDER BY key, started, id LIMIT ?"
        return [_UPLOAD.decode(row[0]) for row in await self._store.query(sql, (*params, limit))]

    async def put_part(self, upload: Upload, part: UploadedPart) -> tuple[bool, Segment | None]:
        """(whether the upload is still there, what the part replaced)."""

        def steps() -> Steps:
            sql = "SELECT 1 FROM s3_uploads WHERE bucket = ? AND key = ? AND id = ?"
            rows = yield (sql, (upload.bucket, upload.key, upload.id))
            if not rows:
                return [(False, None)]
            old = yield (
                "DELETE FROM s3_parts WHERE upload = ? AND number = ? RETURNING content",
                (upload.id, part.number),
            )
            sql = "INSERT INTO s3_parts (upload, number, content) VALUES (?, ?, ?)"
            yield (sql, (upload.id, part.number, _json(part)))
            return [(True, old[0][0] if old else None)]

        [[(there, old)]] = await self._store.transact(Procedure(steps))
        return there, _PART.decode(old).segment if old else None

    async def with_parts(
        self, bucket: str, key: str, id: str, after: int = 0, limit: int = 10_000
    ) -> tuple[Upload, list[UploadedPart]] | None:
        """An upload and its parts as they are at one moment."""
        sql = (
            "SELECT s3_uploads.content, s3_parts.content FROM s3_uploads "
            "LEFT JOIN s3_parts ON s3_parts.upload = s3_uploads.id AND s3_parts.number > ? "
            "WHERE s3_uploads.bucket = ? AND s3_uploads.key = ? AND s3_uploads.id = ? ORDER BY s3_parts.number LIMIT ?"
        )
        rows = await self._store.query(sql, (after, bucket, key, id, max(1, limit)))
        if not rows:
            return None
        return _UPLOAD.decode(rows[0][0]), [_PART.decode(part) for _, part in rows if part is not None]

    async def end(self, upload: Upload) -> list[Segment] | None:
        """Forget an upload; the files of its parts, None when it had gone already."""
        there, parts = await self._store.transact(*ending(upload))
        return [_PART.decode(row[0]).segment for row in parts] if there else None

    async def files(self) -> set[str]:
        """Every file that something refers to."""
        kept: set[str] = set()
        for (meta,) in await self._store.query("SELECT meta FROM s3_versions WHERE meta LIKE '%\"segments\":[{%'"):
            kept.update(each.file for each in _META.decode(meta).segments)
        for (content,) in await self._store.query("SELECT content FROM s3_parts"):
            kept.add(_PART.decode(content).segment.file)
        return kept

    async def clear(self) -> None:
        tables = ("s3_versions", "s3_uploads", "s3_parts")
        await self._store.transact(*((f"DELETE FROM {table}", ()) for table in tables))


def ending(upload: Upload) -> list[Statement]:
    """What makes an upload gone; the first tells whether it was there, the second gives its parts back."""
    mine = "bucket = ? AND key = ? AND id = ?"
    return [
        (f"DELETE FROM s3_uploads WHERE {mine} RETURNING id", (upload.bucket, upload.key, upload.id)),
        ("DELETE FROM s3_parts WHERE upload = ? RETURNING content", (upload.id,)),
    ]


def _current(bucket: str, key: str) -> Statement:
    return f"SELECT {_COLUMNS} FROM s3_versions WHERE bucket = ? AND key = ? AND latest = 1", (bucket, key)


def _insert(version: Version, body: bytes) -> Statement:
    sql = f"INSERT INTO s3_versions ({_COLUMNS}, body) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)"
    values = (version.bucket, version.key, version.seq, version.id, int(version.marker), version.size, version.etag)
    return sql, (*values, version.modified, _json(version.meta), body or None)


def _version(row: Row) -> Version:
    bucket, key, seq, id, latest, marker, size, etag, modified, meta = row
    return Version(bucket, key, seq, id, bool(latest), bool(marker), size, etag, modified, _META.decode(meta))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
