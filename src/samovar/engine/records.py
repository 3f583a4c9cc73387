"""The platform's events as records: what JSON logs and the Telemetry API tell, and the levels at which logs tell it.

Owns: Level, Records (the `platform.*` events of one environment), and which of them is how important. Pure.

Facts: facts/lambda-runtime.md §5 (records) and §6 (levels); durations have three decimals, and names and ids come in
the order that CloudWatch logs of 2024 and 2026 show. Tracing is told of a sampled invocation. An error type outside
AWS's own names is told as unknown, as §1 has it.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from samovar.core.clock import iso_millis
from samovar.engine import report
from samovar.engine.model import ON_DEMAND, Version

Record = dict[str, Any]
Pair = tuple[str, Record | str]
"""An event's type and its record. A fault is text."""

_EXITS = (report.EXIT_ERROR, report.OUT_OF_MEMORY)


class Level(IntEnum):
    """As the frames of runtime clients number them."""

    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    FATAL = 6


INIT_START: Final = "platform.initStart"
INIT_RUNTIME_DONE: Final = "platform.initRuntimeDone"
INIT_REPORT: Final = "platform.initReport"
EXTENSION: Final = "platform.extension"
RESTORE_START: Final = "platform.restoreStart"
RESTORE_RUNTIME_DONE: Final = "platform.restoreRuntimeDone"
RESTORE_REPORT: Final = "platform.restoreReport"
START: Final = "platform.start"
RUNTIME_DONE: Final = "platform.runtimeDone"
REPORT: Final = "platform.report"
TELEMETRY_SUBSCRIPTION: Final = "platform.telemetrySubscription"
LOGS_DROPPED: Final = "platform.logsDropped"
# Only the Logs API has these.
END: Final = "platform.end"
FAULT: Final = "platform.fault"
LOGS_SUBSCRIPTION: Final = "platform.logsSubscription"

_DEBUG_SUCCESSES = (INIT_RUNTIME_DONE, INIT_REPORT, RESTORE_RUNTIME_DONE, RUNTIME_DONE)


class Beginning(msgspec.Struct, frozen=True):
    """What there is to say of an invocation that begins."""

    request_id: str
    arn: str = ""
    """As invoked."""
    trace_id: str = ""
    """The header that the function gets."""


class Span(msgspec.Struct, frozen=True):
    name: str
    start: float
    """Epoch seconds."""
    duration_ms: float


class Ending(msgspec.Struct, frozen=True):
    """What there is to say of an invocation that is over."""

    request_id: str
    duration_ms: float
    memory_mb: int
    max_memory_mb: int
    produced_bytes: int
    init_ms: float | None
    """Only in the first invocation of an environment."""
    failed: bool
    status: str = ""
    """`timeout` or `error` when the platform ended it; empty when the handler did, well or not."""
    error_type: str = ""
    arn: str = ""
    trace_id: str = ""
    spans: Sequence[Span] = ()
    """Of the runtime: the response, and what came after it."""
    overhead: Span | None = None
    """Of the extensions, that worked on when the runtime was done."""
    restored: report.Restored | None = None
    """Only after a restore from a snapshot."""
    bills_init: bool = True
    """Whether the init is billed with the invocation."""

    @property
    def billed_ms(self) -> int:
        return report.billed_ms(self.duration_ms, self.init_ms if self.bills_init else None, self.restored)


def level(kind: str, record: Record) -> Level:
    """The lowest SystemLogLevel that lets an event out."""
    ahead = record.get("initializationType", ON_DEMAND) != ON_DEMAND
    if record.get("status", "success") != "success":
        return Level.WARN
    return Level.DEBUG if kind in _DEBUG_SUCCESSES and not (ahead and kind == INIT_REPORT) else Level.INFO


def timestamp(now: float) -> str:
    """`2022-10-12T00:00:15.064Z`."""
    return iso_millis(now).removesuffix("+0000") + "Z"


def line(now: float, kind: str, record: Record) -> str:
    """`{"time":"2022-10-12T00:00:15.064Z","type":KIND,"record":RECORD}` and a newline."""
    return msgspec.json.encode({"time": timestamp(now), "type": kind, "record": record}).decode() + "\n"


class Extension(msgspec.Struct, frozen=True):
    """What there is to say of an extension when init is over."""

    name: str
    state: str
    events: Sequence[str]
    error_type: str = ""


