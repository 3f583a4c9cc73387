"""Uploads that end while somebody else completes, aborts or replaces: each is one decision of the writer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from samovar.services.s3.index import CHANGED, GONE, Index
from samovar.services.s3.records import NULL, Meta, Segment, Upload, UploadedPart, Version
from samovar.store.sqlite import open_store

UPLOAD = Upload("u", "bucket", "k", 0.0, 1, "", "FULL_OBJECT", Meta())


@asynccontextmanager
async def _index() -> AsyncIterator[Index]:
    store = await open_store(None)
    index = await Index.open(store)
    await index.begin(UPLOAD)
    yield index
    await store.close()


def _run(test: Callable[[Index], Awaitable[None]]) -> None:
    async def run() -> None:
        async with _index() as index:
            await test(index)

    asyncio.run(run())


def _part(number: int, file: str) -> UploadedPart:
    return UploadedPart(number, 1, "etag", 0.0, Segment(file, 1), {})


def _made_of(*files: str) -> Version:
    meta = Meta(segments=[Segment(file, 1) for file in files])
    return Version("bucket", "k", 2, NULL, True, False, len(files), "etag", 0.0, meta)


def test_an_upload_and_its_parts_are_read_at_one_moment():
    async def test(index: Index) -> None:
        assert await index.with_parts("bucket", "k", "u") == (UPLOAD, [])
        for number in (2, 1, 3):
            await index.put_part(UPLOAD, _part(number, f"f{number}"))
        found = await index.with_parts("bucket", "k", "u", 1, 1)
        assert found is not None and [part.number for part in found[1]] == [2]
        await index.put(_made_of("f1"), b"", None, (), UPLOAD)
        assert await index.with_parts("bucket", "k", "u") is None

    _run(test)


def test_a_completion_gives_back_the_parts_that_it_has_no_use_for_and_happens_once():
    async def test(index: Index) -> None:
        for number in (1, 2, 3):
            await index.put_part(UPLOAD, _part(number, f"f{number}"))
        written = await index.put(_made_of("f1", "f3"), b"", None, (), UPLOAD)
        assert (written.refused, list(written.dropped)) == ("", [Segment("f2", 1)])
        assert (await index.put(_made_of("f1", "f3"), b"", None, (), UPLOAD)).refused == GONE
        assert await index.end(UPLOAD) is None
        assert await index.put_part(UPLOAD, _part(4, "late")) == (False, None)

    _run(test)


def test_a_completion_of_parts_that_were_replaced_meanwhile_writes_nothing():
    async def test(index: Index) -> None:
        await index.put_part(UPLOAD, _part(1, "old"))
        await index.put_part(UPLOAD, _part(1, "new"))
        assert (await index.put(_made_of("old"), b"", None, (), UPLOAD)).refused == CHANGED
        assert await index.current("bucket", "k") is None
        assert await index.with_parts("bucket", "k", "u") == (UPLOAD, [_part(1, "new")])

    _run(test)
