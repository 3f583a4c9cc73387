"""The platform's events as JSON: what JSON logs hold, and the levels at which they hold it.

Owns: Level, the records of `platform.*` events, and which of them is how important. Pure.

Facts: facts/lambda-runtime.md §5 (records) and §6 (levels). What may be absent and says nothing here is left out:
spans, instance ids, tracing. An error type outside AWS's own names is told as unknown, as §1 has it.
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from samovar.core.clock import iso_millis
from samovar.engine import report
from samovar.engine.model import ON_DEMAND, Version

Record = dict[str, Any]

_KNOWN_ERROR = re.compile(r"(Runtime|Function|Extension|Sandbox)\.[A-Z][a-zA-Z]+")


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
START: Final = "platform.start"
RUNTIME_DONE: Final = "platform.runtimeDone"
REPORT: Final = "platform.report"

_DEBUG_SUCCESSES = (INIT_RUNTIME_DONE, INIT_REPORT, RUNTIME_DONE)


class Ending(msgspec.Struct, frozen=True):
    """What there is to say of an invocation that is over."""

    request_id: str
    duration_ms: float
    memory_mb: int
    max_memory_mb: int
    produced_bytes: int
    init_ms: float | None
    """Only after a cold start."""
    failed: bool
    status: str = ""
    """`timeout` or `error` when the platform ended it; empty when the handler did, well or not."""
    error_type: str = ""


def level(kind: str, record: Record) -> Level:
    """The lowest SystemLogLevel that lets an event out."""
    ahead = record.get("initializationType", ON_DEMAND) != ON_DEMAND
    if record.get("status", "success") != "success":
        return Level.WARN
    return Level.DEBUG if kind in _DEBUG_SUCCESSES and not (ahead and kind == INIT_REPORT) else Level.INFO


def line(now: float, kind: str, record: Record) -> str:
    """`{"time":"2022-10-12T00:00:15.064Z","type":KIND,"record":RECORD}` and a newline."""
    time = iso_millis(now).removesuffix("+0000") + "Z"
    return msgspec.json.encode({"time": time, "type": kind, "record": record}).decode() + "\n"


def init_start(version: Version, phase: str) -> Record:
    """`phase`: `init`, or `invoke` for one inside an invocation."""
    return {
        "initializationType": version.initialization,
        "phase": phase,
        "runtimeVersion": report.runtime_version(version.runtime),
        "runtimeVersionArn": report.runtime_version_arn(version.runtime, version.region),
        "functionName": version.function_name,
        "functionVersion": version.version,
    }


def init_runtime_done(way: str, phase: str, status: str, error_type: str = "") -> Record:
    """`way`: the initialization type."""
    return {"initializationType": way, "phase": phase} | _status(status, error_type, "Runtime.Unknown")


def init_report(way: str, duration_ms: float, phase: str, status: str, error_type: str = "") -> Record:
    return init_runtime_done(way, phase, status, error_type) | {"metrics": {"durationMs": round(duration_ms, 2)}}


class Extension(msgspec.Struct, frozen=True):
    """What there is to say of an extension when init is over."""

    name: str
    state: str
    events: Sequence[str]
    error_type: str = ""


def extension(extension: Extension) -> Record:
    error = {"errorType": extension.error_type} if extension.error_type else {}
    return {"name": extension.name, "state": extension.state, "events": list(extension.events)} | error


def start(request_id: str, version: str) -> Record:
    return {"requestId": request_id, "version": version}


def runtime_done(ending: Ending) -> Record:
    metrics = {"durationMs": round(ending.duration_ms, 2), "producedBytes": ending.produced_bytes}
    return {"requestId": ending.request_id} | _outcome(ending) | {"metrics": metrics}


def invocation_report(ending: Ending) -> Record:
    metrics: Record = {
        "durationMs": round(ending.duration_ms, 2),
        "billedDurationMs": report.billed_ms(ending.duration_ms, ending.init_ms),
        "memorySizeMB": ending.memory_mb,
        "maxMemoryUsedMB": ending.max_memory_mb,
    }
    if ending.init_ms is not None:
        metrics["initDurationMs"] = round(ending.init_ms, 2)
    return {"requestId": ending.request_id, "metrics": metrics} | _outcome(ending)


def _outcome(ending: Ending) -> Record:
    status = ending.status or ("error" if ending.failed else "success")
    return _status(status, ending.error_type, "Function.Unknown")


def _status(status: str, error_type: str, unknown: str) -> Record:
    if status != "error":
        return {"status": status}
    return {"status": status, "errorType": error_type if _KNOWN_ERROR.fullmatch(error_type) else unknown}
