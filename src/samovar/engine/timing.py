"""The moments of one invocation that its spans are made of: facts/lambda-runtime.md §5.

Owns: `responseLatency` (until the response begins), `responseDuration` (until its last byte), `runtimeOverhead` (until
the runtime is done), `extensionOverhead` (until the extensions are). Refuses: the function's timeout and bill, which
are the environment's.
"""

from collections.abc import Sequence

from samovar.core.clock import Clock
from samovar.engine.records import Span


class Timing:
    def __init__(self, clock: Clock, now: float) -> None:
        """The runtime gets its event. `now`: of the monotonic clock."""
        self._clock = clock
        self._began = now
        self._answering = 0.0
        self._answered = 0.0
        self._runtime_done = 0.0

    def answering(self) -> None:
        """The response's first byte is here."""
        self._answering = self._answering or self._clock.monotonic()

    def answered(self) -> None:
        """Its last one is."""
        self._answered = self._clock.monotonic()

    def runtime_done(self) -> None:
        """The runtime has asked for its next event."""
        self._runtime_done = self._clock.monotonic()

    def spans(self) -> Sequence[Span]:
        """Those of the runtime; none when there is no response."""
        if not self._answered:
            return ()
        answering = self._answering or self._answered
        done = self._runtime_done or self._answered
        return (
            self._span("responseLatency", self._began, answering),
            self._span("responseDuration", answering, self._answered),
            self._span("runtimeOverhead", self._answered, done),
        )

    def extension_overhead(self) -> Span | None:
        """From the moment that the runtime was done until now; None where nothing was left for extensions to do."""
        if not self._runtime_done:
            return None
        return self._span("extensionOverhead", self._runtime_done, self._clock.monotonic())

    def _span(self, name: str, start: float, end: float) -> Span:
        wall = self._clock.now() - (self._clock.monotonic() - start)
        return Span(name, wall, (end - start) * 1000)
