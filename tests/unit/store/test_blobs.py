"""store/blobs.py: a blob is complete and right, or absent."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from samovar.store.blobs import Blobs
from samovar.store.errors import BlobCorrupt, BlobMissing, StoreError


@pytest.fixture(params=["directory", "temporary"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "blobs" if request.param == "directory" else None


def run(path: Path | None, body: Callable[[Blobs], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        blobs = await Blobs.open(path)
        try:
            await body(blobs)
        finally:
            await blobs.close()

    asyncio.run(main())


def test_a_blob_is_named_by_its_bytes(path: Path | None) -> None:
    async def body(blobs: Blobs) -> None:
        data = b"x" * 1_000_000
        digest = await blobs.put(data)
        assert digest == hashlib.sha256(data).hexdigest()
        assert await blobs.get(digest) == data
        assert blobs.path(digest).read_bytes() == data
        assert await blobs.get(await blobs.put(b"")) == b""

    run(path, body)


def test_the_same_bytes_are_one_blob(path: Path | None) -> None:
    async def body(blobs: Blobs) -> None:
        digests = await asyncio.gather(*(blobs.put(b"same") for _ in range(8)))
        assert len(set(digests)) == 1
        assert [file.read_bytes() for file in blobs.directory.rglob("*") if file.is_file()] == [b"same"]

    run(path, body)


def test_a_damaged_blob_is_refused_and_healed_by_the_next_put(path: Path | None) -> None:
    async def body(blobs: Blobs) -> None:
        digest = await blobs.put(b"good")
        blobs.path(digest).write_bytes(b"evil")
        with pytest.raises(BlobCorrupt, match=digest):
            await blobs.get(digest)
        await blobs.put(b"good")
        assert await blobs.get(digest) == b"good"

    run(path, body)


def test_a_missing_blob_and_a_name_that_is_no_digest_are_told_apart(path: Path | None) -> None:
    async def body(blobs: Blobs) -> None:
        with pytest.raises(BlobMissing):
            await blobs.get("0" * 64)
        for name in ("../../etc/passwd", "", "0" * 63, "G" * 64):
            with pytest.raises(ValueError, match="not a sha256 digest"):
                blobs.path(name)

    run(path, body)


def test_sweep_removes_what_nobody_keeps(path: Path | None) -> None:
    async def body(blobs: Blobs) -> None:
        kept, lost, deleted = [await blobs.put(data) for data in (b"kept", b"lost", b"deleted")]
        assert await blobs.delete(deleted)
        assert not await blobs.delete(deleted)
        assert await blobs.sweep({kept}) == 1
        assert await blobs.get(kept) == b"kept"
        with pytest.raises(BlobMissing):
            await blobs.get(lost)

    run(path, body)


def test_blobs_outlive_a_restart_and_half_written_ones_do_not(tmp_path: Path) -> None:
    async def first(blobs: Blobs) -> None:
        await blobs.put(b"whole")
        (tmp_path / "unfinished" / "half").write_bytes(b"ha")

    async def second(blobs: Blobs) -> None:
        assert await blobs.get(hashlib.sha256(b"whole").hexdigest()) == b"whole"
        assert not list((tmp_path / "unfinished").iterdir())

    run(tmp_path, first)
    run(tmp_path, second)


def test_a_temporary_directory_is_gone_after_close() -> None:
    seen: list[Path] = []

    async def body(blobs: Blobs) -> None:
        await blobs.put(b"x")
        seen.append(blobs.directory)

    run(None, body)
    assert not seen[0].exists()


def test_a_directory_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    async def body(blobs: Blobs) -> None:
        (tmp_path / "unfinished").rmdir()
        with pytest.raises(StoreError, match="cannot write blob"):
            await blobs.put(b"x")

    run(tmp_path, body)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot use blob directory"):
        asyncio.run(Blobs.open(tmp_path / "file"))