class Records:
    """The events of one environment. `phase` is `init`, or `invoke` for an init inside an invocation."""

    def __init__(self, version: Version, instance_id: str) -> None:
        self._version = version
        self._instance_id = instance_id

    def init_start(self, phase: str) -> Sequence[Pair]:
        record = {"initializationType": self._version.initialization, "phase": phase} | self._place()
        return [(INIT_START, record)]

    def _place(self) -> Record:
        version = self._version
        runtime = {} if version.root is not None else {
            "runtimeVersion": report.runtime_version(version.runtime),
            "runtimeVersionArn": report.runtime_version_arn(version.runtime, version.region),
        }
        return runtime | {
            "functionName": version.function_name,
            "functionVersion": version.version,
            "instanceId": self._instance_id,
            "instanceMaxMemory": version.memory_mb << 20,
        }

    def init_runtime_done(self, phase: str, status: str, error_type: str = "") -> Sequence[Pair]:
        return [(INIT_RUNTIME_DONE, self._init(phase, status, error_type))]

    def init_report(self, duration_ms: float, phase: str, status: str, error_type: str = "") -> Sequence[Pair]:
        metrics = {"durationMs": _ms(duration_ms)}
        return [(INIT_REPORT, self._init(phase, status, error_type) | {"metrics": metrics})]

    def _init(self, phase: str, status: str, error_type: str) -> Record:
        record: Record = {"initializationType": self._version.initialization, "phase": phase}
        return record | _status(status, error_type, "Runtime.Unknown")

    def restore_start(self) -> Sequence[Pair]:
        return [(RESTORE_START, self._place())]

    def restored(self, restore_ms: float, status: str, error_type: str = "") -> Sequence[Pair]:
        told = _status(status, error_type, "Runtime.Unknown")
        return [(RESTORE_RUNTIME_DONE, told), (RESTORE_REPORT, told | {"metrics": {"durationMs": _ms(restore_ms)}})]

    def extension(self, extension: Extension) -> Sequence[Pair]:
        error = {"errorType": extension.error_type} if extension.error_type else {}
        record = {"name": extension.name, "state": extension.state, "events": list(extension.events)} | error
        return [(EXTENSION, record)]

    def subscription(self, api: str, name: str, state: str, types: Sequence[str]) -> Sequence[Pair]:
        """`api`: `Telemetry` or `Logs`."""
        kind = TELEMETRY_SUBSCRIPTION if api == "Telemetry" else LOGS_SUBSCRIPTION
        return [(kind, {"name": name, "state": state, "types": list(types)})]

    def start(self, begun: Beginning) -> Sequence[Pair]:
        arn = {"functionArn": begun.arn} if begun.arn else {}
        record = {"requestId": begun.request_id} | arn | {"version": self._version.version}
        return [(START, record | _tracing(begun.trace_id))]

    def runtime_done(self, ending: Ending) -> Sequence[Pair]:
        record: Record = {"requestId": ending.request_id} | _outcome(ending) | _tracing(ending.trace_id)
        if ending.spans:
            record["spans"] = [_span(span) for span in ending.spans]
        record["metrics"] = {"durationMs": _ms(ending.duration_ms), "producedBytes": ending.produced_bytes}
        return [(RUNTIME_DONE, record)]

    def report(self, ending: Ending) -> Sequence[Pair]:
        metrics: Record = {
            "durationMs": _ms(ending.duration_ms),
            "billedDurationMs": ending.billed_ms,
            "memorySizeMB": ending.memory_mb,
            "maxMemoryUsedMB": ending.max_memory_mb,
        }
        if ending.init_ms is not None:
            metrics["initDurationMs"] = _ms(ending.init_ms)
        if ending.restored is not None:
            metrics["restoreDurationMs"] = _ms(ending.restored.ms)
            metrics["billedRestoreDurationMs"] = ending.restored.billed_ms
        record: Record = {"requestId": ending.request_id, "metrics": metrics} | _tracing(ending.trace_id)
        if ending.overhead is not None:
            record["spans"] = [_span(ending.overhead)]
        return [(REPORT, record | _outcome(ending))]

    def logs_only(self, ending: Ending) -> Sequence[Pair]:
        """What the Logs API tells besides, before the report."""
        text = f"RequestId: {ending.request_id} Process exited before completing request"
        fault: Sequence[Pair] = [(FAULT, text)] if ending.error_type in _EXITS else []
        return [*fault, (END, {"requestId": ending.request_id})]


def logs_dropped(reason: str, dropped: int, size: int) -> Record:
    return {"droppedBytes": size, "droppedRecords": dropped, "reason": reason}


def _tracing(trace_id: str) -> Record:
    if "Sampled=1" not in trace_id:
        return {}
    return {"tracing": {"type": "X-Amzn-Trace-Id", "value": trace_id}}


def _span(span: Span) -> Record:
    return {"name": span.name, "start": timestamp(span.start), "durationMs": _ms(span.duration_ms)}


def _ms(duration_ms: float) -> float:
    return round(duration_ms, 3)


def _outcome(ending: Ending) -> Record:
    status = ending.status or ("error" if ending.failed else "success")
    return _status(status, ending.error_type, "Function.Unknown")


def _status(status: str, error_type: str, unknown: str) -> Record:
    if status != "error":
        return {"status": status}
    known = report.told_type(error_type, unknown)
    return {"status": "failure" if error_type == report.SANDBOX_FAILURE else "error", "errorType": known}
