"""Who calls, for which account and region: the first argument of every operation.

Owns: Context, the shape of an operation, and contexts for what the platform does by itself (Acting). Rule: a service
reaches another only through `ctx.call`, never by import.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from samovar.core.ids import uuid4
from samovar.core.session import Session

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
    """ARN of whoever signed the request; the account's root where no identity is known. Where the platform calls by
    itself it is the service, as policies name it (`events.amazonaws.com`), or the role that it took on."""
    endpoint: str
    """Base URL that the caller used, without a slash at the end (`http://127.0.0.1:4566`)."""
    caller: Caller
    trace_id: str = ""
    """X-Amzn-Trace-Id as it came, empty when it didn't."""
    source_arn: str = ""
    """For whom a service calls (`aws:SourceArn` of policies): the rule, bucket, topic; empty for everybody else."""
    session: Session | None = None
    """What the caller's temporary credentials say; None for all other callers."""
    handover: tuple[Any, ...] = ()
    """Of a delivery by the platform: steps for `Store.transact` that end it. Whoever takes it over in one transaction
    commits them in that one, so that no crash finds it both taken and still to be delivered. Others ignore them, and
    an `Ack` among them knows."""

    async def call(self, service: str, operation: str, params: Params) -> Params:
        """Run another service's operation as this caller; raises AwsError as that service would answer."""
        return await self.caller.call(self, service, operation, params)


class Acting:
    """Makes the contexts of those who call without having been called: pollers, deliveries, schedules.

    `app` hands it out before there is a gateway. Calls wait for that, so nobody needs to know who is built first.
    """

    def __init__(self) -> None:
        self._gateway: asyncio.Future[tuple[Caller, str]] = asyncio.get_running_loop().create_future()
        self._endpoint = ""
        """Once it is known."""

    def attach(self, caller: Caller, endpoint: str) -> None:
        """From now on calls go through."""
        self._endpoint = endpoint
        self._gateway.set_result((caller, endpoint))

    def __call__(
        self,
        account: str,
        region: str,
        principal: str,
        source_arn: str = "",
        trace_id: str = "",
        handover: tuple[Any, ...] = (),
    ) -> Context:
        """`principal`: a service (`lambda.amazonaws.com`) or a role's ARN; `source_arn`: for whom it calls."""
        id = uuid4()
        return Context(account, region, id, principal, self._endpoint, self, trace_id, source_arn, None, handover)

    async def endpoint(self) -> str:
        """The platform's address, for links in what is sent; waits until it is known."""
        return (await asyncio.shield(self._gateway))[1]

    async def call(self, ctx: Context, service: str, operation: str, params: Params) -> Params:
        done = self._gateway.done()  # as it is, but for a server's first moments
        caller, endpoint = self._gateway.result() if done else await asyncio.shield(self._gateway)
        if not ctx.endpoint:
            ctx = msgspec.structs.replace(ctx, endpoint=endpoint)
        return await caller.call(ctx, service, operation, params)
