"""An environment's log: what happens in it, and what it prints, as events of its log stream and of its telemetry.

Owns: Journal, and the two forms of LoggingConfig, TextForm and JsonForm: which events of the platform are written and
how, and which lines of the function are kept. Refuses: storing (the LogSink), and why something happened.

Rules: the beginnings and the ends of invocations are held back, and become lines when the sink writes, or when the
function prints, many at once and in nobody's way. A line of a function is never changed, only left out, and that only
with JSON (facts/lambda-runtime.md §6): a framed record tells its level; any other line is at INFO unless it is a JSON
object with a `level` and an RFC 3339 timestamp, which AWS asks for ("Log-level filtering" in the Lambda guide).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from samovar.core.clock import Clock
from samovar.engine import records, report
from samovar.engine.model import ON_DEMAND, Version
from samovar.engine.records import Beginning, Ending, Level, Pair
from samovar.engine.telemetry import EXTENSION, FUNCTION, Telemetry

_MOST_HELD = 200
"""Beginnings and ends, should the sink be slow to write."""

LogEvent = tuple[int, str]
"""Timestamp in ms, message."""


class LogSink(Protocol):
    """Where log lines go; `services/logs` has one."""

    @property
    def backlog_bytes(self) -> int: ...
    def append(self, account: str, region: str, group: str, stream: str, events: list[LogEvent]) -> None: ...
    def remind(self, holds: Callable[[], None]) -> None:
        """Call it, once, before lines are written next: it appends what somebody holds back."""


class Form(Protocol):
    """Events of the platform as lines. `now` is in seconds since the epoch, `phase` is `init` or `invoke`."""

    @property
    def keeps(self) -> report.Keeps | None:
        """Whether a line of the function is logged; None when all are."""
        ...

    def init_start(self, now: float, phase: str) -> list[str]: ...
    def init_runtime_done(self, now: float, phase: str, status: str, error_type: str) -> list[str]: ...
    def init_done(self, now: float, duration_ms: float, phase: str) -> list[str]: ...
    def init_failed(self, now: float, duration_ms: float, phase: str, status: str, error_type: str) -> list[str]: ...
    def restore_start(self, now: float) -> list[str]: ...
    def restored(self, now: float, restore_ms: float, status: str, error_type: str) -> list[str]: ...
    def extension(self, now: float, extension: records.Extension) -> list[str]: ...
    def subscription(self, now: float, api: str, name: str, state: str, types: Sequence[str]) -> list[str]: ...
    def start(self, now: float, begun: Beginning) -> list[str]: ...
    def runtime_done(self, now: float, ending: Ending) -> list[str]: ...
    def end(self, now: float, ending: Ending) -> list[str]: ...


class TextForm:
    keeps: report.Keeps | None = None

    def __init__(self, version: Version) -> None:
        self._version = version

    def init_start(self, now: float, phase: str) -> list[str]:
        if phase != "init" or self._version.root is not None:  # an image has no runtime that could be named
            return []
        return [report.init_start(self._version.runtime, self._version.region)]

    def init_runtime_done(self, now: float, phase: str, status: str, error_type: str) -> list[str]:
        return []

    def init_done(self, now: float, duration_ms: float, phase: str) -> list[str]:
        if self._version.initialization == ON_DEMAND:
            return []  # REPORT tells it
        return [report.init_report(duration_ms)]

    def init_failed(self, now: float, duration_ms: float, phase: str, status: str, error_type: str) -> list[str]:
        return [report.init_report(duration_ms, phase, status, error_type)]

    def restore_start(self, now: float) -> list[str]:
        return [report.restore_start(self._version.runtime, self._version.region)]

    def restored(self, now: float, restore_ms: float, status: str, error_type: str) -> list[str]:
        return [report.restore_report(restore_ms, "" if status == "success" else status, error_type)]

    def extension(self, now: float, extension: records.Extension) -> list[str]:
        return [report.extension(extension.name, extension.state, extension.events, extension.error_type)]

    def subscription(self, now: float, api: str, name: str, state: str, types: Sequence[str]) -> list[str]:
        return [report.subscription(api, name, state, types)]

    def start(self, now: float, begun: Beginning) -> list[str]:
        return [report.start(begun.request_id, self._version.version)]

    def runtime_done(self, now: float, ending: Ending) -> list[str]:
        return []

    def end(self, now: float, ending: Ending) -> list[str]:
        return [
            report.end(ending.request_id),
            report.report(
                ending.request_id,
                duration_ms=ending.duration_ms,
                memory_mb=ending.memory_mb,
                max_memory_mb=ending.max_memory_mb,
                init_ms=ending.init_ms,
                restored=ending.restored,
                status=ending.status,
                error_type=ending.error_type,
                bills_init=ending.bills_init,
            )
            + report.xray(ending.trace_id),
        ]


class JsonForm:
    def __init__(self, version: Version, all_records: records.Records) -> None:
        self._records = all_records
        self._system = Level[version.system_log_level]
        self._application = Level[version.application_log_level]

    def keeps(self, text: str, level: int) -> bool:
        return (level or _told_level(text)) >= self._application

    def init_start(self, now: float, phase: str) -> list[str]:
        return self._lines(now, self._records.init_start(phase))

    def init_runtime_done(self, now: float, phase: str, status: str, error_type: str) -> list[str]:
        return self._lines(now, self._records.init_runtime_done(phase, status, error_type))

    def init_done(self, now: float, duration_ms: float, phase: str) -> list[str]:
        return self.init_failed(now, duration_ms, phase, "success", "")

    def init_failed(self, now: float, duration_ms: float, phase: str, status: str, error_type: str) -> list[str]:
        return self._lines(now, self._records.init_report(duration_ms, phase, status, error_type))

    def restore_start(self, now: float) -> list[str]:
        return self._lines(now, self._records.restore_start())

    def restored(self, now: float, restore_ms: float, status: str, error_type: str) -> list[str]:
        return self._lines(now, self._records.restored(restore_ms, status, error_type))

    def extension(self, now: float, extension: records.Extension) -> list[str]:
        return self._lines(now, self._records.extension(extension))

    def subscription(self, now: float, api: str, name: str, state: str, types: Sequence[str]) -> list[str]:
        return self._lines(now, self._records.subscription(api, name, state, types))

    def start(self, now: float, begun: Beginning) -> list[str]:
        return self._lines(now, self._records.start(begun))

    def runtime_done(self, now: float, ending: Ending) -> list[str]:
        return self._lines(now, self._records.runtime_done(ending))

    def end(self, now: float, ending: Ending) -> list[str]:
        return self._lines(now, self._records.report(ending))

    def _lines(self, now: float, events: Sequence[Pair]) -> list[str]:
        return [
            records.line(now, kind, record)
            for kind, record in events
            if not isinstance(record, str) and records.level(kind, record) >= self._system
        ]


class Journal:
    """Writes one environment's log stream, tells its telemetry the same, and remembers the tail of an invocation whose
    caller wants it."""

    def __init__(self, version: Version, digits: str, sink: LogSink, clock: Clock, telemetry: Telemetry) -> None:
        """`digits`: 32 hex digits of the stream's name."""
        self.stream = report.stream_name(version, clock.now(), digits)
        self._version = version
        self._sink = sink
        self._clock = clock
        self._telemetry = telemetry
        self._records = records.Records(version, report.instance_id(version, clock.now(), digits))
        is_json = version.log_format == "JSON"
        self._form: Form = JsonForm(version, self._records) if is_json else TextForm(version)
        self._lines = report.Lines(self._form.keeps)
        self._extensions: dict[int, report.Lines] = {}
        self._tail: report.Tail | None = None
        self._started = False
        self._runtime_done = self._init_runtime_done = False
        """Whether it has been told of this invocation, and of this init."""
        self._held: list[tuple[float, Callable[[float, Any], list[str]], Beginning | Ending]] = []
        """When, in which form, and what is to be written before anything else is."""

    @property
    def detailed(self) -> bool:
        """Whether spans are told anywhere."""
        return self._telemetry.listening or self._form.keeps is not None

    def take(self, tail: bool) -> None:
        """An invocation is coming."""
        self._started = self._runtime_done = False
        if tail:
            self._hand_over()  # of earlier invocations, which are no part of it
        self._tail = self._new_tail() if tail else None

    def init_start(self, phase: str) -> None:
        now = self._clock.now()
        self._init_runtime_done = False
        self._write(now, self._form.init_start(now, phase))
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.init_start(phase))

    def init_runtime_done(self, phase: str, status: str, error_type: str = "") -> None:
        """The runtime is done with its init; extensions may not be."""
        if self._init_runtime_done:
            return
        self._init_runtime_done = True
        now = self._clock.now()
        self._write(now, self._form.init_runtime_done(now, phase, status, error_type))
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.init_runtime_done(phase, status, error_type))

    def init_done(self, duration_ms: float, phase: str) -> None:
        now = self._clock.now()
        self._write(now, self._form.init_done(now, duration_ms, phase))
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.init_report(duration_ms, phase, "success"))

    def init_failed(self, duration_ms: float, phase: str, status: str, error_type: str) -> None:
        """`status`: `timeout`, or `error` with a type."""
        now = self._clock.now()
        self._write(now, self._form.init_failed(now, duration_ms, phase, status, error_type))
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.init_report(duration_ms, phase, status, error_type))

    def restore_start(self) -> None:
        now = self._clock.now()
        self._write(now, self._form.restore_start(now))
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.restore_start())

    def restored(self, restore_ms: float, status: str = "success", error_type: str = "") -> None:
        """`status`: `success`, `timeout`, or `error` with a type."""
        now = self._clock.now()
        self._write(now, self._form.restored(now, restore_ms, status, error_type))
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.restored(restore_ms, status, error_type))

    def note(self, text: str) -> None:
        """A line of our own, where AWS has none to say it."""
        self._write(self._clock.now(), [text + "\n"])

    def extension(self, extension: records.Extension) -> None:
        """What became of an extension in an init that is over."""
        now = self._clock.now()
        self._write(now, self._form.extension(now, extension))
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.extension(extension))

    def subscription(self, api: str, name: str, state: str, types: Sequence[str]) -> None:
        """An extension has subscribed to telemetry, by the one API or the other."""
        now = self._clock.now()
        self._write(now, self._form.subscription(now, api, name, state, types))
        self._telemetry.platform(now, self._records.subscription(api, name, state, types))

    def extension_output(self, number: int, data: bytes) -> None:
        """Bytes that a process of an extension wrote; none when it has ended. No level leaves its lines out."""
        lines = self._extensions.setdefault(number, report.Lines())
        events = lines.feed(data) if data else lines.flush()
        if not data:
            del self._extensions[number]
        now = self._clock.now()
        self._write(now, events)
        if self._telemetry.listening:
            self._telemetry.lines(now, EXTENSION, events)

    def start(self, begun: Beginning) -> None:
        if self._tail is not None:
            self._tail = self._new_tail()  # an invocation's log begins with START
        self._started = True
        self._runtime_done = False
        now = self._clock.now()
        self._hold(now, self._form.start, begun)
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.start(begun))

    def output(self, data: bytes) -> None:
        """Bytes that came out of the box."""
        now, events = self._clock.now(), self._lines.feed(data)
        self._write(now, events)
        if events and self._telemetry.listening:
            self._telemetry.lines(now, FUNCTION, events)

    def runtime_done(self, ending: Ending) -> None:
        """The runtime is done with the invocation; `ending` as far as that is concerned."""
        if self._runtime_done:
            return
        self._runtime_done = True
        now = self._clock.now()
        self._write(now, self._form.runtime_done(now, ending))
        if self._telemetry.listening:
            self._telemetry.platform(now, self._records.runtime_done(ending))

    def end(self, ending: Ending) -> bytes:
        """Close the invocation's log; its tail, when that is wanted."""
        now = self._clock.now()
        begun = None if self._started else Beginning(ending.request_id, ending.arn, ending.trace_id)
        if begun is not None:
            self._hold(now, self._form.start, begun)
        printed = self._lines.flush()
        if printed:
            self._write(now, printed)
        self._hold(now, self._form.end if self._runtime_done else self._last_lines, ending)
        if self._telemetry.listening:
            self._tell_end(now, begun, printed, ending)
        self._runtime_done = True
        tail = self._tail
        if tail is not None or len(self._held) >= _MOST_HELD:
            self._hand_over()
            self._tail = None
        return bytes(tail) if tail is not None else b""

    def _last_lines(self, now: float, ending: Ending) -> list[str]:
        """Of an invocation whose runtime hasn't been told to be done."""
        return self._form.runtime_done(now, ending) + self._form.end(now, ending)

    def _tell_end(self, now: float, begun: Beginning | None, printed: list[str], ending: Ending) -> None:
        telemetry, all_records = self._telemetry, self._records
        if begun is not None:
            telemetry.platform(now, all_records.start(begun))
        telemetry.lines(now, FUNCTION, printed)
        if not self._runtime_done:
            telemetry.platform(now, all_records.runtime_done(ending))
        telemetry.platform(now, [*all_records.logs_only(ending), *all_records.report(ending)])

    def _new_tail(self) -> report.Tail:
        return report.Tail(lines=self._version.log_format == "JSON")

    def _hold(self, now: float, form: Callable[[float, Any], list[str]], what: Beginning | Ending) -> None:
        if not self._held:
            self._sink.remind(self._hand_over)
        self._held.append((now, form, what))

    def _hand_over(self) -> None:
        """Write what is held."""
        self._append(self._let_go())

    def _write(self, now: float, lines: list[str]) -> None:
        if lines:
            self._append([*self._let_go(), *_events(now, lines)])

    def _let_go(self) -> list[LogEvent]:
        held, self._held = self._held, []
        events: list[LogEvent] = []
        for now, form, what in held:
            now_ms = int(now * 1000)
            for line in form(now, what):
                events.append((now_ms, line))
        return events

    def _append(self, events: list[LogEvent]) -> None:
        if not events:
            return
        version = self._version
        self._sink.append(version.account, version.region, version.log_group, self.stream, events)
        if self._tail is not None:
            self._tail.add([line for _, line in events])


def _events(now: float, lines: list[str]) -> list[LogEvent]:
    now_ms = int(now * 1000)
    return [(now_ms, line) for line in lines]


class _Line(msgspec.Struct):
    """What is looked at in a function's own JSON line. Languages name the time differently."""

    level: str = ""
    timestamp: Any = None
    time: Any = None
    at: Any = msgspec.field(default=None, name="@timestamp")


_NAMES = {**Level.__members__, "WARNING": Level.WARN, "CRITICAL": Level.FATAL}


def _told_level(text: str) -> Level:
    if not text.lstrip().startswith("{"):
        return Level.INFO
    try:
        line = msgspec.json.decode(text, type=_Line)
    except msgspec.MsgspecError:
        return Level.INFO
    timed = any(_is_time(given) for given in (line.timestamp, line.time, line.at))
    return _NAMES.get(line.level.upper(), Level.INFO) if timed else Level.INFO


def _is_time(given: object) -> bool:
    try:
        return isinstance(given, str) and bool(msgspec.convert(given, datetime))
    except msgspec.ValidationError:
        return False
