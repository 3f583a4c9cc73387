"""The embedded metric format: log events that are metrics as well (facts/cloudwatch.md §6, EMF).

Owns: what such an event means, and `Telling`, which reports it and what else a group's events count for. Refuses:
keeping metrics (the Meter, and who empties it). Rules: an event is a document when it is one JSON object with `_aws`;
one that breaks a rule counts as an error of its group and is a log event only. What functions print is hostile: a
document is bounded, and when the Meter is half full no more of them are taken.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final

import msgspec

from samovar.core.meter import MINUTE_S, Dimensions, Distribution, Meter, Metric
from samovar.services.logs.journal import Sized, total

_MOST_METRICS: Final = 100
_MOST_DIMENSIONS: Final = 30
_MOST_SETS: Final = 30
_MOST_VALUES: Final = 100
_LONGEST: Final = 1024
_OLDEST_S: Final = 14 * 86_400
_NEWEST_S: Final = 2 * 3600
_LARGEST: Final = 2.0**360
_SIZES: Final = ("Bytes", "Bits")
_PREFIXES: Final = ("", "Kilo", "Mega", "Giga", "Tera")
_SCALED: Final = {f"{prefix}{size.lower() if prefix else size}" for prefix in _PREFIXES for size in _SIZES}
UNITS: Final = frozenset(
    {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None", *_SCALED}
    | {f"{unit}/Second" for unit in _SCALED}
)


class _Metric(msgspec.Struct):
    Name: str
    Unit: str = "None"
    StorageResolution: int = MINUTE_S


class _Directive(msgspec.Struct):
    Namespace: str
    Dimensions: list[list[str]]
    Metrics: list[_Metric]


class _Metadata(msgspec.Struct):
    Timestamp: int
    CloudWatchMetrics: list[_Directive]


class Invalid(Exception):
    """The document breaks a rule of the format."""


class Telling:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def told(self, key: tuple[str, str, str], events: Sequence[Sized], now: float, standard: bool) -> None:
        """Events were kept in a group (account, region, name); only those of standard groups may be documents."""
        account, region, group = key
        dimensions = (("LogGroupName", group),)

        def count(name: str, value: float, times: int, unit: str = "Count") -> None:
            metric = Metric(account, region, "AWS/Logs", name, dimensions, unit)
            self._meter.observe(metric, value, times)

        count("IncomingLogEvents", 1.0, len(events))
        count("IncomingBytes", total(events), 1, "Bytes")
        if not standard:
            return
        for message in [message for _, _, message in events if '"_aws"' in message]:
            if message.lstrip()[:1] == "{":
                try:
                    self._take(account, region, message, now)
                except Invalid:
                    count("EMFValidationErrors", 1.0, 1)
                except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                    count("EMFParsingErrors", 1.0, 1)

    def _take(self, account: str, region: str, message: str, now: float) -> None:
        found: Any = msgspec.json.decode(message)
        if not isinstance(found, dict) or "CloudWatchMetrics" not in (found.get("_aws") or {}):
            return  # a document of something else
        try:
            said = msgspec.convert(found["_aws"], _Metadata)
        except msgspec.ValidationError as error:
            raise Invalid(str(error)) from None
        at = said.Timestamp / 1000
        if not now - _OLDEST_S <= at <= now + _NEWEST_S:
            raise Invalid("its time")
        read = list(_read(found, said))
        if self._meter.crowded:
            return
        for namespace, name, unit, resolution, dimensions, distribution in read:
            metric = Metric(account, region, namespace, name, dimensions, unit)
            self._meter.gather(metric, distribution, int(at // resolution * resolution), resolution)


def _read(
    document: Mapping[str, Any], said: _Metadata
) -> Iterator[tuple[str, str, str, int, Dimensions, Distribution]]:
    """(namespace, name, unit, resolution, dimensions, values) of everything in it. Raises Invalid."""
    for directive in said.CloudWatchMetrics:
        if not 0 < len(directive.Namespace) <= _LONGEST or directive.Namespace.startswith("AWS/"):
            raise Invalid("its namespace")
        if len(directive.Metrics) > _MOST_METRICS or len(directive.Dimensions) > _MOST_SETS:
            raise Invalid("too many metrics, or sets of dimensions")
        sets = [_dimensions(document, names) for names in directive.Dimensions]
        for metric in directive.Metrics:
            if metric.Unit not in UNITS or metric.StorageResolution not in (1, MINUTE_S):
                raise Invalid("a unit or a resolution")
            for dimensions in sets:
                values = _values(document, metric.Name)
                yield directive.Namespace, metric.Name, metric.Unit, metric.StorageResolution, dimensions, values


def _dimensions(document: Mapping[str, Any], names: Sequence[str]) -> Dimensions:
    if len(names) > _MOST_DIMENSIONS:
        raise Invalid("too many dimensions")
    found = {name: document.get(name) for name in names}
    if not all(isinstance(value, str) and 0 < len(value) <= _LONGEST for value in found.values()):
        raise Invalid("a dimension that isn't a text of the document")
    return tuple(sorted((name, str(value)) for name, value in found.items()))


def _values(document: Mapping[str, Any], name: str) -> Distribution:
    value: Any = document.get(name)
    values: list[Any] = value if isinstance(value, list) else [value]
    if not 0 < len(name) <= _LONGEST or not 0 < len(values) <= _MOST_VALUES:
        raise Invalid("a name, or too many values")
    made = Distribution(values={})
    for each in values:
        if type(each) not in (int, float) or not isfinite(each) or abs(each) > _LARGEST:
            raise Invalid("a value that is no number")
        made.add(float(each))
    return made
