"""Servers at addresses as targets: requests are passed on as they are, and answers come back as they are.

Owns: which headers go along, what a failure looks like, and health checks over HTTP. Rule: bodies stream; a client that
goes takes its request along.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import partial

from samovar.net.body import BodyStream
from samovar.net.message import Response
from samovar.services.elbv2 import answers
from samovar.services.elbv2.balancing import Balancing, target_cookies
from samovar.services.elbv2.exchange import Exchange, Fate
from samovar.services.elbv2.functions import AGENT, idle_s, mismatch
from samovar.services.elbv2.health import Condition
from samovar.services.elbv2.records import Target, TargetGroup
from samovar.web.calls import Body, Call, TimedOut, Unreachable, UpstreamError, end_to_end
from samovar.web.upstream import Upstream

_CONNECT_S = 10.0
"""ALB's own limit."""


class ServerTargets:
    def __init__(self, upstream: Upstream, balancing: Balancing) -> None:
        self._upstream = upstream
        self._balancing = balancing
        self._tasks: set[asyncio.Task[None]] = set()
        self._tls = _unverified()

    def serve(self, exchange: Exchange, group: TargetGroup, target: Target) -> None:
        request = exchange.request
        stream = BodyStream(request.incoming) if request.incoming is not None else None
        exchange.choose(group)
        self._balancing.began(group, target)
        task = asyncio.get_running_loop().create_task(self._pass_on(exchange, group, target, stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def check(self, group: TargetGroup, target: Target) -> Condition | None:
        check = group.health
        port = target.port if check.port == "traffic-port" else int(check.port)
        if check.protocol == "TCP":
            return await _connects(target.id, port, check.timeout_s)
        headers = [("Host", f"{_host(target.id)}:{port}"), ("User-Agent", AGENT), ("Connection", "close")]
        tls = self._tls if check.protocol == "HTTPS" else None
        call = Call(target.id, port, "GET", check.path, headers, tls=tls, connect_s=check.timeout_s)
        try:
            async with asyncio.timeout(check.timeout_s):
                answer = await self._upstream.send(call)
            answer.body.close()
        except (TimeoutError, TimedOut):
            return Condition("unhealthy", "Target.Timeout", "Request timed out")
        except UpstreamError:
            return Condition("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
        return mismatch(group, answer.status)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _pass_on(
        self, exchange: Exchange, group: TargetGroup, target: Target, stream: BodyStream | None
    ) -> None:
        body: _Counted | None = None
        try:
            answer = await self._upstream.send(self._call(exchange, group, target, stream))
            body = _Counted(answer.body, self._balancing, group, target)
            headers = [line for line in end_to_end(answer.headers) if line[0].lower() != "date"]  # the server's own
            headers += target_cookies(group, target, headers, exchange.now)
            exchange.answer(Response(answer.status, headers, body), Fate.ANSWERED)
        except TimedOut:
            exchange.answer(answers.page(504))
        except Unreachable as error:
            status = 504 if "no connection within" in str(error) else 502
            exchange.answer(answers.page(status), Fate.UNREACHABLE)
        except UpstreamError:
            exchange.answer(answers.page(502))
        finally:
            if body is None:
                self._balancing.ended(group, target)

    def _call(self, exchange: Exchange, group: TargetGroup, target: Target, stream: BodyStream | None) -> Call:
        request = exchange.request
        length = request.headers.get("content-length") if stream is not None else None
        return Call(
            target.id,
            target.port,
            request.method,
            f"{request.path}?{request.query}" if request.query else request.path,
            [line for line in end_to_end(exchange.forwarded()) if line[0].lower() != "expect"],
            request.body if stream is None else aiter(stream),
            int(length) if length is not None else None,
            self._tls if group.protocol == "HTTPS" else None,
            _CONNECT_S,
            idle_s(exchange),
        )


class _Counted:
    """The body of an answer, until whose end the target's request is under way."""

    def __init__(self, body: Body, balancing: Balancing, group: TargetGroup, target: Target) -> None:
        self._body = body
        self._end = partial(balancing.ended, group, target)
        self._ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._body)

    def close(self) -> None:
        self._body.close()
        if not self._ended:
            self._ended = True
            self._end()


async def _connects(address: str, port: int, within_s: float) -> Condition | None:
    try:
        async with asyncio.timeout(within_s):
            _, writer = await asyncio.open_connection(address, port)
    except OSError:  # TimeoutError is one
        return Condition("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
    writer.transport.abort()
    return None


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _unverified() -> ssl.SSLContext:
    """As AWS's: whatever certificate a target shows is taken (ALB guide, "Target groups")."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
