"""What invocations come to, counted for the metrics of AWS/Lambda (facts/cloudwatch.md §6).

Owns: the tallies of the running minute, and how many run of each function. Rules: an invocation costs a look into a
dict at its beginning and a few additions at its end; the series of a tally are made when the Meter is emptied, or when
an invocation begins in the next minute. What is throttled is no invocation; one that doesn't fail counts as 0 errors.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from samovar.core.clock import Clock
from samovar.core.expressions import expression
from samovar.core.meter import MINUTE_S, Dimensions, Distribution, Meter, Metric
from samovar.engine.model import Invocation, Outcome, Result, Version

NAMESPACE = "AWS/Lambda"
_AT_ONCE = 2000

Done = Callable[[Result], None]
_Key = tuple[str, str, str]
"""(ARN of the function, as it was invoked, the version that ran)."""
_NO_ALIAS = expression(r"\$LATEST|\d+|")


class Share(Protocol):
    """What stands ready for the invocations of an ARN, when one of them begins."""

    @property
    def busy(self) -> int: ...
    @property
    def units(self) -> int: ...


class _Function:
    __slots__ = ("running",)

    def __init__(self) -> None:
        self.running = 0
        """Invocations, now."""


class _Tally:
    __slots__ = (
        "_ended",
        "busy",
        "durations",
        "errors",
        "function",
        "handed_over",
        "invocations",
        "provisioned",
        "running",
        "spilled",
        "throttles",
        "used",
        "version",
    )

    def __init__(self, version: Version, function: _Function) -> None:
        self.version = version
        self.function = function
        self.handed_over = False
        """What ends from now on is for another one."""
        self.invocations = self.errors = self.throttles = self.provisioned = self.spilled = 0
        self.durations = Distribution(values={})
        self.running = Distribution(values={})
        self.busy = Distribution(values={})
        """Of what stands ready, how many were at work."""
        self.used = Distribution(values={})
        """The same as a part of all."""
        self._ended: list[tuple[float, int]] = []

    def ended(self, duration_ms: float, running: int) -> None:
        """Noted, and summed up now and then."""
        self._ended.append((duration_ms, running))
        if len(self._ended) > _AT_ONCE:
            self.sum_up()

    def sum_up(self) -> None:
        ended, self._ended = self._ended, []
        self.invocations += len(ended)
        self.durations.add_all([round(duration_ms, 2) for duration_ms, _ in ended])
        self.running.add_all([running for _, running in ended])


class Metering:
    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._meter = meter
        self._clock = clock
        self._minute = 0
        self._tallies: dict[_Key, _Tally] = {}
        self._functions: dict[str, _Function] = {}
        """By ARN."""
        meter.sources.append(self.report)

    def throttled(self, version: Version, invocation: Invocation) -> None:
        self._tally(version, invocation).throttles += 1

    def begun(
        self, version: Version, invocation: Invocation, done: Done, provisioned: bool, share: Share | None
    ) -> Done:
        """Count an invocation's beginning; the `done` that counts its end. `share`: of the concurrency that is
        provisioned for it, where there is some; if it wasn't `provisioned` then, it spilled over."""
        tally = self._tally(version, invocation)
        tally.function.running += 1
        if share is not None:
            tally.provisioned += provisioned
            tally.spilled += not provisioned
            tally.busy.add(float(share.busy))
            tally.used.add(share.busy / share.units)
        return partial(self._ended, tally, invocation, done)

    def _ended(self, tally: _Tally, invocation: Invocation, done: Done, result: Result) -> None:
        function = tally.function
        running = function.running
        done(result)  # before it is counted, which nobody waits for
        function.running -= 1
        if not result.refused:
            if tally.handed_over:
                tally = self._tally(tally.version, invocation)
            tally.ended(result.duration_ms, running)
            if result.outcome is not Outcome.OK:
                tally.errors += 1

    def _tally(self, version: Version, invocation: Invocation) -> _Tally:
        now = self._clock.now()
        if now >= self._minute + MINUTE_S:
            self.report()
            self._minute = int(now) // MINUTE_S * MINUTE_S
        key = (version.function_arn, invocation.invoked_arn, version.version)
        found = self._tallies.get(key)
        if found is None:
            function = self._functions.setdefault(version.function_arn, _Function())
            found = self._tallies[key] = _Tally(version, function)
        return found

    def report(self) -> None:
        """Hand the running minute's tallies to the Meter."""
        tallies, self._tallies = self._tallies, {}
        self._functions = {arn: function for arn, function in self._functions.items() if function.running}
        for (function, invoked, _), tally in tallies.items():
            tally.handed_over = True
            self._report(function.rpartition(":")[2], invoked, tally)

    def _report(self, name: str, invoked: str, tally: _Tally) -> None:
        tally.sum_up()
        resource = invoked.split(":function:", 1)[-1]
        dimensions: list[Dimensions] = [
            (),
            (("FunctionName", name),),
            (("FunctionName", name), ("Resource", resource)),
        ]
        if not _NO_ALIAS.fullmatch(resource.partition(":")[2]):
            executed = ("ExecutedVersion", tally.version.version)
            dimensions.append((executed, ("FunctionName", name), ("Resource", resource)))
        for each in dimensions:
            self._put(tally, each, "Duration", tally.durations, "Milliseconds")
            self._put(tally, each, "ConcurrentExecutions", tally.running)
            if tally.invocations:
                self._put(tally, each, "Invocations", _repeated(1.0, tally.invocations))
                self._put(tally, each, "Errors", _split(tally.errors, tally.invocations))
            if tally.invocations or tally.throttles:
                self._put(tally, each, "Throttles", _split(tally.throttles, tally.invocations + tally.throttles))
            if tally.provisioned:
                self._put(tally, each, "ProvisionedConcurrencyInvocations", _repeated(1.0, tally.provisioned))
            if tally.spilled:
                self._put(tally, each, "ProvisionedConcurrencySpilloverInvocations", _repeated(1.0, tally.spilled))
            self._put(tally, each, "ProvisionedConcurrentExecutions", tally.busy)
            if each:
                self._put(tally, each, "ProvisionedConcurrencyUtilization", tally.used)

    def _put(
        self, tally: _Tally, dimensions: Dimensions, name: str, found: Distribution, unit: str = "Count"
    ) -> None:
        if found.count:
            version = tally.version
            metric = Metric(version.account, version.region, NAMESPACE, name, dimensions, unit)
            self._meter.gather(metric, found, self._minute)


def _repeated(value: float, times: int) -> Distribution:
    made = Distribution(values={})
    made.add(value, times)
    return made


def _split(ones: int, count: int) -> Distribution:
    """So many ones among zeros."""
    made = Distribution(values={})
    if count > ones:
        made.add(0.0, count - ones)
    if ones:
        made.add(1.0, ones)
    return made
