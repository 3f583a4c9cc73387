"""Integrations that wait: each in a task with a deadline, whose end is an answer or a Refusal."""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from samovar.core.errors import AwsError
from samovar.net.message import Response
from samovar.services.apigateway.plane.exchange import Done, Exchange
from samovar.services.apigateway.plane.refusals import Refusal

_log = logging.getLogger(__name__)


class Tasks:
    def __init__(self) -> None:
        self._running: set[asyncio.Task[Response]] = set()

    def start(self, exchange: Exchange, work: Coroutine[Any, Any, Response], timeout_ms: int, done: Done) -> None:
        """`done` hears once: what `work` returns, the Refusal that it raises, or that it took too long."""
        task = asyncio.get_running_loop().create_task(_within(work, timeout_ms / 1000))
        self._running.add(task)
        task.add_done_callback(partial(self._ended, exchange, done))

    def _ended(self, exchange: Exchange, done: Done, task: asyncio.Task[Response]) -> None:
        self._running.discard(task)
        if task.cancelled():
            done(Refusal("INTEGRATION_FAILURE"))
            return
        error = task.exception()
        if error is None:
            done(task.result())
        elif isinstance(error, Refusal):
            done(error)
        else:
            if isinstance(error, AwsError):
                exchange.say(f"Execution failed due to configuration error: {error}")
            else:
                _log.error("an integration failed, request id %s", exchange.ctx.request_id, exc_info=error)
            done(Refusal("API_CONFIGURATION_ERROR"))

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)


async def _within(work: Coroutine[Any, Any, Response], seconds: float) -> Response:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise Refusal("INTEGRATION_TIMEOUT") from None
