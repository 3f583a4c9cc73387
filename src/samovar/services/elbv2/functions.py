"""Functions as targets: requests become invocations, and results answers.

Owns: the port's use, and the wait for a function. Rule: no task and no await for a request whose body is there.
"""

import asyncio
from collections.abc import Callable

from samovar.core.context import Acting
from samovar.net.body import BodyStream, CutShort
from samovar.services.elbv2 import answers, attributes, function_answer, function_event
from samovar.services.elbv2.exchange import Exchange, Fate
from samovar.services.elbv2.health import PRINCIPAL, Condition, codes
from samovar.services.elbv2.records import Target, TargetGroup
from samovar.services.elbv2.state import place
from samovar.web.balancers import LARGEST
from samovar.web.deadlines import Deadlines, Line
from samovar.web.functions import Functions, Ran

AGENT = "ELB-HealthChecker/2.0"
_FAILED = Condition("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
_LATE = Condition("unhealthy", "Target.Timeout", "Request timed out")


class _Run:
    """A function that runs for a request."""

    def __init__(self, exchange: Exchange, multi_value: bool, line: Line) -> None:
        self.exchange = exchange
        self._multi_value = multi_value
        self._line = line
        line.begin(self)

    def done(self, ran: Ran) -> None:
        self._line.end(self)
        try:
            response = function_answer.read(ran.payload, self._multi_value) if not ran.error else None
        except function_answer.Malformed:
            response = None
        if response is not None:
            self.exchange.answer(response, Fate.ANSWERED)
        else:
            self.exchange.answer(answers.page(502), Fate.FUNCTION_FAILED)

    def expire(self) -> None:
        self.exchange.answer(answers.page(504))


class FunctionTargets:
    def __init__(self, acting: Acting, functions: Functions, deadlines: Deadlines) -> None:
        self._acting = acting
        self._functions = functions
        self._deadlines = deadlines
        self._reading: set[asyncio.Task[None]] = set()

    def serve(self, exchange: Exchange, group: TargetGroup, target: Target) -> None:
        request = exchange.request
        exchange.choose(group)
        if "upgrade" in request.headers and "websocket" in request.headers["upgrade"].lower():
            exchange.answer(answers.page(400))
        elif request.incoming is None:
            self._run(exchange, group, target, request.body)
        elif int(request.headers.get("content-length", 0)) > LARGEST:
            exchange.answer(answers.page(413))
        else:
            reading = self._read(exchange, group, target, BodyStream(request.incoming))
            task = asyncio.get_running_loop().create_task(reading)
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def check(self, group: TargetGroup, target: Target) -> Condition | None:
        """One health check: an invocation as a visitor's, as who checks."""
        path, _, query = group.health.path.partition("?")
        multi = _multi_value(group)
        event = function_event.written(group.arn, "GET", path, query, [("user-agent", AGENT)], b"", multi)
        answered: asyncio.Future[Ran] = asyncio.get_running_loop().create_future()
        self._start(group, target, event, "", lambda ran: None if answered.done() else answered.set_result(ran))
        try:
            async with asyncio.timeout(group.health.timeout_s):
                ran = await answered
        except TimeoutError:
            return _LATE
        try:
            status = 502 if ran.error else function_answer.read(ran.payload, multi).status
        except function_answer.Malformed:
            return _FAILED
        return mismatch(group, status)

    async def close(self) -> None:
        for task in self._reading:
            task.cancel()
        if self._reading:
            await asyncio.wait(self._reading)

    async def _read(self, exchange: Exchange, group: TargetGroup, target: Target, stream: BodyStream) -> None:
        try:
            body = await stream.read(LARGEST)
        except CutShort:
            exchange.answer(answers.page(400))
            return
        if body is None:
            stream.close()
            exchange.answer(answers.page(413))
        else:
            self._run(exchange, group, target, body)

    def _run(self, exchange: Exchange, group: TargetGroup, target: Target, body: bytes) -> None:
        if len(body) > LARGEST:
            exchange.answer(answers.page(413))
            return
        request, multi = exchange.request, _multi_value(group)
        event = function_event.written(
            group.arn, request.method, request.path, request.query, exchange.forwarded(), body, multi
        )
        run = _Run(exchange, multi, self._deadlines.line(idle_s(exchange)))
        self._start(group, target, event, exchange.root, run.done)

    def _start(self, group: TargetGroup, target: Target, event: bytes, trace: str, done: Callable[[Ran], None]) -> None:
        ctx = self._acting(*place(group.arn), PRINCIPAL, group.arn, trace)
        self._functions.run(ctx, target.id, event, done)


def idle_s(exchange: Exchange) -> float:
    known, changed = attributes.LOAD_BALANCER, exchange.balancer.attributes
    return float(attributes.value(known, changed, "idle_timeout.timeout_seconds"))


def mismatch(group: TargetGroup, status: int) -> Condition | None:
    """What a target is that answers its check with a status; None when that is well."""
    if status in (codes(group.health.matcher) or ()):
        return None
    return Condition("unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")


def _multi_value(group: TargetGroup) -> bool:
    return group.attributes.get("lambda.multi_value_headers.enabled") == "true"
