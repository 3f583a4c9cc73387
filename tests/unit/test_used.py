"""What a data directory was ever used for is known at every later start."""

import asyncio
import subprocess
import sys
from pathlib import Path

from samovar.app.platform import App
from samovar.app.used import Used
from samovar.settings import Settings
from samovar.store.sqlite import Store, open_store

EVERY = ("sqs", "sns", "s3")


async def used(store: Store) -> list[str]:
    found = await Used.open(store, EVERY)
    return [name for name in EVERY if name in found]


def test_a_service_is_remembered_from_its_first_use_on(tmp_path: Path) -> None:
    async def check() -> None:
        store = await open_store(tmp_path)
        assert await used(store) == []
        notes = await Used.open(store, EVERY)
        await notes.note("sns")
        await notes.note("sns")
        await store.close()
        store = await open_store(tmp_path)
        assert await used(store) == ["sns"]
        await store.close()

    asyncio.run(check())


def test_where_an_older_version_has_kept_something_every_service_counts_as_used(tmp_path: Path) -> None:
    async def check() -> None:
        store = await open_store(tmp_path)
        await store.migrate("records", ["CREATE TABLE records (name TEXT)"])
        assert await used(store) == list(EVERY)
        assert await used(store) == list(EVERY)
        await store.close()

    asyncio.run(check())


def test_what_was_used_is_there_after_a_restart_before_anybody_calls(tmp_path: Path) -> None:
    async def here(*wanted: str) -> set[str]:
        async with App(Settings(port=0, data_dir=str(tmp_path))) as app:
            for service in wanted:
                await app.acting("000000000000", "us-east-1", "arn:aws:iam::000000000000:root").call(
                    service, {"sqs": "ListQueues", "scheduler": "ListSchedules"}[service], {}
                )
            return {service.name for service in app.services.built}

    async def check() -> None:
        new = await here()
        assert not new & {"sqs", "scheduler", "s3"}
        assert await here("sqs", "scheduler") == new | {"sqs", "scheduler"}
        assert await here() == new | {"sqs", "scheduler"}

    asyncio.run(check())


def test_every_service_can_be_built_on_demand(tmp_path: Path) -> None:
    async def check() -> None:
        async with App(Settings(port=0, ephemeral=True)) as app:
            for name in app.services:
                assert (await app.services.open(name)).name == name

    asyncio.run(check())


def test_what_no_first_call_needs_is_not_imported_at_the_start() -> None:
    program = (
        "import sys, samovar.app; "
        "print(*{'awscrt', 'yaml', 'multipart', 'samovar.services.sqs', 'samovar.web.template'} & sys.modules.keys())"
    )
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout.strip() == b""
