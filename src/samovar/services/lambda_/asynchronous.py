"""Asynchronous invocations, as the Lambda service sees them: what is accepted, and what becomes of it by configuration.

Owns: the way from Invoke with `Event` to the queue of `delivery`, and what that queue must know of functions. Refuses:
attempts, waiting and destinations (`delivery/invocations`). Facts: lambda-events.md §2.
"""

import asyncio

from samovar.core.context import Context, Reply
from samovar.delivery.invocations import Event, Invocations, Policy
from samovar.engine import lineage
from samovar.engine.model import Version
from samovar.services.lambda_.eventinvoke import Config, EventInvoke
from samovar.services.lambda_.names import LATEST
from samovar.services.lambda_.state import State

_RETRIES = 2
_AGE_S = 21_600


class Asynchronous:
    """Knows the functions for the queue (`delivery.invocations.Functions`), and hands it what is invoked."""

    def __init__(self, functions: State, configs: EventInvoke, invocations: Invocations) -> None:
        self._functions = functions
        self._configs = configs
        self._invocations = invocations
        self._accepting: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self._invocations.start(self)

    def accept(self, ctx: Context, name: str, qualifier: str, payload: bytes, reply: Reply) -> None:
        """Answer 202 when the event is safe."""
        now = self._functions.clock.now()
        trace = ctx.trace_id or lineage.root(now)  # of all its attempts, and of what it leads to
        event = Event(ctx.account, ctx.region, name, qualifier, ctx.request_id, payload.decode(), now, trace)
        task = asyncio.get_running_loop().create_task(self._invocations.accept(event, *ctx.handover))
        self._accepting.add(task)
        task.add_done_callback(lambda task: self._answer(task, reply))

    def _answer(self, task: asyncio.Task[None], reply: Reply) -> None:
        self._accepting.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        reply({"StatusCode": 202} if error is None else error)

    # --- what the queue asks ----------------------------------------------------------------------------------------

    def policy(self, event: Event) -> Policy | None:
        key = (event.account, event.region, event.function)
        function = self._functions.functions.get(key)
        if function is None:
            return None
        config = self._configs.table.get((*key, event.qualifier or LATEST)) or Config(None, None, "", "", 0)
        version = event.qualifier if event.qualifier.isdecimal() else ""
        deployed = self._functions.published(key, version) if version else None
        configuration = (deployed or function).configuration
        return Policy(
            role=configuration.role,
            retries=_RETRIES if config.attempts is None else config.attempts,
            age_s=config.age_s or _AGE_S,
            on_success=config.on_success,
            on_failure=config.on_failure,
            dead_letter=configuration.dead_letter,
            disabled=function.reserved == 0,
            may_recur=function.recursive_loop == "Allow",
        )

    def version(self, event: Event) -> Version | None:
        return self._functions.in_force((event.account, event.region, event.function), event.qualifier or LATEST)
