"""What is there of layers while everything happens at once: opened, swept, pushed, deleted."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from samovar.core.clock import FakeClock
from samovar.core.errors import AwsError
from samovar.services.ecr.index import Index
from samovar.services.ecr.records import Registry, Repository
from samovar.services.ecr.state import GRACE_S, Ecr, keeps_tag
from samovar.services.ecr.uploads import Busy, Uploads
from samovar.store.files import Files
from samovar.store.sqlite import open_store
from samovar.store.table import Table

REPOSITORY = Repository("1", "111111111111", "us-east-1", "app", 0.0)
PLACE = REPOSITORY.key


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


async def parts(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


async def make(folder: Path, clock: FakeClock) -> Ecr:
    store = await open_store(None)
    index, files = await Index.open(store), await Files.open(folder / "layers")
    uploads = Uploads(folder / "uploads", files, index, clock)
    await uploads.recover()
    tables = await Table.open(store, "repositories", Repository), await Table.open(store, "registries", Registry)
    events: Any = None  # nothing is pushed here but layers
    state = Ecr(*tables, index, files, uploads, events, clock)
    await state.repositories.put(PLACE, REPOSITORY)
    return state


async def keep(state: Ecr, data: bytes, repository: Repository = REPOSITORY) -> bool:
    upload = await state.uploads.append(await state.uploads.begin(repository), parts(data))
    return await state.uploads.finish(repository, upload, digest(data), state.alive)


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_open_layer_is_read_to_its_end_whatever_goes(tmp_path: Path) -> None:
    async def story() -> None:
        state = await make(tmp_path, FakeClock())
        assert await keep(state, b"layer")
        file = await state.open(*PLACE, digest(b"layer"))
        assert file is not None
        await state.delete(REPOSITORY)
        assert left(tmp_path) == []
        with file:
            assert file.read() == b"layer"
        assert await state.open(*PLACE, digest(b"layer")) is None

    asyncio.run(story())


def test_a_layer_goes_an_hour_after_it_was_asked_for_last(tmp_path: Path) -> None:
    async def story() -> None:
        clock = FakeClock()
        state = await make(tmp_path, clock)
        await keep(state, b"layer")
        clock.advance(GRACE_S - 1)
        await state.sweep()
        assert await state.layer(REPOSITORY, digest(b"layer")) is not None  # asked: it stays
        clock.advance(GRACE_S - 1)
        await state.sweep()
        assert await state.index.layer(REPOSITORY.id, digest(b"layer")) is not None
        clock.advance(2)
        begun = await state.uploads.begin(REPOSITORY)
        await state.sweep()  # a push is under way
        assert await state.index.layer(REPOSITORY.id, digest(b"layer")) is not None
        await state.uploads.abort(begun)
        await state.sweep()
        assert await state.layer(REPOSITORY, digest(b"layer")) is None
        assert left(tmp_path) == []

    asyncio.run(story())


def test_a_layer_that_comes_after_its_repository_has_gone_leaves_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        state = await make(tmp_path, FakeClock())
        upload = await state.uploads.append(await state.uploads.begin(REPOSITORY), parts(b"layer"))
        await state.delete(REPOSITORY)
        again = Repository("2", *PLACE, 0.0)
        await state.repositories.put(PLACE, again)
        with pytest.raises((AwsError, Busy)):
            await state.uploads.finish(REPOSITORY, upload, digest(b"layer"), state.alive)
        assert await state.layer(again, digest(b"layer")) is None
        assert left(tmp_path) == []

    asyncio.run(story())


def test_the_same_bytes_are_kept_once_and_pushed_at_once_by_many(tmp_path: Path) -> None:
    async def story() -> None:
        state = await make(tmp_path, FakeClock())
        other = Repository("2", "222222222222", "us-east-1", "b", 0.0)
        await state.repositories.put(other.key, other)
        pushes = [keep(state, b"layer", repository) for repository in (REPOSITORY, other) for _ in range(5)]
        assert sum(await asyncio.gather(*pushes)) == 2
        assert len(left(tmp_path)) == 2
        assert await keep(state, b"layer") is False
        await state.delete(other)
        assert len(left(tmp_path)) == 1

    asyncio.run(story())


def test_who_comes_late_to_an_upload_changes_nothing_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        state = await make(tmp_path, FakeClock())
        begun = await state.uploads.begin(REPOSITORY)
        grown = await state.uploads.append(begun, parts(b"one", b"two"))
        with pytest.raises(Busy):
            await state.uploads.append(begun, parts(b"late"))
        assert await state.uploads.digest(grown) == digest(b"onetwo")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("mutability", "filters", "kept"),
    [
        ("MUTABLE", [], False),
        ("IMMUTABLE", [], True),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*"], True),
        ("IMMUTABLE_WITH_EXCLUSION", ["*1*"], False),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], True),
        ("MUTABLE_WITH_EXCLUSION", ["1.0"], False),
    ],
)
def test_whether_a_tag_stays_with_its_image(mutability: str, filters: list[str], kept: bool) -> None:
    exclusions = [{"filterType": "WILDCARD", "filter": each} for each in filters]
    repository = Repository("1", *PLACE, 0.0, mutability=mutability, exclusions=exclusions)
    assert keeps_tag(repository, "v1.0") is kept
