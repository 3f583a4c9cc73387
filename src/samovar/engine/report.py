"""What the platform writes by itself (log lines, failure payloads, stream names), and a box's output as log events.

Owns: the text of INIT_START, START, END, REPORT and INIT_REPORT, the payloads of failures that the runtime couldn't
report, `Lines` (raw output -> events) and `Tail` (the last 4 KB of an invocation's log).
Refuses: time. Durations and dates come in as arguments.

The texts are AWS's byte for byte: facts/lambda-runtime.md §3 and §6. That a failed REPORT has no tab before its
newline, and `Status` after `Init Duration`, was seen in a CloudWatch log of September 2025.
"""

import hashlib
import math
import re
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from samovar.core.expressions import expression
from samovar.engine.model import Version

TIMED_OUT: Final = "Sandbox.Timedout"
EXIT_ERROR: Final = "Runtime.ExitError"
OUT_OF_MEMORY: Final = "Runtime.OutOfMemory"
"""Only in REPORT: the payload of a function that ran out of memory is that of any killed one."""
SANDBOX_FAILURE: Final = "Sandbox.Failure"
INVALID_ENTRYPOINT: Final = "Runtime.InvalidEntrypoint"
TOO_LARGE: Final = "Function.ResponseSizeTooLarge"

RESPONSE_LIMIT: Final = 6_291_556
"""Bytes: 6 MiB + 100."""

EVENT_LIMIT: Final = 262_144
"""Bytes of text that become one event at most. CloudWatch takes 1 MB; invalid bytes triple when they are replaced."""
FRAME_LIMIT: Final = 1_048_576 - 26
"""Bytes that a frame may announce: what CloudWatch takes as one event. A larger one loses its header and is text."""
TAIL_LIMIT: Final = 4096

_TOLD_TYPE = expression(r"(Runtime|Function|Extension|Sandbox)\.[A-Z][a-zA-Z]+")

_MARK = b"\xa5\x5a\x00"
_HEADER = 16
_CONTINUATION = bytes(range(0x80, 0xC0))
# Format 2 (JSON) or 3 (text), OR-ed with 0 (no level) or 0x04 (TRACE) to 0x18 (FATAL).
_FRAME_TYPES = frozenset(format_ | level for format_ in (2, 3) for level in range(0, 0x1C, 4))


class Restored(msgspec.Struct, frozen=True):
    """A restore from a snapshot that went well."""

    ms: float
    hooks_ms: float
    """Of that, in the runtime: what the function does after a restore. This is billed."""

    @property
    def billed_ms(self) -> int:
        return math.ceil(round(self.hooks_ms, 2))


def stream_name(version: Version, now: float, digits: str) -> str:
    """`2026/01/31/[$LATEST]32hex`, one for each environment; `digits` are its 32 hex digits. In a group that other
    functions may share it is `2026/01/31/NAME[$LATEST][32hex]`."""
    day = time.strftime("%Y/%m/%d", time.gmtime(now))
    if version.log_group == f"/aws/lambda/{version.function_name}":
        return f"{day}/[{version.version}]{digits}"
    return f"{day}/{version.function_name}[{version.version}][{digits}]"


def instance_id(version: Version, now: float, digits: str) -> str:
    """How an environment is called in JSON records: `2026/01/31/NAME[$LATEST]32hex`."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime(now))}/{version.function_name}[{version.version}]{digits}"


def runtime_version(runtime: str) -> str:
    """`python3.12` -> `python:3.12.v1`: AWS's notation for a build of a runtime. Ours is always the first."""
    return re.sub(r"\.?((?:al)?\d.*?)(?:\.x)?$", r":\1", runtime, count=1) + ".v1"


def runtime_version_arn(runtime: str, region: str) -> str:
    """The ARN of that build; its digits are made from the name, so that they stay the same."""
    digits = hashlib.sha256(runtime_version(runtime).encode()).hexdigest()
    return f"arn:aws:lambda:{region}::runtime:{digits}"


def init_start(runtime: str, region: str) -> str:
    arn = runtime_version_arn(runtime, region)
    return f"INIT_START Runtime Version: {runtime_version(runtime)}\tRuntime Version ARN: {arn}\n"


def restore_start(runtime: str, region: str) -> str:
    arn = runtime_version_arn(runtime, region)
    return f"RESTORE_START Runtime Version: {runtime_version(runtime)}\tRuntime Version ARN: {arn}\n"


def restore_report(restore_ms: float, status: str = "", error_type: str = "") -> str:
    """`status` is `timeout` or `error` for a restore that has failed."""
    return f"RESTORE_REPORT Restore Duration: {restore_ms:.2f} ms{_status(status, error_type)}\n"


def init_report(init_ms: float, phase: str = "", status: str = "", error_type: str = "") -> str:
    """A failed init: `phase` is `init`, or `invoke` for one inside an invocation; `status` is `timeout` or `error`.

    Without them one that went well ahead of invocations; so it stands in a CloudWatch log of August 2026.
    """
    failed = f"\tPhase: {phase}{_status(status, error_type)}" if status else ""
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms{failed}\n"


