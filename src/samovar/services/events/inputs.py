"""What a target gets of an event: all of it, a part, a constant, or a template that is filled in.

Pure. Facts: eventbridge.md §D1, §D2. Rule: a result that can't be sent (a path that isn't in the event, a template that
isn't JSON when it is filled) is `Unsendable`; the event is then not delivered to that target.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from samovar.core.clock import iso_z

PREDEFINED: Final = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event.json",
    "aws.events.event",
)
_PLACEHOLDER: Final = re.compile(r"<([A-Za-z0-9_.-]+)>")
_STEP: Final = re.compile(r"\.([A-Za-z0-9_/-]+)|\[(\d+)\]|\[\*\]|\.\*|\['([^']*)'\]")
_SUMMARY: Final = ("id", "account", "detail-type", "time", "source", "region", "resources", "version")
_MISSING: Final = object()


class Unsendable(Exception):
    """Nothing can be sent; the text says why."""


def path(event: Any, expression: str) -> str:
    """The part of the event at a JSONPath, as JSON."""
    found = _look(event, expression)
    if found is _MISSING:
        raise Unsendable(f"the event has nothing at {expression}")
    return _dump(found)


def is_path(expression: str) -> bool:
    if not expression.startswith("$"):
        return False
    at = 1
    while at < len(expression):
        step = _STEP.match(expression, at)
        if step is None:
            return False
        at = step.end()
    return True


def placeholders(template: str) -> set[str]:
    return set(_PLACEHOLDER.findall(template))


def transform(
    event: dict[str, Any], paths: Mapping[str, str], template: str, rule_arn: str, rule_name: str, now: float
) -> str:
    """The template with values of the event in it."""
    values = {name: _look(event, expression) for name, expression in paths.items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_name,
        "aws.events.event.ingestion-time": iso_z(now),
        "aws.events.event.json": event,
        "aws.events.event": {
            "detailType" if name == "detail-type" else name: event[name] for name in _SUMMARY if name in event
        },
    }
    text = template.strip()
    if text.startswith('"'):
        return _PLACEHOLDER.sub(lambda found: _plain(values.get(found[1], _MISSING)), text)
    filled = _fill(text, values)
    try:
        return _dump(json.loads(filled))
    except ValueError as error:
        raise Unsendable(f"the input template isn't JSON when it is filled in: {error}") from None


def _fill(template: str, values: Mapping[str, Any]) -> str:
    """A JSON template filled in: values as JSON, and as text inside strings."""
    filled: list[str] = []
    at, inside = 0, False
    while at < len(template):
        character = template[at]
        found = _PLACEHOLDER.match(template, at) if character == "<" else None
        if found is not None:
            value = values.get(found[1], _MISSING)
            filled.append(_in_string(value) if inside else _dump("" if value is _MISSING else value))
            at = found.end()
            continue
        if character == "\\" and inside:
            filled.append(template[at : at + 2])
            at += 2
            continue
        inside ^= character == '"'
        filled.append(character)
        at += 1
    return "".join(filled)


def _in_string(value: Any) -> str:
    """Inside quotes; objects and arrays keep their own quotes there, so that the result is no JSON, as with AWS."""
    if isinstance(value, str):
        return _dump(value)[1:-1]
    return "" if value is _MISSING else _dump(value)


def _plain(value: Any) -> str:
    """In a template of strings: without any quotes of its own."""
    if value is _MISSING:
        return ""
    if isinstance(value, str):
        return _dump(value)[1:-1]
    return _dump(value).replace('"', "")


def _look(event: Any, expression: str) -> Any:
    found: list[Any] = [event]
    several = False
    at = 1
    while at < len(expression):
        step = _STEP.match(expression, at)
        if step is None:
            return _MISSING
        at = step.end()
        name = step[1] if step[1] is not None else step[3]
        if name is not None:
            found = [each[name] for each in found if isinstance(each, dict) and name in each]
        elif step[2] is not None:
            index = int(step[2])
            found = [each[index] for each in found if isinstance(each, list) and index < len(each)]
        else:
            several = True
            found = [
                inner
                for each in found
                for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            ]
    if several:
        return found
    return found[0] if found else _MISSING


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
