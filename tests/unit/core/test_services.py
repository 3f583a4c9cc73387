"""Services are built when they are first needed, once."""

import asyncio

import pytest

from samovar.core.errors import AwsError
from samovar.core.service import Service
from samovar.core.services import Services


class Yard:
    """Builds one service, when the test lets it."""

    def __init__(self) -> None:
        self.begun = 0
        self.fails = False
        self.go = asyncio.Event()

    async def build(self) -> Service:
        self.begun += 1
        await self.go.wait()
        if self.fails:
            raise OSError("no room")
        return Service("sqs", {}, {})


def test_whoever_asks_meanwhile_waits_for_the_same() -> None:
    async def check() -> None:
        yard = Yard()
        services = Services({"logs": Service("logs", {}, {}), "sqs": yard.build})
        assert (list(services), services.here("sqs"), "sqs" in services) == (["logs", "sqs"], None, True)
        asking = [asyncio.create_task(services.open("sqs")) for _ in range(3)]
        await asyncio.sleep(0)
        asking[0].cancel()  # its client has gone; the others still wait
        yard.go.set()
        first, *others = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(first, asyncio.CancelledError)
        assert others == [services.here("sqs")] * 2
        assert yard.begun == 1
        assert [service.name for service in services.built] == ["logs", "sqs"]

    asyncio.run(check())


def test_what_failed_is_built_anew_by_the_next_who_asks() -> None:
    async def check() -> None:
        yard = Yard()
        services = Services({"sqs": yard.build})
        yard.go.set()
        yard.fails = True
        with pytest.raises(OSError, match="no room"):
            await services.open("sqs")
        yard.fails = False
        assert (await services.open("sqs")).name == "sqs"
        assert yard.begun == 2

    asyncio.run(check())


def test_closing_waits_for_what_is_being_built_and_nothing_is_built_afterwards() -> None:
    async def check() -> None:
        yard = Yard()
        services = Services({"sqs": yard.build, "sns": yard.build})
        asking = asyncio.create_task(services.open("sqs"))
        await asyncio.sleep(0)
        closing = asyncio.create_task(services.close())
        await asyncio.sleep(0)
        assert not closing.done()
        yard.go.set()
        await closing
        assert (await asking).name == "sqs"
        with pytest.raises(AwsError, match="shutting down"):
            await services.open("sns")

    asyncio.run(check())
