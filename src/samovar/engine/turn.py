"""The invocation that an environment is at: its turn, from the moment it is given until its last log line.

Owns: the event and whoever waits for its Result, the moments of it, the response as it comes, START, END and REPORT.
Refuses: states, and what ended it (`verdict`), which are the environment's.
Rules: there is at most one. Whoever waits is told exactly once; whoever asked for the log's tail not before REPORT, all
others before it: what is left to be done then delays nobody, and readers of the log come after it all the same.
"""

import asyncio
import math
from collections.abc import Callable
from functools import partial

import msgspec

from samovar.core.clock import Clock
from samovar.engine import frames, lineage, report
from samovar.engine.house import Done
from samovar.engine.lifecycle import Event
from samovar.engine.log import Journal
from samovar.engine.model import ON_DEMAND, Invocation, Outcome, Result, Version
from samovar.engine.records import Beginning, Ending
from samovar.engine.streaming import Course, Hold, Sink
from samovar.engine.timing import Timing
from samovar.engine.verdict import Verdict
from samovar.sandbox.port import Box

_HOLD_S = 0.02


class Turn:
    """One per environment, for all its invocations, one after the other."""

    def __init__(self, version: Version, journal: Journal, clock: Clock, *, bills_init: bool) -> None:
        self.invocation: Invocation | None = None
        self.began = 0.0
        """When the function's clock started for this invocation."""
        self.init_ms: float | None = None
        self.restored: report.Restored | None = None
        """What came before it: each told by the next REPORT, once."""
        self.answer = b""
        """What the runtime has said to it."""
        self.named = ""
        """The type that it gave to its error in a header; telemetry tells that one."""
        self.late: Verdict | None = None
        """Of one that was answered while extensions still worked for it: what there is to say so far."""
        self._version = version
        self._mark = lineage.digest(version.function_arn)
        self._journal = journal
        self._clock = clock
        # With the invocation: what was initialised ahead of any is billed by itself (facts/lambda-runtime.md §7).
        self._bills_init = bills_init and version.initialization == ON_DEMAND
        self.course: Course | None = None
        """The response that is, or was, streamed in this invocation."""
        self._done: Done | None = None
        self._sink: Sink | None = None
        self._timing: Timing | None = None
        """Of an invocation whose spans are told somewhere."""
        self._trace_id = ""
        self._sampled = -math.inf
        """When an invocation was, last: of those for which that is decided here."""
        self._held: Callable[[], None] | None = None
        """Gives the invoker an answer that waits for the runtime's `next`."""

    @property
    def request_id(self) -> str:
        """Empty when there is none."""
        return self.invocation.request_id if self.invocation is not None else ""

    @property
    def moved(self) -> int:
        return self.invocation.moved if self.invocation is not None else 0

    # --- its beginning

    def take(self, invocation: Invocation, done: Done, sink: Sink | None) -> None:
        self.invocation = invocation
        self._done = done
        self._sink = sink
        self.course = None
        self._trace_id = ""
        self._timing = None
        self.began = self._clock.monotonic()
        self._journal.take(invocation.tail)

    def start_clock(self) -> float:
        """The function's time begins now; when it is over."""
        self.began = self._clock.monotonic()
        return self.began + self._version.timeout_s

    def give_back(self) -> tuple[Invocation, Done, Sink | None]:
        """It begins anew elsewhere, with whoever waits for it."""
        invocation, done, sink = self.invocation, self._done, self._sink
        assert invocation is not None and done is not None
        self.invocation = self._done = self._sink = None
        return _moved(invocation), done, sink

    def begin_anew(self) -> None:
        """In place."""
        assert self.invocation is not None
        self.invocation = _moved(self.invocation)

    def _samples(self, now: float) -> bool:
        """As X-Ray's default rule begins: the first of each second, here of each environment."""
        if now - self._sampled < 1.0:
            return False
        self._sampled = now
        return True

    def deliver(self) -> tuple[Invocation, str, int]:
        """Log START; returns the event, its trace header, and its deadline in epoch milliseconds."""
        invocation, clock = self.invocation, self._clock
        assert invocation is not None
        now = clock.monotonic()
        if self._journal.detailed:
            self._timing = Timing(clock, now)
        left_s = self._version.timeout_s - (now - self.began)
        deadline_ms = int((clock.machine() + left_s) * 1000)  # functions compare it with their own time
        if not self._trace_id:  # else it is delivered once more: its first runtime hadn't heard of it
            sampled = self._version.traced and self._samples(now)
            self._trace_id = frames.complete_trace(invocation.trace_id, deadline_ms // 1000, self._mark, int(sampled))
            self._journal.start(Beginning(invocation.request_id, invocation.invoked_arn, self._trace_id))
        return invocation, self._trace_id, deadline_ms

    # --- its response

    def stream(self, content_type: str, hold: Hold) -> bool:
        """It comes in pieces; the usual words end it. False: it does so already."""
        if self.course is not None:
            return False
        self.course = Course(self._sink, content_type, hold)
        if self._timing is not None:
            self._timing.answering()
        return True

    def write(self, chunk: bytes) -> bool:
        if self.course is None:
            return False
        self.course.write(chunk)
        return True

    def complete(self, event: Event, payload: bytes) -> Event:
        """The runtime has said its last word: what that is, all in all; the payload is the `answer`."""
        course = self.course
        if course is not None and event is Event.RESPONDED:
            course.write(payload)
            payload = course.result()
            if course.too_large:
                event, payload = Event.HANDLER_ERROR, course.too_large
        if self._timing is not None:
            self._timing.answered()
        self.answer = payload
        return event

    def runtime_done(self) -> None:
        """The runtime has asked for its next event while extensions still work."""
        if self.late is not None:
            if self._timing is not None:
                self._timing.runtime_done()
            self._journal.runtime_done(self._ending(self.late, self._elapsed_ms(), 0))

    # --- its end

    def answer_early(self, verdict: Verdict) -> None:
        """Extensions still work for it: it is closed later, and a caller who wants the log's tail waits till then."""
        assert self.invocation is not None
        self.late = verdict
        done = self._done
        if done is not None and not self.invocation.tail:
            self._done = None
            done(self._result(verdict, b"", self._elapsed_ms()))

    def close(self, verdict: Verdict, box: Box | None, peak_mb: int | None, *, held: bool) -> None:
        """Log the end, answer the invoker unless that was done, and forget the invocation. `box`: where there is one;
        `peak_mb`: the memory used, where the box isn't to be asked. `held`: see `_hold`."""
        invocation, done = self.invocation, self._done
        assert invocation is not None
        whole = verdict.status == "timeout" and not verdict.refused  # a restore has a limit of its own
        duration_ms = self._version.timeout_s * 1000.0 if whole else self._elapsed_ms()
        self._done = self._sink = None
        waits = invocation.tail or held
        if done is not None and not waits:
            done(self._result(verdict, b"", duration_ms))
        if box is not None:
            box.drain_output()
            peak_mb = box.peak_memory_mb() if peak_mb is None else peak_mb
        tail = self._journal.end(self._ending(verdict, duration_ms, peak_mb or 0))
        if done is not None and waits:
            answer = partial(done, self._result(verdict, tail, duration_ms))
            if held:
                self._hold(answer)
            else:
                answer()
        self.init_ms = self.restored = self.late = None
        self.invocation = None
        self.answer, self.named = b"", ""

    def _elapsed_ms(self) -> float:
        return (self._clock.monotonic() - self.began) * 1000

    def _result(self, verdict: Verdict, tail: bytes, duration_ms: float) -> Result:
        return Result(
            verdict.outcome,
            verdict.payload,
            verdict.error_type,
            tail,
            duration_ms,
            self.init_ms,
            verdict.refused,
        )

    def _hold(self, answer: Callable[[], None]) -> None:
        """Answer when the runtime has asked for the next event, or in a moment: over HTTP that is a call of its own,
        and an invoker who comes back at once would find the environment busy, and pay for another one's start."""
        self._held = answer
        asyncio.get_running_loop().call_later(_HOLD_S, self.let_out)

    def let_out(self) -> None:
        answer = self.take_held()
        if answer is not None:
            answer()

    def take_held(self) -> Callable[[], None] | None:
        """Gives the answer that was held, where there is one."""
        answer, self._held = self._held, None
        return answer

    def _ending(self, verdict: Verdict, duration_ms: float, peak_mb: int) -> Ending:
        invocation, timing, status = self.invocation, self._timing, verdict.status
        assert invocation is not None
        size = len(verdict.payload) if self.course is None else self.course.size
        return Ending(
            request_id=invocation.request_id,
            duration_ms=duration_ms,
            memory_mb=self._version.memory_mb,
            max_memory_mb=peak_mb,
            produced_bytes=0 if status else size,
            init_ms=self.init_ms,
            restored=self.restored,
            failed=verdict.outcome is not Outcome.OK,
            status=status,
            error_type=verdict.logged_type,
            arn=invocation.invoked_arn,
            trace_id=self._trace_id,
            spans=timing.spans() if timing is not None and not status else (),
            overhead=timing.extension_overhead() if timing is not None else None,
            bills_init=self._bills_init,
        )


def _moved(invocation: Invocation) -> Invocation:
    return msgspec.structs.replace(invocation, moved=invocation.moved + 1)
