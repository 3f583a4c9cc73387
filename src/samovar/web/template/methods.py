"""Members of values: `$a.b`, `$a.b()`, `$a[b]`, and assigning to them.

Owns: which methods a value has. Rules: a method is in a table or it isn't there; no attribute of a Python object is
ever looked up by a name from a template. A member that doesn't exist, or arguments that don't fit, has no value, as
in Velocity; a method that throws in Java ends the rendering.
"""

from collections.abc import Callable
from typing import Any

from samovar.web.template import collections_, strings
from samovar.web.template.errors import RenderError
from samovar.web.template.members import Member, NoMethod, Table
from samovar.web.template.run import Run
from samovar.web.template.values import Entry, Printable, Value, as_key, is_number, same, text


def attribute(run: Run, value: Value, name: str) -> Value:
    """`$value.name`: a map's entry, or what a getter says."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, Printable):
        return _attribute_of(value, name)
    if name == "empty":
        return call(run, value, "isEmpty", [])
    return None


def _attribute_of(value: Printable, name: str) -> Value:
    if isinstance(value, Entry):
        return value.key if name == "key" else value.value if name == "value" else None
    look: Callable[[str], Value] | None = getattr(value, "property", None)
    return look(name) if look else None


def call(run: Run, value: Value, name: str, arguments: list[Value]) -> Value:
    """`$value.name(arguments)`."""
    run.charge(1)
    member = _table(value).get(name) or _EVERYTHING.get(name)
    if member is None:
        return _getter(run, value, name) if not arguments else None
    least, most, function = member
    if not least <= len(arguments) <= most:
        return None
    try:
        return function(run, value, *arguments)
    except NoMethod:
        return None


def _getter(run: Run, value: Value, name: str) -> Value:
    """`getKey()` of an entry, `getIndex()` of a loop."""
    if isinstance(value, Printable) and name.startswith("get") and len(name) > 3:
        return _attribute_of(value, name[3].lower() + name[4:])
    if isinstance(value, Printable):
        return _attribute_of(value, name) if name == "hasNext" else None
    return None


def item(run: Run, value: Value, key: Value) -> Value:
    """`$value[key]`."""
    if isinstance(value, list):
        if not isinstance(key, int) or isinstance(key, bool):
            return None
        return call(run, value, "get", [key + len(value) if key < 0 else key])
    if isinstance(value, dict):
        return value.get(as_key(key))
    if isinstance(value, Printable):
        return call(run, value, "get", [key])
    return None


def assign(run: Run, owner: Value, key: Value, new: Value) -> None:
    """`#set($owner.key = new)`; what can't be assigned to stays as it is."""
    if isinstance(owner, dict):
        call(run, owner, "put", [key, new])
    elif isinstance(owner, list):
        call(run, owner, "set", [key + len(owner) if isinstance(key, int) and key < 0 else key, new])
    elif isinstance(owner, Printable):
        call(run, owner, "put", [key, new])


def _table(value: Value) -> Table:
    if isinstance(value, str):
        return strings.TEXT
    if isinstance(value, dict):
        return collections_.MAP
    if isinstance(value, list):
        return collections_.LIST
    if is_number(value):
        return strings.NUMBER
    if isinstance(value, Printable):
        table: Table = getattr(value, "methods", {})
        return table
    return {}


def _hash_code(run: Run, value: Value) -> int:
    if isinstance(value, bool):
        return 1231 if value else 1237
    if isinstance(value, int):
        return value if -(2**31) <= value < 2**31 else (value ^ (value >> 32)) & 0x7FFFFFFF
    raise RenderError("hashCode() of a value that has none here")


_EVERYTHING: dict[str, Member] = {
    "equals": (1, 1, lambda run, value, other: same(value, other, run.charge)),
    "toString": (0, 0, lambda run, value: text(value, run.charge)),
    "hashCode": (0, 0, _hash_code),
    "booleanValue": (0, 0, lambda run, value: value if isinstance(value, bool) else None),
    "compareTo": (1, 1, lambda run, value, other: _compare_booleans(value, other)),
}


def _compare_booleans(value: Any, other: Any) -> Value:
    return int(value) - int(other) if isinstance(value, bool) and isinstance(other, bool) else None
