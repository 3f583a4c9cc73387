"""Who calls, for which account and region: the first argument of every operation.

Owns: Context and the shape of an operation. Rule: a service reaches another only through `ctx.call`, never by import.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

Params = dict[str, Any]
"""A request or an answer as botocore's shapes name it. Lives only between `wire` and the first lines of an
operation."""

Operation = Callable[["Context", Params], Awaitable[Params]]
"""An operation of a service, bound to its state."""

Reply = Callable[["Params | BaseException"], None]
"""Takes the one answer of a direct operation: its result, or the error to answer."""

DirectOperation = Callable[["Context", Params, Reply], None]
"""An operation on the hot path: called without a task, it answers through its Reply, now or later, exactly once."""


class Caller(Protocol):
    """The dispatch table without the bytes: what `ctx.call` goes through."""

    async def call(self, ctx: "Context", service: str, operation: str, params: Params) -> Params: ...


class Context(msgspec.Struct, frozen=True):
    account: str
    """12 digits."""
    region: str
    request_id: str
    principal: str
    """ARN of whoever signed the request; the account's root where no identity is known."""
    endpoint: str
    """Base URL that the caller used, without a slash at the end (`http://127.0.0.1:4566`)."""
    caller: Caller
    trace_id: str = ""
    """X-Amzn-Trace-Id as it came, empty when it didn't."""

    async def call(self, service: str, operation: str, params: Params) -> Params:
        """Run another service's operation as this caller; raises AwsError as that service would answer."""
        return await self.caller.call(self, service, operation, params)
