"""The port to functions: what integrations and authorizers ask of whoever runs them.

Owns: the shape of the question and of the answer. `app` binds it to Lambda. Rule: no task and no await; whoever asks
is called back, now or later.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from samovar.core.context import Context
from samovar.engine.streaming import Pace, Sink

PRINCIPAL = "apigateway.amazonaws.com"
"""As which the resource policies of functions know API Gateway."""
EVENT_LIMIT = 6 * 1024 * 1024
"""Bytes of an event, as of every invocation (facts/lambda-limits.md §1)."""


class Ran(msgspec.Struct, frozen=True):
    """What a call came to."""

    payload: bytes
    """What the function returned, or how it failed (`{"errorMessage": ...}`)."""
    error: str = ""
    """Empty when it returned; else the error's type, or the code of the refusal."""
    refused: bool = False
    """It wasn't run: no permission, no such function, throttled. The payload is empty then."""
    message: str = ""
    """Why, for logs."""


Done = Callable[[Ran], None]


class Functions(Protocol):
    def run(self, ctx: Context, arn: str, payload: bytes, done: Done) -> None:
        """Run a function (its ARN, qualified or not) as `ctx.principal`, for `ctx.source_arn`; `done` hears once."""
        ...

    def stream(self, ctx: Context, arn: str, payload: bytes, sink: Sink, done: Done) -> None:
        """The same, and `sink` takes what the function streams, or returns, as it comes. Nothing of that is in Ran."""
        ...

    def pace(self) -> Pace | None:
        """How fast a streamed response may go."""
        ...
