"""The loop behind every delivery: takes work from its lines, has it done, and puts back what must be tried again.

Owns: how many of a line are worked on at a time, and when a line rests. A line is a durable queue (`store/queue`) whose
items are claimed in their order. Refuses: what the work is (a `Work`, handed in) and how often it is tried: its verdict
says.

1. Put is durable before it is answered; done is durable before it is forgotten. Work may be done twice, never not at
   all: what was claimed when the server died is free again at the next start. Who takes it over within this store
   commits its end with that (`Job.ack`); then it isn't done twice either.
2. A line is in order: what came first is begun first. What is put back stands in line by its new moment.
3. A line that is held rests as a whole, so that it stays in order: 1 s, then twice as long each time, up to 5 minutes
   (facts/lambda-events.md §2); and it goes on as soon as something of it has finished.
4. Few of a line are begun at once, and more while it doesn't get shorter: twice as many each second in which nothing
   has finished, a quarter more when something has. A burst of quick events needs no hundred environments (and
   starting them would only slow it down); slow ones get them within seconds.
5. A bug in the work is logged here, the item tried again later, and given up after `_CRASHES`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from samovar.core.clock import Clock, Timer
from samovar.store import queue as durable
from samovar.store.errors import StoreError
from samovar.store.queue import Item, Queues
from samovar.store.sqlite import Change, Statement

log = logging.getLogger("samovar.delivery")

Step = Statement | Change

WINDOW = 4
"""Items of a line that are begun at once."""
HOLD_S = 1.0
LONGEST_HOLD_S = 300.0

_WIDER_AFTER_S = 1.0
_WIDER_AFTER_HOLD_S = 5.0
_AHEAD = 8
"""Claimed beyond what can begin, so that a long line costs fewer claims and is known to be long."""
_LEASE_S = 1e9
"""Claims are this server's until it ends: nobody else works on its data."""
_CRASHES = 10
_STORE_RETRY_S = 1.0
_LEAVE_WITHIN_S = 2.0
"""What attempts may still take when the server stops: one that is done isn't made again."""


class Done(msgspec.Struct, frozen=True):
    """The work has come to an end; `steps` are committed with that."""

    steps: tuple[Step, ...] = ()


class Again(msgspec.Struct, frozen=True):
    """To be tried again at `due`, as `body`."""

    due: float
    body: str
    steps: tuple[Step, ...] = ()


class Hold(msgspec.Struct, frozen=True):
    """Not now, and nothing behind it either."""

    steps: tuple[Step, ...] = ()


Verdict = Done | Again | Hold


class Ack:
    """The end of an item (a `Change`)."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.committed = False

    def apply(self) -> None:
        """Nothing is done before it is written."""

    def settle(self, committed: bool) -> None:
        self.committed |= committed


class Job(msgspec.Struct, frozen=True):
    """One attempt."""

    body: str
    ack: Ack
    """For the transaction of whoever takes over what the item says. Once it is committed the verdict doesn't matter."""


Work = Callable[[Job], Awaitable[Verdict]]


class _Line:
    def __init__(self, name: str, queue: durable.Queue, window: int) -> None:
        self.name = name
        self.queue = queue
        self.ahead: deque[Item] = deque()
        """Claimed, and not begun."""
        self.running = 0
        self.window = window
        self.holds = 0
        """In a row."""
        self.narrow = False
        """Whether it was held since it was last empty."""
        self.held: Timer | None = None
        self.more = True
        """Whether something may be there that can be claimed now."""
        self.delayed = True
        """Whether something may be there that can be claimed later."""
        self.later: Timer | None = None
        self.widening: asyncio.TimerHandle | None = None
        self.ended = 0
        """Attempts since it was widened last."""
        self.poke = asyncio.Event()
        """Set when anything has changed."""

    @property
    def spent(self) -> bool:
        """Whether there is nothing to do and nothing to wait for."""
        return not (self.more or self.ahead or self.running or self.held or self.later)

    def put_ahead(self, items: list[Item]) -> None:
        """Among those that are next, in the order of the line."""
        in_order = sorted([*self.ahead, *items], key=lambda item: item.id)
        self.ahead.clear()
        self.ahead.extend(in_order)

    def stop(self) -> None:
        for timer in (self.held, self.later, self.widening):
            if timer is not None:
                timer.cancel()
        self.held = self.later = self.widening = None


