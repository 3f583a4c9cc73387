"""Functions as the targets of APIs and load balancers: the port of `web/functions` (facts/apigateway.md §4, §9).

Owns: who may run a function in that way. Rule: like Invoke, no task and no await: it goes to the engine at once.
"""

from collections.abc import Callable
from functools import partial

from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.engine.model import Invocation, Outcome, Result
from samovar.engine.streaming import Pace, Sink
from samovar.services.lambda_ import names
from samovar.services.lambda_.names import LATEST
from samovar.services.lambda_.ports import Authority
from samovar.services.lambda_.state import State
from samovar.web.functions import Done, Ran

_REMEMBERED = 1000


class IntegrationDoor:
    def __init__(self, functions: State, authority: Authority | None) -> None:
        self._functions = functions
        self._authority = authority
        self._parts: dict[str, tuple[str, str, str, str]] = {}
        """Of ARNs: integrations ask for the same ones again and again."""

    def run(self, ctx: Context, arn: str, payload: bytes, done: Done) -> None:
        try:
            self._start(ctx, arn, payload, partial(_told, done), None)
        except AwsError as error:  # a refusal is an answer of its own to each of those who ask
            done(_refused(error))

    def stream(self, ctx: Context, arn: str, payload: bytes, sink: Sink, done: Done) -> None:
        try:
            self._start(ctx, arn, payload, partial(_streamed, sink, done), sink)
        except AwsError as error:
            done(_refused(error))

    def pace(self) -> Pace | None:
        return self._functions.engine.pace()

    def _start(
        self, ctx: Context, arn: str, payload: bytes, told: Callable[[Result], None], sink: Sink | None
    ) -> None:
        if self._authority is not None and self._authority.enforces:
            self._authority.admit(ctx, "lambda", "Invoke", {"FunctionName": arn})
        region, account, name, qualifier = self._parts.get(arn) or self._read(arn)
        version = self._functions.in_force((account or ctx.account, region or ctx.region, name), qualifier or LATEST)
        if version is None:
            raise names.not_found(ctx, name, qualifier)
        invoked = f"{version.function_arn}:{qualifier}" if qualifier else version.function_arn
        invocation = Invocation(ctx.request_id, invoked, payload, trace_id=ctx.trace_id)
        self._functions.engine.start(version, invocation, told, sink)

    def _read(self, arn: str) -> tuple[str, str, str, str]:
        parts = names.parts(arn)
        if parts is None:
            raise names.malformed(arn, names.NAMESPACED_PATTERN)
        if len(self._parts) >= _REMEMBERED:
            self._parts.clear()
        self._parts[arn] = parts
        return parts


def _refused(error: AwsError) -> Ran:
    return Ran(b"", error.code, True, error.message)


def _streamed(sink: Sink, done: Done, result: Result) -> None:
    """A function that doesn't stream has returned in one piece, which is streamed now."""
    if result.outcome is Outcome.OK and result.payload:
        sink.begin("application/json", lambda paused: None)
        sink.write(result.payload)
    _told(done, result)


def _told(done: Done, result: Result) -> None:
    if result.refused:
        done(Ran(b"", result.refused, True, result.error_type))
    elif result.outcome is Outcome.OK:
        done(Ran(result.payload))
    else:
        done(Ran(result.payload, result.error_type or "Unhandled"))
