"""What is in the repositories, in SQL: images, their tags, what they name, layers, uploads under way.

Owns: the tables `ecr_images`, `ecr_tags`, `ecr_references`, `ecr_layers`, `ecr_uploads`; all by a repository's id.
Rules: a push of a manifest is one transaction, in which everything that it names must be there; whoever writes has
looked that the repository is there with no await between, and the writer keeps their order, so that what follows a
deletion never finds its repository.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Final

import msgspec

from samovar.core.images import Manifest
from samovar.services.ecr.records import Image, Layer, Upload
from samovar.store.sqlite import Change, Many, Row, Statement, Store, StoreError
from samovar.store.writer import Procedure, Steps

_MIGRATIONS: Final = [
    "CREATE TABLE ecr_images (repository TEXT NOT NULL, digest TEXT NOT NULL, pushed REAL NOT NULL,"
    " pulled REAL NOT NULL, size BIGINT NOT NULL, media_type TEXT NOT NULL, artifact_type TEXT NOT NULL,"
    " subject TEXT NOT NULL, manifest TEXT NOT NULL, PRIMARY KEY (repository, digest))",
    "CREATE INDEX ecr_subjects ON ecr_images (repository, subject) WHERE subject <> ''",
    "CREATE TABLE ecr_tags (repository TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,"
    " PRIMARY KEY (repository, tag))",
    "CREATE INDEX ecr_tags_of ON ecr_tags (repository, digest)",
    "CREATE TABLE ecr_references (repository TEXT NOT NULL, image TEXT NOT NULL, digest TEXT NOT NULL,"
    " kind TEXT NOT NULL, PRIMARY KEY (repository, image, digest, kind))",
    "CREATE INDEX ecr_referred ON ecr_references (repository, digest)",
    "CREATE TABLE ecr_layers (repository TEXT NOT NULL, digest TEXT NOT NULL, size BIGINT NOT NULL,"
    " file TEXT NOT NULL, pushed REAL NOT NULL, PRIMARY KEY (repository, digest))",
    "CREATE INDEX ecr_layers_by_digest ON ecr_layers (digest)",
    "CREATE TABLE ecr_uploads (id TEXT NOT NULL PRIMARY KEY, repository TEXT NOT NULL, size BIGINT NOT NULL,"
    " touched REAL NOT NULL, small INTEGER NOT NULL)",
]
_TABLES: Final = ("ecr_images", "ecr_tags", "ecr_references", "ecr_layers")
_IMAGE: Final = "digest, pushed, pulled, size, media_type, artifact_type, subject"
_LAYER, _CHILD = "layer", "image"
_AT_ONCE: Final = 500
"""Parameters of one statement."""

Also = Statement | Change


class Pushed(msgspec.Struct, frozen=True):
    """What a push has come to. Where any of the first three is there, nothing has happened."""

    missing_layers: list[str] = []
    missing_images: list[str] = []
    holder: str = ""
    """The digest that has the tag and keeps it."""
    same: bool = False
    """The image was there, under this tag."""


class Removed(msgspec.Struct, frozen=True):
    """What a deletion has come to."""

    digest: str = ""
    """Empty: there was no such image."""
    tags: tuple[str, ...] = ()
    """Those that have gone."""
    whole: bool = False
    """The image has gone."""
    held_by: tuple[str, ...] = ()
    """Lists that name it, so that it stays."""
    mismatch: bool = False
    """The tag is another image's."""


class _Refused(ValueError):
    """Ends a transaction that must not happen."""


class _Told:
    def __init__(self) -> None:
        self.pushed = Pushed()

    def refuse(self, pushed: Pushed) -> None:
        self.pushed = pushed
        raise _Refused


