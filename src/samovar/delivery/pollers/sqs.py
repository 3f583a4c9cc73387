"""Event source mappings from SQS: polls queues, runs functions, deletes what they have done.

Owns: the workers of each mapping, and how many there are. What they do with a queue is in `queue`. A worker fetches a
batch, has the function run, and deletes what succeeded; whatever it doesn't delete is visible again when the queue's
visibility timeout ends, and goes to the dead-letter queue by the queue's own policy. Refuses: the order of FIFO groups,
which the queue itself keeps.
Facts: lambda-events.md §4.3.

1. Two workers wait at an idle queue. While all of them have work, one more is added at a time: up to 5 at once, then 5
   more each second (300 a minute), up to 1,250 or the mapping's MaximumConcurrency. A provisioned poller is ten.
2. A function that fails halves the number of workers (not when it reports failures itself). One that is throttled is
   tried again, later each time, as long as the messages stay hidden; meanwhile no worker is added.
3. One worker gathers at a time, so that a batch fills before another begins.
4. A stopped mapping fetches nothing more; what its workers hold is finished. A poller that is closed lets go at once.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any

from samovar.core import ids
from samovar.core.clock import Clock
from samovar.core.context import Acting, Params
from samovar.core.errors import AwsError
from samovar.delivery import journal as outcomes
from samovar.delivery.journal import Entry, Journal
from samovar.delivery.mapping import Filter, Mapping, events, failed_records, sqs_record
from samovar.delivery.pollers.ports import Functions, Runner
from samovar.delivery.pollers.queue import PolledQueue
from samovar.engine import lineage
from samovar.engine.model import Invocation, Outcome, Result, Version
from samovar.store.errors import StoreError

IDLE = 2
FIRST = 5
MORE_PER_S = 5.0
MOST = 1250
PROVISIONED_EACH = 10
"""Invocations that a provisioned poller may have at a time; there are 1,000 a minute more of them, not 300."""
PROVISIONED_MORE_PER_S = 1000 / 60

_POLL_S = 20
_RETRY_S = 5.0
"""After a queue that can't be read."""
_COMPLAIN_EVERY_S = 600.0
_THROTTLED_S = 1.0
_LONGEST_THROTTLED_S = 60.0

log = logging.getLogger("samovar.delivery")


class SqsPollers:
    """The pollers of all mappings from queues."""

    def __init__(self, acting: Acting, runner: Runner, journal: Journal, clock: Clock) -> None:
        self.acting = acting
        self.runner = runner
        self.journal = journal
        self.clock = clock
        self.functions: Functions
        self._pollers: dict[str, _Poller] = {}
        self._leaving: set[_Poller] = set()

    def follow(self, mapping: Mapping) -> None:
        """Poll for it from now on, as it is now."""
        known = self._pollers.get(mapping.uuid)
        if known is not None and known.mapping == mapping:
            return
        self.leave(mapping.uuid)
        self._pollers[mapping.uuid] = _Poller(self, mapping)

    def leave(self, uuid: str) -> None:
        """Fetch nothing more for a mapping; what was fetched is finished."""
        poller = self._pollers.pop(uuid, None)
        if poller is not None:
            self._leaving.add(poller)
            poller.stop(lambda: self._leaving.discard(poller))

    async def close(self) -> None:
        for poller in [*self._pollers.values(), *self._leaving]:
            await poller.close()