class Queue:
    """All lines whose names begin with `prefix` and a slash."""

    def __init__(self, queues: Queues, prefix: str, clock: Clock, work: Work, widest: int) -> None:
        """`widest`: items of a line that may be worked on at once."""
        self._queues = queues
        self._prefix = prefix
        self._clock = clock
        self._work = work
        self._widest = widest
        self._lines: dict[str, _Line] = {}
        self._drivers: set[asyncio.Task[None]] = set()
        self._attempts: set[asyncio.Task[None]] = set()
        self._crashes: dict[str, int] = {}
        """By what the item says."""
        self._open = False

    async def start(self) -> None:
        """Begin, and go on with what an earlier server has left."""
        self._open = True
        for name in await self._queues.names(f"{self._prefix}/"):
            await self._queues.queue(name).free()
            self._line(name)

    async def close(self) -> None:
        """Stop: nothing more begins, what runs has a moment to finish, what isn't done is there at the next start."""
        self._open = False
        for task in self._drivers:
            task.cancel()
        for line in self._lines.values():
            line.stop()
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=_LEAVE_WITHIN_S)
        for task in self._attempts:
            task.cancel()
        await asyncio.gather(*self._drivers, *self._attempts, return_exceptions=True)

    async def reset(self) -> None:
        """Forget everything. What is being worked on comes to its end, and to nothing."""
        for name in await self._queues.names(f"{self._prefix}/"):
            await self._queues.queue(name).clear()
        for line in self._lines.values():
            line.ahead.clear()
            line.more = True
            line.poke.set()

    async def putting(self, line: str, body: str, due: float | None = None) -> "Putting":
        """The change that puts an item at the end of a line, for `Store.transact`; `due`: not before."""
        name = f"{self._prefix}/{line}"
        delay_s = 0.0 if due is None else max(0.0, due - self._clock.now())
        statement, _ = await self._queues.queue(name).putting(body, delay_s)
        return Putting(self, name, statement, delayed=delay_s > 0)

    async def put(self, line: str, body: str, *also: Step) -> None:
        await self._queues.store.transact(await self.putting(line, body), *also)

    def arrived(self, name: str, delayed: bool) -> None:
        """Something was put into a line."""
        if self._open:
            line = self._line(name)
            line.more = True
            line.delayed |= delayed
            line.poke.set()

    # --- lines ------------------------------------------------------------------------------------------------------

    def _line(self, name: str) -> _Line:
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = _Line(name, self._queues.queue(name), min(WINDOW, self._widest))
            self._spawn(self._drivers, self._drive(line))
        return line

    async def _drive(self, line: _Line) -> None:
        """Begin what can be begun, until nothing is left."""
        while not line.spent:
            line.poke.clear()
            if line.more and not line.ahead and line.held is None:
                await self._claim(line)
            if line.held is None:
                while line.ahead and line.running < line.window:
                    line.running += 1
                    self._spawn(self._attempts, self._attempt(line, line.ahead.popleft()))
            if line.more and not line.ahead and line.held is None:
                continue
            self._plan_widening(line)
            if not line.spent:
                await line.poke.wait()
        line.stop()
        self._lines.pop(line.name, None)

    async def _claim(self, line: _Line) -> None:
        line.more = False  # unless something arrives meanwhile
        wanted = max(0, line.window - line.running) + _AHEAD
        try:
            claimed = await line.queue.claim(wanted, _LEASE_S)
            line.put_ahead(claimed)
            if len(claimed) >= wanted:
                line.more = True
            elif line.delayed:
                line.delayed = False
                self._expect(line, await line.queue.next_due())
        except StoreError as error:
            log.warning("cannot read what waits in %s: %s", line.name, error)
            line.delayed = True
            self._expect(line, self._clock.now() + _STORE_RETRY_S)

    def _expect(self, line: _Line, due: float | None) -> None:
        """Look again at `due`."""
        if due is None or due > self._clock.now() + _LEASE_S / 2:
            return  # nothing, or only what is claimed already
        line.delayed = True
        if line.later is None or due < line.later.when:
            if line.later is not None:
                line.later.cancel()
            line.later = self._clock.at(due, lambda: self._on_time(line))

    def _on_time(self, line: _Line) -> None:
        line.later = None
        line.more = True
        line.poke.set()

    def _plan_widening(self, line: _Line) -> None:
        if line.ahead and line.held is None and line.widening is None:
            wait_s = _WIDER_AFTER_HOLD_S if line.narrow else _WIDER_AFTER_S
            line.widening = asyncio.get_running_loop().call_later(wait_s, self._widen, line)

    def _widen(self, line: _Line) -> None:
        line.widening = None
        if line.ahead and line.held is None:
            more = 1 if line.narrow else max(1, line.window // 4) if line.ended else line.window
            line.window = min(self._widest, line.window + more)
            line.poke.set()
        line.ended = 0

    # --- work -------------------------------------------------------------------------------------------------------

    async def _attempt(self, line: _Line, item: Item) -> None:
        ack = Ack(line.queue.acking(item))
        verdict = await self._judge(Job(item.body, ack))
        if ack.committed:
            verdict = Done()
        if isinstance(verdict, Hold):
            line.running -= 1
            self._hold(line, item)  # at once: what is behind it must not begin while this is written
            await self._commit(line, *verdict.steps)
            return
        steps: list[Step] = [*verdict.steps] if ack.committed else [ack, *verdict.steps]
        if isinstance(verdict, Again):
            steps.append(await self.putting(line.name.partition("/")[2], verdict.body, verdict.due))
        await self._commit(line, *steps)
        line.running -= 1
        await self._queues.bodies.drop([item.blob])
        self._release(line)

    async def _judge(self, job: Job) -> Verdict:
        try:
            verdict = await self._work(job)
        except StoreError as error:
            log.warning("work is put off: %s", error)
            return Hold()
        except Exception:
            crashes = self._crashes.get(job.body, 0) + 1
            given_up = crashes >= _CRASHES
            log.exception("a delivery failed by a bug; %s", "given up" if given_up else "to be tried again")
            if given_up:
                self._crashes.pop(job.body, None)
                return Done()
            self._crashes[job.body] = crashes
            return Again(self._clock.now() + HOLD_S * 2**crashes, job.body)
        self._crashes.pop(job.body, None)
        return verdict

    async def _commit(self, line: _Line, *steps: Step) -> None:
        """Write what came of an attempt; it was made, so only the writing is tried again."""
        while steps:  # a verdict without any has nothing to write
            try:
                await self._queues.store.transact(*steps)
                return
            except StoreError as error:
                log.warning("what became of a delivery in %s isn't written yet: %s", line.name, error)
                await asyncio.sleep(_STORE_RETRY_S)

    def _hold(self, line: _Line, item: Item) -> None:
        """Rest: the line has as many at work as it may have."""
        line.put_ahead([item])
        line.window = max(1, min(line.window, line.running))
        line.narrow = True
        if line.held is None and self._open:
            wait_s = min(HOLD_S * 2**line.holds, LONGEST_HOLD_S)
            line.holds += 1
            line.held = self._clock.at(self._clock.now() + wait_s, lambda: self._go_on(line))

    def _go_on(self, line: _Line) -> None:
        line.held = None
        line.poke.set()

    def _release(self, line: _Line) -> None:
        """Something of the line has finished, so there is room."""
        line.ended += 1
        line.holds = 0
        if line.held is not None:
            line.held.cancel()
            line.held = None
        if not line.ahead and not line.more:
            line.window, line.narrow = min(WINDOW, self._widest), False
        line.poke.set()

    @staticmethod
    def _spawn(among: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)


class Putting:
    """An item on its way into a line (a `Change`)."""

    def __init__(self, queue: Queue, line: str, statement: Statement, delayed: bool) -> None:
        self.statement = statement
        self._queue = queue
        self._delayed = delayed
        self._line = line

    def apply(self) -> None:
        """Nothing begins before it is written."""

    def settle(self, committed: bool) -> None:
        if committed:
            self._queue.arrived(self._line, self._delayed)