class Index:
    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    async def open(cls, store: Store) -> "Index":
        await store.migrate("ecr", _MIGRATIONS)
        return cls(store)

    # --- images

    async def push(
        self,
        repository: str,
        image: Image,
        text: str,
        manifest: Manifest,
        tag: str,
        keeps: Callable[[str], bool],
        also: Sequence[Also],
    ) -> Pushed:
        """Put an image under a tag (empty: none). `keeps`: whether a tag stays with the image that has it."""
        told = _Told()
        layers = list(dict.fromkeys(each.digest for each in manifest.blobs if not each.elsewhere))
        images = list(dict.fromkeys(each.digest for each in manifest.images))

        def steps() -> Steps:
            told.pushed = Pushed()
            gone = yield from _missing("ecr_layers", repository, layers)
            if gone:
                told.refuse(Pushed(missing_layers=gone))
            gone = yield from _missing("ecr_images", repository, images)
            if gone:
                told.refuse(Pushed(missing_images=gone))
            there = yield ("SELECT 1 FROM ecr_images WHERE repository = ? AND digest = ?", (repository, image.digest))
            if tag:
                holder = yield ("SELECT digest FROM ecr_tags WHERE repository = ? AND tag = ?", (repository, tag))
                if holder and holder[0][0] == image.digest:
                    told.refuse(Pushed(same=True))
                if holder and keeps(tag):
                    told.refuse(Pushed(holder=holder[0][0]))
            elif there:
                told.refuse(Pushed(same=True))
            if not there:
                yield _insert_image(repository, image, text)
                rows = [(repository, image.digest, digest, _LAYER) for digest in layers]
                rows += [(repository, image.digest, digest, _CHILD) for digest in images]
                yield Many("INSERT INTO ecr_references (repository, image, digest, kind) VALUES (?, ?, ?, ?)", rows)
            if tag:
                sql = "INSERT INTO ecr_tags (repository, tag, digest) VALUES (?, ?, ?) "
                sql += "ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest"
                yield (sql, (repository, tag, image.digest))
            return []

        try:
            await self.store.transact(Procedure(steps), *also)
        except StoreError:
            if told.pushed == Pushed():
                raise
        return told.pushed

    async def digest_of(self, repository: str, tag: str) -> str:
        """Empty: no image has the tag."""
        sql = "SELECT digest FROM ecr_tags WHERE repository = ? AND tag = ?"
        rows = await self.store.query(sql, (repository, tag))
        return str(rows[0][0]) if rows else ""

    async def manifest(self, repository: str, digest: str) -> tuple[Image, str] | None:
        sql = f"SELECT {_IMAGE}, manifest FROM ecr_images WHERE repository = ? AND digest = ?"
        rows = await self.store.query(sql, (repository, digest))
        return (Image(*rows[0][:-1]), str(rows[0][-1])) if rows else None

    async def images(self, repository: str, after: str = "", limit: int = -1) -> list[Image]:
        """With their tags, by digest; all from behind `after` on, at most `limit` (-1: all)."""
        where = "repository = ? AND digest > ?"
        sql = f"SELECT {_IMAGE} FROM ecr_images WHERE {where} ORDER BY digest LIMIT ?"
        limit = 2**40 if limit < 0 else limit
        rows = await self.store.query(sql, (repository, after, limit))
        tags: dict[str, list[str]] = {row[0]: [] for row in rows}
        sql = "SELECT digest, tag FROM ecr_tags WHERE repository = ? AND digest > ? AND digest <= ? ORDER BY tag"
        for digest, tag in await self.store.query(sql, (repository, after, rows[-1][0])) if rows else ():
            if digest in tags:
                tags[digest].append(tag)
        return [msgspec.structs.replace(Image(*row), tags=tuple(tags[row[0]])) for row in rows]

    async def names(
        self, repository: str, after: tuple[str, str], tagged: bool | None, limit: int
    ) -> list[tuple[str, str]]:
        """(digest, tag) of all images, once for each tag and once for what has none (empty), sorted; `tagged`: only
        those that have tags, or have none."""
        which = "" if tagged is None else f" AND ecr_tags.tag IS {'NOT ' if tagged else ''}NULL"
        sql = (
            "SELECT ecr_images.digest, COALESCE(ecr_tags.tag, '') FROM ecr_images LEFT JOIN ecr_tags ON "
            "ecr_tags.repository = ecr_images.repository AND ecr_tags.digest = ecr_images.digest "
            "WHERE ecr_images.repository = ? AND ecr_images.digest >= ? "
            f"AND (ecr_images.digest > ? OR COALESCE(ecr_tags.tag, '') > ?){which} ORDER BY 1, 2 LIMIT ?"
        )
        return [(row[0], row[1]) for row in await self.store.query(sql, (repository, after[0], *after, limit))]

    async def tags(self, repository: str, after: str, limit: int) -> list[str]:
        sql = "SELECT tag FROM ecr_tags WHERE repository = ? AND tag > ? ORDER BY tag LIMIT ?"
        return [row[0] for row in await self.store.query(sql, (repository, after, limit))]

    async def tags_of(self, repository: str, digest: str) -> tuple[str, ...]:
        sql = "SELECT tag FROM ecr_tags WHERE repository = ? AND digest = ? ORDER BY tag"
        return tuple(row[0] for row in await self.store.query(sql, (repository, digest)))

    async def about(self, repository: str, subject: str) -> list[tuple[Image, str]]:
        """The images whose subject is another, with their manifests."""
        sql = f"SELECT {_IMAGE}, manifest FROM ecr_images WHERE repository = ? AND subject = ? ORDER BY digest"
        rows = await self.store.query(sql, (repository, subject))
        return [(Image(*row[:-1]), str(row[-1])) for row in rows]

    async def children(self, repository: str) -> set[str]:
        """The images that lists of the repository name."""
        sql = "SELECT DISTINCT digest FROM ecr_references WHERE repository = ? AND kind = ?"
        return {row[0] for row in await self.store.query(sql, (repository, _CHILD))}

    async def pulled(self, repository: str, digest: str, now: float) -> None:
        sql = "UPDATE ecr_images SET pulled = ? WHERE repository = ? AND digest = ?"
        await self.store.transact((sql, (now, repository, digest)))

    async def remove(self, repository: str, digest: str, tag: str) -> Removed:
        """Take a tag away, and with the last the image; or an image with all its tags, where no tag is given."""
        outcome = Removed()

        def steps() -> Steps:
            nonlocal outcome
            found = digest
            if tag:
                rows = yield ("SELECT digest FROM ecr_tags WHERE repository = ? AND tag = ?", (repository, tag))
                found = rows[0][0] if rows else ""
                if found and digest and found != digest:
                    outcome = Removed(mismatch=True)
                    return []
            rows = yield ("SELECT 1 FROM ecr_images WHERE repository = ? AND digest = ?", (repository, found))
            if not rows:
                outcome = Removed()
                return []
            rows = yield ("SELECT tag FROM ecr_tags WHERE repository = ? AND digest = ?", (repository, found))
            tags = tuple(sorted(row[0] for row in rows))
            if tag and tags != (tag,):
                yield ("DELETE FROM ecr_tags WHERE repository = ? AND tag = ?", (repository, tag))
                outcome = Removed(found, (tag,))
                return []
            sql = "SELECT image FROM ecr_references WHERE repository = ? AND digest = ? AND kind = ? ORDER BY image"
            lists = yield (sql, (repository, found, _CHILD))
            if lists:
                outcome = Removed(found, held_by=tuple(row[0] for row in lists))
                return []
            yield ("DELETE FROM ecr_tags WHERE repository = ? AND digest = ?", (repository, found))
            yield ("DELETE FROM ecr_references WHERE repository = ? AND image = ?", (repository, found))
            yield ("DELETE FROM ecr_images WHERE repository = ? AND digest = ?", (repository, found))
            outcome = Removed(found, tags, whole=True)
            return []

        await self.store.transact(Procedure(steps))
        return outcome

    async def is_empty(self, repository: str) -> bool:
        return not await self.store.query("SELECT 1 FROM ecr_images WHERE repository = ? LIMIT 1", (repository,))

    # --- layers

    async def layer(self, repository: str, digest: str) -> Layer | None:
        sql = "SELECT digest, size, file, pushed FROM ecr_layers WHERE repository = ? AND digest = ?"
        rows = await self.store.query(sql, (repository, digest))
        return Layer(*rows[0]) if rows else None

    async def copies(self, digest: str) -> list[str]:
        """A file that holds these bytes, whichever repository's it is."""
        rows = await self.store.query("SELECT file FROM ecr_layers WHERE digest = ? LIMIT 1", (digest,))
        return [row[0] for row in rows]

    async def add_layer(self, repository: str, layer: Layer, upload: str = "") -> bool:
        """Whether it is new; with it ends the upload that it was."""
        sql = "INSERT INTO ecr_layers (repository, digest, size, file, pushed) VALUES (?, ?, ?, ?, ?) "
        sql += "ON CONFLICT (repository, digest) DO NOTHING RETURNING digest"
        values = (repository, layer.digest, layer.size, layer.file, layer.pushed)
        rows = await self.store.transact((sql, values), ("DELETE FROM ecr_uploads WHERE id = ?", (upload,)))
        return bool(rows[0])

    async def unnamed(self, before: float) -> list[tuple[str, str]]:
        """(repository, digest) of the layers that were pushed before a moment and that no image names."""
        sql = "SELECT repository, digest FROM ecr_layers WHERE pushed < ? AND NOT EXISTS "
        sql += "(SELECT 1 FROM ecr_references WHERE ecr_references.repository = ecr_layers.repository "
        sql += "AND ecr_references.digest = ecr_layers.digest)"
        return [(row[0], row[1]) for row in await self.store.query(sql, (before,))]

    async def drop_layers(self, layers: Sequence[tuple[str, str]]) -> list[str]:
        """Remove those (repository, digest) that no image names by now; their files."""
        sql = "DELETE FROM ecr_layers WHERE repository = ? AND digest = ? AND NOT EXISTS "
        sql += "(SELECT 1 FROM ecr_references WHERE repository = ? AND digest = ?) RETURNING file"
        steps = [(sql, (*layer, *layer)) for layer in layers]
        return [row[0] for rows in await self.store.transact(*steps) for row in rows]

    async def files(self) -> set[str]:
        """Every file that is a layer's."""
        return {row[0] for row in await self.store.query("SELECT file FROM ecr_layers")}

    # --- uploads

    async def begin(self, upload: Upload) -> None:
        sql = "INSERT INTO ecr_uploads (id, repository, size, touched, small) VALUES (?, ?, ?, ?, 0)"
        await self.store.transact((sql, (upload.id, upload.repository, upload.size, upload.touched)))

    async def upload(self, repository: str, id: str) -> Upload | None:
        sql = "SELECT id, repository, size, touched, small FROM ecr_uploads WHERE repository = ? AND id = ?"
        rows = await self.store.query(sql, (repository, id))
        return Upload(*rows[0]) if rows else None

    async def uploads(self) -> list[Upload]:
        rows = await self.store.query("SELECT id, repository, size, touched, small FROM ecr_uploads")
        return [Upload(*row) for row in rows]

    async def grow(self, upload: Upload) -> bool:
        """Acknowledge what has arrived; whether the upload is still there."""
        sql = "UPDATE ecr_uploads SET size = ?, touched = ?, small = ? WHERE id = ? RETURNING id"
        values = (upload.size, upload.touched, upload.small, upload.id)
        return bool((await self.store.transact((sql, values)))[0])

    async def end(self, ids: Sequence[str]) -> None:
        await self.store.transact(Many("DELETE FROM ecr_uploads WHERE id = ?", [(id,) for id in ids]))

    async def clear(self) -> None:
        await self.store.transact(*((f"DELETE FROM {table}", ()) for table in (*_TABLES, "ecr_uploads")))


def erasing(repository: str) -> list[Statement]:
    """What makes everything of a repository gone: the first gives its files back, the second its uploads."""
    first = [
        ("DELETE FROM ecr_layers WHERE repository = ? RETURNING file", (repository,)),
        ("DELETE FROM ecr_uploads WHERE repository = ? RETURNING id", (repository,)),
    ]
    return [*first, *((f"DELETE FROM {table} WHERE repository = ?", (repository,)) for table in _TABLES)]


def _missing(
    table: str, repository: str, digests: list[str]
) -> Generator[Statement | Many, list[Row], list[str]]:
    """Those of `digests` that aren't in the table."""
    there: set[str] = set()
    for start in range(0, len(digests), _AT_ONCE):
        some = digests[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = yield (f"SELECT digest FROM {table} WHERE repository = ? AND digest IN ({marks})", (repository, *some))
        there.update(row[0] for row in rows)
    return [digest for digest in digests if digest not in there]


def _insert_image(repository: str, image: Image, text: str) -> Statement:
    sql = f"INSERT INTO ecr_images (repository, {_IMAGE}, manifest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    values = (image.digest, image.pushed, image.pulled, image.size, image.media_type, image.artifact_type)
    return sql, (repository, *values, image.subject, text)
