"""Durable queues on a store in memory, and a clock that stands still."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from samovar.core.clock import FakeClock
from samovar.store.blobs import Blobs
from samovar.store.bodies import Bodies
from samovar.store.queue import Queues
from samovar.store.sqlite import Store, open_store


class House:
    """What deliveries stand on."""

    def __init__(self, store: Store, queues: Queues, clock: FakeClock) -> None:
        self.store = store
        self.queues = queues
        self.clock = clock
        self.closing: list[Callable[[], Awaitable[None]]] = []
        self.at_last: list[Callable[[], Awaitable[None]]] = []

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - `run` has the deadline
            await asyncio.sleep(0.001)

    async def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        for _ in range(3):
            await self.store.query("SELECT 1")
            await self.store.transact(("SELECT 1", ()))
            for _ in range(20):
                await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _leave_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests leave work behind that never ends."""
    monkeypatch.setattr("samovar.delivery.queue._LEAVE_WITHIN_S", 0.05)


async def open_house(directory: Path, clock: FakeClock) -> House:
    store = await open_store(directory / "data")
    blobs = await Blobs.open(directory / "blobs")
    house = House(store, await Queues.open(store, clock, Bodies(blobs)), clock)
    house.at_last = [blobs.close, store.close]
    return house


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., None]:
    """Runs a test with a house of its own; a second run finds what the first has left."""
    clock = FakeClock()

    def run(test: Callable[[House], Coroutine[Any, Any, None]]) -> None:
        async def body() -> None:
            async with asyncio.timeout(60):
                house = await open_house(tmp_path, clock)
                try:
                    await test(house)
                finally:
                    for close in house.closing:
                        await close()
                    for close in house.at_last:
                        await close()

        asyncio.run(body())

    return run