class _Poller:
    def __init__(self, house: SqsPollers, mapping: Mapping) -> None:
        self.mapping = mapping
        self._house = house
        self._clock = house.clock
        self._filter = Filter(mapping.patterns)
        self._queue = PolledQueue(mapping, house.acting, lambda: house.functions.session(mapping.function))
        self._workers: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        """Workers that hold nothing."""
        self._gathering = asyncio.Lock()
        self._ready: deque[list[Params]] = deque()
        """Batches that were received with another, for the workers that wait."""
        self._open = True
        self._on_empty: Any = None
        fewest, most = mapping.pollers or (0, 0)
        self._idle = fewest or IDLE
        self._first = fewest * PROVISIONED_EACH or FIRST
        self._most = most * PROVISIONED_EACH or mapping.most_at_once or MOST
        self._more_per_s = PROVISIONED_MORE_PER_S if mapping.pollers else MORE_PER_S
        self._allowed = float(self._first)
        self._since = self._clock.monotonic()
        self._throttled = 0
        """Workers whose function takes nothing now."""
        self._widening: asyncio.TimerHandle | None = None
        self._complaint = ("", 0.0)
        """What was said last of a queue that can't be read, and when it may be said again."""
        for _ in range(self._idle):
            self._spawn(self._work())

    # --- workers ----------------------------------------------------------------------------------------------------

    def stop(self, then: Any) -> None:
        self._open = False
        self._on_empty = then
        self._rest()
        for worker in list(self._waiting):
            worker.cancel()
        while self._ready:
            self._spawn(self._process(self._ready.popleft()))
        if not self._workers:
            then()

    async def close(self) -> None:
        self._open = False
        self._rest()
        for worker in list(self._workers):
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._workers.add(task)
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._workers.discard(task)
        self._waiting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a poller of %s failed by a bug", self.mapping.source_arn, exc_info=task.exception())
            if self._open:  # its messages come again; so does it, a little later
                asyncio.get_running_loop().call_later(_RETRY_S, self._replace)
        if not self._workers and self._on_empty is not None:
            self._on_empty()

    def _replace(self) -> None:
        if self._open and len(self._workers) < self._idle:
            self._spawn(self._work())

    async def _work(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        while self._open and len(self._workers) <= max(self._idle, self._limit()):
            self._waiting.add(me)
            async with self._gathering:
                try:
                    messages = self._ready.popleft() if self._ready else await self._gather(me)
                except (AwsError, StoreError) as error:
                    await self._put_off(error)
                    continue
                self._waiting.discard(me)
            if messages:
                self._add_worker()
                await self._process(messages)
            elif len(self._workers) > self._idle:
                return

    async def _gather(self, me: asyncio.Task[None]) -> list[Params]:
        """A batch; of a standard queue, also one for each other worker that waits, in the same receive."""
        size = self.mapping.batch_size
        shares = not self.mapping.window_s and not self._queue.is_fifo
        messages = await self._queue.receive(size * len(self._waiting) if shares else size, _POLL_S)
        if messages:
            self._waiting.discard(me)
        if not shares:
            return await self._fill(messages) if messages else []
        self._ready.extend(messages[start : start + size] for start in range(size, len(messages), size))
        return messages[:size]

    def _limit(self) -> int:
        return min(self._most, int(self._allowed))

    def _add_worker(self) -> None:
        """One more, when all have work."""
        if self._waiting or self._throttled or not self._open:
            return
        self._widen()
        if len(self._workers) < self._limit():
            self._spawn(self._work())
        elif len(self._workers) < self._most and self._widening is None:
            self._widening = asyncio.get_running_loop().call_later(1 / self._more_per_s, self._look_again)

    def _look_again(self) -> None:
        self._widening = None
        self._add_worker()

    def _widen(self) -> None:
        """Allow more with the time in which all had work; begin anew after a rest."""
        now = self._clock.monotonic()
        if len(self._workers) <= self._idle:
            self._allowed = min(float(self._first), self._allowed + 1)
        elif len(self._workers) >= int(self._allowed):
            self._allowed = min(float(self._most), self._allowed + (now - self._since) * self._more_per_s)
        self._since = now

    def _narrow(self) -> None:
        """A function fails: fewer at once."""
        self._allowed = max(float(self._idle), self._allowed / 2)
        self._since = self._clock.monotonic()

    def _rest(self) -> None:
        if self._widening is not None:
            self._widening.cancel()
            self._widening = None

    async def _put_off(self, error: Exception) -> None:
        missing = isinstance(error, AwsError) and error.code == "QueueDoesNotExist"
        now, said = self._clock.now(), str(error)
        if said != self._complaint[0] or now >= self._complaint[1]:
            self._complaint = (said, now + _COMPLAIN_EVERY_S)
            log.log(logging.INFO if missing else logging.WARNING, "cannot poll %s: %s", self.mapping.source_arn, error)
        await self._clock.sleep_until(now + _RETRY_S)

    # --- one batch --------------------------------------------------------------------------------------------------

    async def _fill(self, messages: list[Params]) -> list[Params]:
        """More messages, until the batch is full or its window over."""
        until = self._clock.now() + self.mapping.window_s
        while self._open and len(messages) < self.mapping.batch_size:
            left_s = until - self._clock.now()
            if left_s <= 0 or sum(len(message["Body"]) for message in messages) > 5_000_000:
                break
            try:
                messages = messages + await self._queue.receive(
                    self.mapping.batch_size - len(messages), max(1, min(_POLL_S, int(left_s)))
                )
            except (AwsError, StoreError) as error:
                log.warning("cannot poll %s: %s", self.mapping.source_arn, error)
                break
        return messages

    async def _process(self, messages: list[Params]) -> None:
        wanted: list[Params] = []
        unwanted: list[Params] = []
        for message in messages:
            record = sqs_record(message, self.mapping.source_arn, self.mapping.region)
            (wanted if self._filter.wants(record, "body") else unwanted).append(record)
        await self._queue.delete(unwanted)
        for chosen, event in events(wanted, self.mapping.batch_size):
            await self._invoke(chosen, event)

    async def _invoke(self, records: list[Params], event: bytes) -> None:
        request_id = ids.uuid4()
        traces = (record["attributes"].get("AWSTraceHeader") for record in records)
        trace_id = next((trace for trace in traces if trace), "")
        try:
            if self._is_loop(trace_id):
                await self._end_loop(records, request_id)
                return
            result = await self._run(Invocation(request_id, self.mapping.function, event, trace_id=trace_id))
        except (AwsError, StoreError) as error:
            await self._note(request_id, outcomes.RETRY, f"{error}; the messages become visible again")
            await self._clock.sleep_until(self._clock.now() + _THROTTLED_S)
            return
        await self._settle(records, request_id, result)

    async def _run(self, invocation: Invocation) -> Result:
        """Run the function; while it is throttled, again and again as long as the messages stay hidden."""
        wait_s = _THROTTLED_S
        until: float | None = None
        while True:
            version = self._house.functions.version(self.mapping.function)
            if version is None:
                raise AwsError("ResourceNotFoundException", f"{self.mapping.function} is gone")
            try:
                return await self._started(version, invocation)
            except AwsError as error:
                if error.code != "TooManyRequestsException":
                    raise
                if until is None:
                    until = self._clock.now() + await self._queue.hidden_s() - version.timeout_s
                if self._clock.now() + wait_s > until or not self._open:
                    raise
            self._throttled += 1
            self._allowed = max(float(self._idle), min(self._allowed, float(len(self._workers) - len(self._waiting))))
            try:
                await self._clock.sleep_until(self._clock.now() + wait_s)
            finally:
                self._throttled -= 1
            wait_s = min(wait_s * 2, _LONGEST_THROTTLED_S)

    async def _started(self, version: Version, invocation: Invocation) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def done(result: Result) -> None:
            if not future.done():  # the server may be stopping
                future.set_result(result)

        self._house.runner.start(version, invocation, done)
        return await future

    async def _settle(self, records: list[Params], request_id: str, result: Result) -> None:
        """Delete what the function has done."""
        failed: Any = ()
        reason = ""
        if result.outcome is Outcome.FUNCTION_ERROR:
            failed, reason = None, f"the function failed: {result.error_type or 'an error without a type'}"
        elif self.mapping.reports_failures:
            failed = failed_records(result.payload, [record["messageId"] for record in records])
            reason = "the function reported failures"
        if failed is None:
            if not self.mapping.reports_failures:
                self._narrow()
            await self._note(request_id, outcomes.RETRY, f"{reason}; {len(records)} messages become visible again")
            return
        if failed:
            entry = self._entry(request_id, outcomes.RETRY, f"{reason}: {len(failed)} of {len(records)} messages")
        else:
            entry = self._entry(request_id, outcomes.DELIVERED)
        done = [record for record in records if record["messageId"] not in failed]
        # At once, and with as little as can be in between: a crash before the commit has them done again.
        if not await self._queue.delete(done, *self._house.journal.writing(entry)):
            await self._house.journal.note(entry)

    # --- loops, and what became of it -------------------------------------------------------------------------------

    def _is_loop(self, trace_id: str) -> bool:
        function = ":".join(self.mapping.function.split(":")[:7])
        looped = bool(trace_id) and lineage.runs(trace_id, function) >= lineage.LIMIT
        return looped and not self._house.functions.may_recur(self.mapping.function)

    async def _end_loop(self, records: list[Params], request_id: str) -> None:
        """A chain of events that has led here too often ends: in the dead-letter queue if there is one."""
        dead_letters = await self._queue.dead_letters()
        self._house.journal.count(
            self.mapping.account,
            self.mapping.region,
            "AWS/Lambda",
            "RecursiveInvocationsDropped",
            self.mapping.function,
        )
        await self._note(request_id, outcomes.DROPPED, "a loop: this chain of events has run the function often enough")
        if dead_letters is None:
            await self._queue.delete(records)
            return
        for record in records:
            await self._queue.move(record, dead_letters)

    async def _note(self, request_id: str, outcome: str, reason: str = "") -> None:
        await self._house.journal.note(self._entry(request_id, outcome, reason))

    def _entry(self, request_id: str, outcome: str, reason: str = "") -> Entry:
        mapping = self.mapping
        return Entry(
            mapping.account, mapping.region, "sqs", mapping.source_arn, mapping.function, request_id, 1, outcome, reason
        )
