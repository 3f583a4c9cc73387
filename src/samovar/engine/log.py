"""An environment's log: what happens in it, and what it prints, as events of its log stream.

Owns: Journal, and the two forms of LoggingConfig, TextForm and JsonForm: which events of the platform are written and
how, and which lines of the function are kept. Refuses: storing (the LogSink), and why something happened.

Rules: START is written together with what follows it, since alone it would cost a warm invocation as much as all the
rest. A line of a function is never changed, only left out, and that only with JSON (facts/lambda-runtime.md §6): a
framed record tells its level; any other line is at INFO unless it is a JSON object with a `level` and an RFC 3339
timestamp, which AWS asks for ("Log-level filtering" in the Lambda guide).
"""

from datetime import datetime
from typing import Any, Protocol

import msgspec

from samovar.core.clock import Clock
from samovar.engine import records, report
from samovar.engine.model import ON_DEMAND, Version
from samovar.engine.records import Ending, Level, Record


class LogSink(Protocol):
    """Where log lines go; `services/logs` has one."""

    @property
    def backlog_bytes(self) -> int: ...
    def append(self, account: str, region: str, group: str, stream: str, events: list[tuple[int, str]]) -> None: ...


class Form(Protocol):
    """Events of the platform as lines. `now` is in seconds since the epoch, `phase` is `init` or `invoke`."""

    @property
    def keeps(self) -> report.Keeps | None:
        """Whether a line of the function is logged; None when all are."""
        ...

    def init_start(self, now: float, phase: str) -> list[str]: ...
    def init_done(self, now: float, duration_ms: float, phase: str) -> list[str]: ...
    def init_failed(self, now: float, duration_ms: float, phase: str, status: str, error_type: str) -> list[str]: ...
    def extension(self, now: float, extension: records.Extension) -> list[str]: ...
    def start(self, now: float, request_id: str) -> list[str]: ...
    def end(self, now: float, ending: Ending) -> list[str]: ...


class TextForm:
    keeps: report.Keeps | None = None

    def __init__(self, version: Version) -> None:
        self._version = version

    def init_start(self, now: float, phase: str) -> list[str]:
        return [report.init_start(self._version.runtime, self._version.region)] if phase == "init" else []

    def init_done(self, now: float, duration_ms: float, phase: str) -> list[str]:
        if self._version.initialization == ON_DEMAND:
            return []  # REPORT tells it
        return [report.init_report(duration_ms)]

    def init_failed(self, now: float, duration_ms: float, phase: str, status: str, error_type: str) -> list[str]:
        return [report.init_report(duration_ms, phase, status, error_type)]

    def extension(self, now: float, extension: records.Extension) -> list[str]:
        return [report.extension(extension.name, extension.state, extension.events, extension.error_type)]

    def start(self, now: float, request_id: str) -> list[str]:
        return [report.start(request_id, self._version.version)]

    def end(self, now: float, ending: Ending) -> list[str]:
        return [
            report.end(ending.request_id),
            report.report(
                ending.request_id,
                duration_ms=ending.duration_ms,
                memory_mb=ending.memory_mb,
                max_memory_mb=ending.max_memory_mb,
                init_ms=ending.init_ms,
                status=ending.status,
                error_type=ending.error_type,
            ),
        ]