def extension(name: str, state: str, events: Sequence[str], error_type: str = "") -> str:
    error = f"\tError Type: {error_type}" if error_type else ""
    return f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{','.join(events)}]{error}\n"


def subscription(api: str, name: str, state: str, types: Sequence[str]) -> str:
    """`api`: `Telemetry` or `Logs`. As logs of 2023 have it: `Types: [Platform, Function]`."""
    shown = ", ".join(each.capitalize() for each in types)
    return f"{api.upper()}\tName: {name}\tState: {state}\tTypes: [{shown}]\n"


def start(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def report(
    request_id: str,
    *,
    duration_ms: float,
    memory_mb: int,
    max_memory_mb: int,
    init_ms: float | None = None,
    restored: Restored | None = None,
    status: str = "",
    error_type: str = "",
    bills_init: bool = True,
) -> str:
    """`init_ms` or `restored` only in an environment's first invocation; `status` is `timeout` or `error` when the
    platform ended the invocation."""
    init = "" if init_ms is None else f"\tInit Duration: {init_ms:.2f} ms"
    if restored is not None:
        init += f"\tRestore Duration: {restored.ms:.2f} ms\tBilled Restore Duration: {restored.billed_ms} ms"
    ending = _status(status, error_type) if status else "\t"
    return (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms"
        f"\tBilled Duration: {billed_ms(duration_ms, init_ms if bills_init else None, restored)} ms"
        f"\tMemory Size: {memory_mb} MB\tMax Memory Used: {max_memory_mb} MB{init}{ending}\n"
    )


def xray(trace_id: str) -> str:
    """What follows REPORT, in the same event, where the invocation is sampled (facts/lambda-runtime.md §6). `trace_id`:
    the header that the function gets."""
    if "Sampled=1" not in trace_id:  # nearly always
        return ""
    parts = dict(part.strip().partition("=")[::2] for part in trace_id.split(";"))
    if parts.get("Sampled") != "1":
        return ""
    return f"XRAY TraceId: {parts.get('Root', '')}\tSegmentId: {parts.get('Parent', '')}\tSampled: true\t\n"


def _status(status: str, error_type: str) -> str:
    if not status:
        return ""
    return f"\tStatus: {status}" + (f"\tError Type: {error_type}" if error_type else "")


def billed_ms(duration_ms: float, init_ms: float | None = None, restored: Restored | None = None) -> int:
    """Whole milliseconds begun, with the init that is billed if any, counted on the two decimals that REPORT prints;
    what is billed of a restore comes on top."""
    if init_ms:
        duration_ms = round(duration_ms, 2) + round(init_ms, 2)
    billed = math.ceil(round(duration_ms, 2))
    return billed + (restored.billed_ms if restored is not None else 0)


def told_type(error_type: str, unknown: str) -> str:
    """What logs and telemetry call an error: one of the platform's kinds of types, or `unknown` (facts §1, "Error
    reports")."""
    return error_type if _TOLD_TYPE.fullmatch(error_type) else unknown


class _Failure(msgspec.Struct):
    """Key order is AWS's: the type comes first when the platform writes it."""

    errorType: str
    errorMessage: str


TOO_LARGE_PAYLOAD: Final = (
    f'{{"errorMessage":"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",'
    f'"errorType":"{TOO_LARGE}"}}'
).encode()


def stream_too_large(limit: int) -> bytes:
    """A streamed response that grew beyond the limit, told as for any other answer."""
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    return msgspec.json.encode({"errorMessage": message, "errorType": TOO_LARGE})


def failure(request_id: str, error_type: str, message: str) -> bytes:
    """`{"errorType":T,"errorMessage":"RequestId: ID Error: MESSAGE"}`."""
    return msgspec.json.encode(_Failure(error_type, f"RequestId: {request_id} Error: {message}"))


def refused(error_type: str, message: str) -> bytes:
    """What the invoker gets as an exception."""
    return msgspec.json.encode(_Failure(error_type, message))


def timed_out(request_id: str, timeout_s: float) -> bytes:
    return failure(request_id, TIMED_OUT, f"Task timed out after {timeout_s:.2f} seconds")


def exited(request_id: str, code: int) -> bytes:
    """A runtime process that is gone. `code` as `subprocess` has it: the exit status, or minus the signal."""
    if code == 0:
        message = "Runtime exited without providing a reason"
    elif code > 0:
        message = f"Runtime exited with error: exit status {code}"
    else:
        name = signal.strsignal(-code) if -code in signal.valid_signals() else None
        message = f"Runtime exited with error: signal: {(name or str(-code)).lower()}"
    return failure(request_id, EXIT_ERROR, message)


Keeps = Callable[[str, int], bool]


class Lines:
    """The output of one box, cut into log events. Where `feed` cuts the bytes makes no difference.

    - A text line is an event and keeps its `\\n`; `\\r` has no meaning. One longer than EVENT_LIMIT becomes several.
    - A framed record of the runtime client (`u32 type | u32 length | u64 microseconds | message`, in the same pipe) is
      one event, newlines and all. It may follow on an unfinished line, which then ends there. If it isn't UTF-8, or
      announces more than FRAME_LIMIT, it is text.
    - `keeps`, when given, decides about each event by its text and the level that its frame tells (1 TRACE to 6 FATAL,
      0 for one without).
    - What is unfinished at a `flush` is an event as it stands. Invalid UTF-8 is replaced. Nothing is an empty event.
    """

    def __init__(self, keeps: Keeps | None = None) -> None:
        self._keeps = keeps
        self._held = bytearray()
        self._clean = 0
        """So many bytes of `_held` contain neither a newline nor the beginning of a frame."""

    def feed(self, data: bytes) -> list[str]:
        """The events that `data` completes."""
        held = self._held
        held += data
        events: list[str] = []
        at = 0  # up to here everything is in `events`
        search = self._clean
        while (mark := held.find(_MARK, search)) >= 0:
            if len(held) < mark + 4:
                break
            if held[mark + 3] not in _FRAME_TYPES:
                search = mark + 1
                continue
            self._text(held[at:mark], events)
            at = search = mark
            if len(held) < mark + _HEADER:
                break
            length = int.from_bytes(held[mark + 4 : mark + 8], "big")
            if length > FRAME_LIMIT:
                at = search = mark + _HEADER
                continue
            if len(held) < mark + _HEADER + length:
                break
            at = search = mark + _HEADER + length
            self._message(held[mark + _HEADER : at], held[mark + 3], events)
        unfinished = mark if mark >= 0 else len(held)
        line_end = held.rfind(b"\n", max(at, self._clean), unfinished) + 1
        if line_end > at:
            self._text(held[at:line_end], events)
            at = line_end
        # A line that is too long is cut when it is certain that no frame begins inside the piece.
        while unfinished - at >= EVENT_LIMIT + len(_MARK) + 1:
            piece = _piece(held, at)
            self._text(held[at:piece], events)
            at = piece
        del held[:at]
        self._clean = max(0, len(held) - len(_MARK)) if mark < 0 else 0
        return events

    def flush(self) -> list[str]:
        """What is left unfinished; the next byte begins a new event."""
        events: list[str] = []
        if not self._held:
            return events
        held = bytes(self._held)
        if len(held) >= _HEADER and held.startswith(_MARK) and held[3] in _FRAME_TYPES:
            self._message(held[_HEADER:], held[3], events)
        else:
            self._text(held, events)
        self._held.clear()
        self._clean = 0
        return events

    def _text(self, segment: bytes | bytearray, events: list[str], level: int = 0) -> None:
        if self._keeps is None:
            _split(segment, events)
            return
        found: list[str] = []
        _split(segment, found)
        events += [event for event in found if self._keeps(event, level)]

    def _message(self, message: bytes | bytearray, kind: int, events: list[str]) -> None:
        """Append the message of a frame. `kind`: the last byte of its type."""
        level = kind >> 2
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self._text(message, events, level)
            return
        if text and (self._keeps is None or self._keeps(text, level)):
            events.append(text)


def _split(segment: bytes | bytearray, events: list[str]) -> None:
    """Append the lines of `segment`; the last one needs no newline."""
    if len(segment) <= EVENT_LIMIT:
        *lines, rest = segment.decode("utf-8", "replace").split("\n")
        events += [line + "\n" for line in lines]
        if rest:
            events.append(rest)
        return
    at = 0
    while at < len(segment):
        newline = segment.find(b"\n", at, at + EVENT_LIMIT + 1)
        to = newline + 1 if newline >= 0 else _piece(segment, at)
        events.append(segment[at:to].decode("utf-8", "replace"))
        at = to


def _piece(data: bytes | bytearray, at: int) -> int:
    """Where the piece of a long line that begins at `at` ends: after EVENT_LIMIT bytes, not inside a character."""
    end = at + EVENT_LIMIT
    if end >= len(data):
        return len(data)
    for back in range(4):
        if data[end - back] & 0xC0 != 0x80:  # no continuation byte: a character begins here
            return end - back
    return end


class Tail:
    """The end of an invocation's log: `X-Amz-Log-Result` holds its last 4 KB.

    `lines`: each event ends its line there, also one whose runtime leaves the newline out, as they do with JSON.
    """

    def __init__(self, *, lines: bool = False) -> None:
        self._bytes = b""
        self._lines = lines

    def add(self, events: Sequence[str]) -> None:
        """Only the last events of a flood are looked at."""
        last: list[bytes] = []
        room = TAIL_LIMIT
        for event in reversed(events):
            if room <= 0:
                break
            whole = not self._lines or event.endswith("\n")
            last.append(event.encode() if whole else event.encode() + b"\n")
            room -= len(last[-1])
        self._bytes = (self._bytes + b"".join(reversed(last)))[-TAIL_LIMIT:]

    def __bytes__(self) -> bytes:
        return self._bytes.lstrip(_CONTINUATION)  # the cut may have gone through a character
