"""What an event of the platform looks like to a subscriber, by the API and the schema version it has asked for. Pure.

Facts: facts/lambda-runtime.md §5; AWS's guide, "Telemetry API Event schema reference" and "Lambda Logs API".
- Telemetry API: 2022-07-01 has every line of a log as a string; since 2022-12-13 a function that logs JSON has objects.
  What later versions added to a record is left out of the earlier ones.
- Logs API: fewer events, in an older form; `platform.runtimeDone` since 2021-03-18.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from samovar.engine import records
from samovar.engine.records import Record

TELEMETRY: Final = "Telemetry"
LOGS: Final = "Logs"
VERSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    TELEMETRY: ("2022-07-01", "2022-12-13", "2025-01-29"),
    LOGS: ("2020-08-15", "2021-03-18"),
}

_LATEST = frozenset({"functionArn", "instanceId", "instanceMaxMemory"})
_ADDED_AFTER = {
    "2022-07-01": _LATEST | {"functionName", "functionVersion"},
    "2022-12-13": _LATEST,
    "2025-01-29": frozenset[str](),
}
_LOGS_ONLY = frozenset({records.END, records.FAULT, records.LOGS_SUBSCRIPTION})

_Form = Callable[[Record], Record]


def _only(*names: str) -> _Form:
    return lambda record: {name: record[name] for name in names if name in record}


def _done(record: Record) -> Record:
    status = record["status"]
    return {"requestId": record["requestId"], "status": "failure" if status == "error" else status}


_LOGS: Mapping[str, _Form] = {
    records.START: _only("requestId", "version", "tracing"),
    records.RUNTIME_DONE: _done,
    records.END: _only("requestId"),
    records.REPORT: _only("requestId", "metrics", "tracing"),
    records.EXTENSION: _only("name", "state", "events"),
    records.LOGS_SUBSCRIPTION: _only("name", "state", "types"),
    records.LOGS_DROPPED: _only("reason", "droppedRecords", "droppedBytes"),
}


class Schema(msgspec.Struct, frozen=True):
    api: str
    version: str

    def encode(self, now: float, kind: str, record: Record | str, objects: bool) -> bytes | None:
        """The event as JSON; None where this schema has no such event. `objects`: the function logs JSON."""
        shown: Record | msgspec.Raw | str
        if isinstance(record, str):
            if kind in _LOGS_ONLY and self.api != LOGS:
                return None
            may_be = objects and self.version not in ("2022-07-01", *VERSIONS[LOGS])
            shown = _object(record) if may_be else record
        elif self.api == LOGS:
            form = _LOGS.get(kind)
            if form is None or (kind == records.RUNTIME_DONE and self.version == "2020-08-15"):
                return None
            shown = form(record)
        elif kind in _LOGS_ONLY:
            return None
        else:
            late = _ADDED_AFTER[self.version]
            shown = {name: value for name, value in record.items() if name not in late} if late else record
        return msgspec.json.encode({"time": records.timestamp(now), "type": kind, "record": shown})


def _object(text: str) -> msgspec.Raw | str:
    """A line that is a JSON object as one, anything else as it stands."""
    line = text.strip()
    if not line.startswith("{"):
        return text
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return text
    return msgspec.Raw(line)