class JsonForm:
    def __init__(self, version: Version) -> None:
        self._version = version
        self._system = Level[version.system_log_level]
        self._application = Level[version.application_log_level]

    def keeps(self, text: str, level: int) -> bool:
        return (level or _told_level(text)) >= self._application

    def init_start(self, now: float, phase: str) -> list[str]:
        version = self._version
        return self._lines(now, (records.INIT_START, records.init_start(version, phase)))

    def init_done(self, now: float, duration_ms: float, phase: str) -> list[str]:
        return self.init_failed(now, duration_ms, phase, "success", "")

    def init_failed(self, now: float, duration_ms: float, phase: str, status: str, error_type: str) -> list[str]:
        way = self._version.initialization
        return self._lines(
            now,
            (records.INIT_RUNTIME_DONE, records.init_runtime_done(way, phase, status, error_type)),
            (records.INIT_REPORT, records.init_report(way, duration_ms, phase, status, error_type)),
        )

    def extension(self, now: float, extension: records.Extension) -> list[str]:
        return self._lines(now, (records.EXTENSION, records.extension(extension)))

    def start(self, now: float, request_id: str) -> list[str]:
        return self._lines(now, (records.START, records.start(request_id, self._version.version)))

    def end(self, now: float, ending: Ending) -> list[str]:
        return self._lines(
            now,
            (records.RUNTIME_DONE, records.runtime_done(ending)),
            (records.REPORT, records.invocation_report(ending)),
        )

    def _lines(self, now: float, *events: tuple[str, Record]) -> list[str]:
        return [
            records.line(now, kind, record) for kind, record in events if records.level(kind, record) >= self._system
        ]


class Journal:
    """Writes one environment's log stream, and remembers the tail of an invocation whose caller wants it."""

    def __init__(self, version: Version, digits: str, sink: LogSink, clock: Clock) -> None:
        """`digits`: 32 hex digits of the stream's name."""
        self.stream = report.stream_name(version, clock.now(), digits)
        self._version = version
        self._sink = sink
        self._clock = clock
        self._form: Form = JsonForm(version) if version.log_format == "JSON" else TextForm(version)
        self._lines = report.Lines(self._form.keeps)
        self._extensions: dict[int, report.Lines] = {}
        self._tail: report.Tail | None = None
        self._started = False
        self._unwritten: list[str] = []
        """START, until there is something to write with it."""

    def take(self, tail: bool) -> None:
        """An invocation is coming."""
        self._started = False
        self._tail = self._new_tail() if tail else None

    def init_start(self, phase: str) -> None:
        now = self._clock.now()
        self._write(now, self._form.init_start(now, phase))

    def init_done(self, duration_ms: float, phase: str) -> None:
        now = self._clock.now()
        self._write(now, self._form.init_done(now, duration_ms, phase))

    def init_failed(self, duration_ms: float, phase: str, status: str, error_type: str) -> None:
        """`status`: `timeout`, or `error` with a type."""
        now = self._clock.now()
        self._write(now, self._form.init_failed(now, duration_ms, phase, status, error_type))

    def extension(self, extension: records.Extension) -> None:
        """What became of an extension in an init that is over."""
        now = self._clock.now()
        self._write(now, self._form.extension(now, extension))

    def extension_output(self, number: int, data: bytes) -> None:
        """Bytes that a process of an extension wrote; none when it has ended. No level leaves its lines out."""
        lines = self._extensions.setdefault(number, report.Lines())
        if data:
            self._write(self._clock.now(), lines.feed(data))
        else:
            self._write(self._clock.now(), lines.flush())
            del self._extensions[number]

    def start(self, request_id: str) -> None:
        if self._tail is not None:
            self._tail = self._new_tail()  # an invocation's log begins with START
        self._started = True
        self._unwritten = self._form.start(self._clock.now(), request_id)

    def output(self, data: bytes) -> None:
        """Bytes that came out of the box."""
        self._write(self._clock.now(), self._lines.feed(data))

    def end(self, ending: Ending) -> bytes:
        """Close the invocation's log; its tail, when that is wanted."""
        now = self._clock.now()
        if not self._started:
            self._unwritten = self._form.start(now, ending.request_id)
        self._write(now, self._lines.flush() + self._form.end(now, ending))
        tail, self._tail = self._tail, None
        return bytes(tail) if tail is not None else b""

    def _new_tail(self) -> report.Tail:
        return report.Tail(lines=self._version.log_format == "JSON")

    def _write(self, now: float, lines: list[str]) -> None:
        if not lines:
            return
        if self._unwritten:
            lines = self._unwritten + lines
            self._unwritten = []
        version = self._version
        now_ms = int(now * 1000)
        events = [(now_ms, line) for line in lines]
        self._sink.append(version.account, version.region, version.log_group, self.stream, events)
        if self._tail is not None:
            self._tail.add(lines)


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
