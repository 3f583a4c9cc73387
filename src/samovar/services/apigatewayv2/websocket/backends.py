"""Integrations that aren't functions' proxies: MOCK, functions with mapped events, and HTTP servers (facts §4, §10).

Owns: what is sent, and what comes back before it is mapped. Each is started with a message and tells its answer once.
Rule: what waits, waits in a task of `Tasks`, within the integration's timeout.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec

from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.services.apigatewayv2.records import Integration
from samovar.services.apigatewayv2.websocket.answer import TIMED_OUT, Answer, Done, failed
from samovar.services.apigatewayv2.websocket.event import CONNECT, Occurrence
from samovar.services.apigatewayv2.websocket.mapping import (
    Refused,
    RequestMapping,
    ResponseMapping,
    Sent,
    addressed,
)
from samovar.web import service_requests
from samovar.web.calls import UpstreamError, end_to_end
from samovar.web.functions import Ran
from samovar.web.service_requests import Forward, Place
from samovar.web.urls import Urls

_log = logging.getLogger(__name__)

_LARGEST = 10 * 1024 * 1024
_STATUS = re.compile(r"""\s*\{.{0,10000}?["']?statusCode["']?\s*:\s*["']?(\d{3})["']?\s*[,}]""", re.DOTALL)
"""CDK writes `{statusCode: 200}`, which is no JSON, and is accepted."""
_OURS = frozenset({"host", "content-length", "expect", "authorization"})


class Tasks:
    """Integrations that wait."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Answer]] = set()

    def start(self, work: Coroutine[Any, Any, Answer], seconds: float, done: Done) -> None:
        task = asyncio.get_running_loop().create_task(_within(work, seconds))
        self._running.add(task)
        task.add_done_callback(partial(self._ended, done))

    def _ended(self, done: Done, task: asyncio.Task[Answer]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("an integration failed", exc_info=error)
        done(failed() if task.cancelled() or error is not None else task.result())

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)


async def _within(work: Coroutine[Any, Any, Answer], seconds: float) -> Answer:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        return failed(504, TIMED_OUT)
    except UpstreamError:
        return failed(504)
    except AwsError:
        return failed()
    except Refused as refused:
        return refused.answer


class Mapped:
    """An integration with what maps its requests and its answers."""

    def __init__(self, integration: Integration, response: ResponseMapping) -> None:
        self.integration = integration
        self.request = RequestMapping(integration)
        self.response = response
        self.seconds = integration.timeout_in_millis / 1000


class Mock:
    """An answer without a back end. The request template says its status (facts/apigateway.md §5)."""

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped

    def run(self, happened: Occurrence, done: Done) -> None:
        try:
            sent = self._mapped.request.apply(happened)
            status = _STATUS.match(sent.body.decode(errors="replace"))
            if status is None:
                done(failed())
                return
            came = Answer(int(status[1]))
            done(self._mapped.response.answer(sent, happened, came, status[1]))
        except Refused as refused:
            done(refused.answer)


Invoke = Callable[[Occurrence, bytes, Callable[[Ran], None]], None]
"""Runs the integration's function with an event of its own; tells what it came to, once and in time."""


Caller = Callable[[Occurrence], Context]
"""As whom an integration calls other services."""


class FunctionCall:
    """A function whose event is the mapped message."""

    def __init__(self, mapped: Mapped, invoke: Invoke) -> None:
        self._mapped = mapped
        self._invoke = invoke

    def run(self, happened: Occurrence, done: Done) -> None:
        try:
            sent = self._mapped.request.apply(happened)
        except Refused as refused:
            done(refused.answer)
            return
        self._invoke(happened, sent.body or b"{}", lambda ran: done(self._ran(sent, happened, ran)))

    def _ran(self, sent: Sent, happened: Occurrence, ran: Ran) -> Answer:
        if ran.refused:
            return failed(504, ran.message) if ran.error == TIMED_OUT else failed()
        selects = _message(ran.payload) if ran.error else ""
        try:
            return self._mapped.response.answer(sent, happened, Answer(200, ran.payload), selects)
        except Refused as refused:
            return refused.answer


def _message(payload: bytes) -> str:
    """The errorMessage of a function that failed."""
    try:
        told = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    message = told.get("errorMessage") if isinstance(told, dict) else None
    return message if isinstance(message, str) else ""


class HttpCall:
    """Somebody else's server: mapped (HTTP), or as it comes (HTTP_PROXY)."""

    def __init__(self, mapped: Mapped, urls: Urls, tasks: Tasks) -> None:
        self._mapped = mapped
        self._urls = urls
        self._tasks = tasks
        self._proxies = mapped.integration.integration_type == "HTTP_PROXY"

    def run(self, happened: Occurrence, done: Done) -> None:
        self._tasks.start(self._ask(happened), self._mapped.seconds, done)

    async def _ask(self, happened: Occurrence) -> Answer:
        sent = self._mapped.request.apply(happened)
        url = addressed(self._mapped.integration.integration_uri or "", happened, sent)
        if sent.query:
            url += ("&" if "?" in url else "?") + urlencode(sent.query)
        answer = await self._urls.send(self._method(), url, self._headers(happened, sent), sent.body)
        body = await answer.body.read(_LARGEST)
        if body is None:
            return failed(502)
        came = Answer(answer.status, body, {name.lower(): value for name, value in end_to_end(answer.headers)})
        if self._proxies:
            return came
        return self._mapped.response.answer(sent, happened, came, str(answer.status))

    def _method(self) -> str:
        method = self._mapped.integration.integration_method or "POST"
        return "POST" if method == "ANY" else method

    def _headers(self, happened: Occurrence, sent: Sent) -> list[tuple[str, str]]:
        """A handshake's own headers go along to a proxied server; mapped ones win."""
        found: dict[str, str] = {}
        if self._proxies and happened.kind == CONNECT:
            given = end_to_end(happened.handshake.headers.items())
            found = {name: value for name, value in given if name.lower() not in _OURS}
        if sent.body:
            found["content-type"] = "application/json"
        found |= {
            "user-agent": f"AmazonAPIGateway_{happened.connection.key[2]}",
            "x-amzn-apigateway-api-id": happened.connection.key[2],
        }
        return list((found | {name.lower(): value for name, value in sent.headers.items()}).items())


class ServiceCall:
    """Another service of AWS's, in its own protocol, under the integration's role."""

    def __init__(self, mapped: Mapped, place: Place, caller: Caller, forward: Forward, tasks: Tasks) -> None:
        self._mapped = mapped
        self._place = place
        self._caller = caller
        self._forward = forward
        self._tasks = tasks

    def run(self, happened: Occurrence, done: Done) -> None:
        self._tasks.start(self._ask(happened), self._mapped.seconds, done)

    async def _ask(self, happened: Occurrence) -> Answer:
        sent = self._mapped.request.apply(happened)
        headers = {"content-type": "application/json"} | {name.lower(): text for name, text in sent.headers.items()}
        rest = addressed(self._place.rest, happened, sent)
        method = self._mapped.integration.integration_method or "POST"
        request = service_requests.made(self._place, rest, method, headers, list(sent.query.items()), sent.body)
        answer = await self._forward(self._caller(happened), self._place.host, request)
        if not isinstance(answer.body, bytes):
            return failed()
        came = Answer(answer.status, answer.body, {name.lower(): value for name, value in answer.headers})
        return self._mapped.response.answer(sent, happened, came, str(answer.status))
