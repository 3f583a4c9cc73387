"""Logs on a store in memory, with a clock that a test moves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from samovar.core.clock import FakeClock
from samovar.core.context import Context, Params
from samovar.core.meter import Meter
from samovar.core.service import Service
from samovar.services import logs
from samovar.services.logs.sink import LogSink
from samovar.store.sqlite import Store, open_store

NOVEMBER_2026_MS = 1_795_000_000_000


class NoCaller:
    async def call(self, ctx: Context, service: str, operation: str, params: Params) -> Params:
        raise AssertionError("logs calls nobody")


class Lab:
    def __init__(self, store: Store, clock: FakeClock, service: Service, sink: LogSink) -> None:
        self.store = store
        self.clock = clock
        self.service = service
        self.sink = sink

    async def call(
        self, operation: str, *, account: str = "111111111111", region: str = "us-east-1", **params: Any
    ) -> Any:
        root = f"arn:aws:iam::{account}:root"
        ctx = Context(account, region, "request", root, "http://127.0.0.1:4566", NoCaller())
        return await self.service.operations[operation.lower()](ctx, params)

    async def put(self, *events: tuple[int, str], group: str = "g", stream: str = "s") -> Any:
        written = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
        return await self.call("PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=written)

    async def messages(self, group: str = "g", **params: Any) -> list[str]:
        answer = await self.call("FilterLogEvents", logGroupName=group, **params)
        return [event["message"] for event in answer["events"]]

    def log(self, timestamp: int, message: str, stream: str = "s") -> None:
        """As the engine does."""
        self.sink.append("111111111111", "us-east-1", "g", stream, [(timestamp, message)])

    def now(self) -> int:
        return int(self.clock.now() * 1000)


@pytest.fixture
def run() -> Callable[[Callable[[Lab], Awaitable[None]]], None]:
    def run(body: Callable[[Lab], Awaitable[None]]) -> None:
        async def main() -> None:
            store = await open_store(None)
            clock = FakeClock(NOVEMBER_2026_MS / 1000)
            service, sink = await logs.build(store, clock, Meter(clock))
            lab = Lab(store, clock, service, sink)
            for operation, params in (
                ("CreateLogGroup", {"logGroupName": "g"}),
                ("CreateLogStream", {"logGroupName": "g", "logStreamName": "s"}),
            ):
                await lab.call(operation, **params)
            await body(lab)
            assert service.close is not None
            await service.close()
            await store.close()

        asyncio.run(main())

    return run
