"""Methods of lists, maps and iterators.

Owns: `LIST`, `MAP`, `Iterator`. Rules: what walks through a collection pays for it. `keySet()`, `values()` and
`entrySet()` are copies; Java's are views, which shows only to who changes the map while he holds one.
"""

from samovar.web.template.errors import RenderError
from samovar.web.template.members import NoMethod, Run, Table, integer, string, within
from samovar.web.template.values import (
    ArrayList,
    Entry,
    JavaSet,
    Printable,
    Value,
    as_key,
    is_number,
    same,
    sized,
    text,
)

MAX_SIZE = 200_000


def _pay(run: Run, size: int) -> None:
    run.charge(size // 16)
    if size > MAX_SIZE:
        raise RenderError(f"A collection of more than {MAX_SIZE} elements")


class Iterator(Printable):
    """`iterator()`: usable by `#foreach` too."""

    __slots__ = ("_at", "_items")

    def __init__(self, items: list[Value]) -> None:
        self._items = items
        self._at = 0

    def __iter__(self) -> "Iterator":
        return self

    def __next__(self) -> Value:
        if self._at >= len(self._items):
            raise StopIteration
        self._at += 1
        return self._items[self._at - 1]

    def _next(self) -> Value:
        if self._at >= len(self._items):
            raise RenderError("NoSuchElementException")
        return next(self)

    @property
    def methods(self) -> Table:
        return {
            "hasNext": (0, 0, lambda run, value: self._at < len(self._items)),
            "next": (0, 0, lambda run, value: self._next()),
        }


# ---------------------------------------------------------------------------------------------------- lists


def _get(run: Run, value: list[Value], index: Value) -> Value:
    return value[within(integer(index), len(value))]


def _set(run: Run, value: list[Value], index: Value, new: Value) -> Value:
    run.changed = True
    at = within(integer(index), len(value))
    value[at], old = new, value[at]
    return old


def _add(run: Run, value: list[Value], *arguments: Value) -> Value:
    run.changed = True
    _pay(run, len(value) + 1 if len(value) >= MAX_SIZE else 1)
    if isinstance(value, JavaSet):
        raise RenderError("UnsupportedOperationException")
    if len(arguments) == 1:
        value.append(arguments[0])
        return True
    at = integer(arguments[0])
    if at != len(value):
        within(at, len(value))
    run.charge(len(value) // 256)
    value.insert(at, arguments[1])
    return None  # Java's add(int, E) gives nothing


def _items(run: Run, value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise NoMethod
    _pay(run, len(value))
    return list(value)


def _add_all(run: Run, value: list[Value], other: Value) -> bool:
    items = _items(run, other)
    run.changed = True
    _pay(run, len(value) + len(items) if len(value) + len(items) > MAX_SIZE else len(items))
    value.extend(items)
    return bool(items)


def _index(run: Run, value: list[Value], wanted: Value, backwards: bool = False) -> int:
    places = range(len(value) - 1, -1, -1) if backwards else range(len(value))
    return next((at for at in places if same(value[at], wanted, run.charge)), -1)


def _remove(run: Run, value: list[Value], what: Value) -> Value:
    """An int is an index, anything else the element."""
    if isinstance(what, int) and is_number(what):
        return value.pop(within(what, len(value)))
    at = _index(run, value, what)
    if at >= 0:
        value.pop(at)
    return at >= 0


def _keep(run: Run, value: list[Value], other: Value, wanted: bool) -> bool:
    known = _items(run, other)
    left = [item for item in value if (_index(run, known, item) >= 0) is wanted]
    changed = len(left) != len(value)
    value[:] = left
    return changed


def _sub_list(run: Run, value: list[Value], start: Value, end: Value) -> ArrayList:
    first, last = integer(start), integer(end)
    if not 0 <= first <= last <= len(value):
        raise RenderError(f"fromIndex: {first}, toIndex: {last}, size: {len(value)}")
    _pay(run, last - first)
    return ArrayList(value[first:last])


def _join(run: Run, value: list[Value], by: Value) -> str:
    separator = string(by)
    pieces = []
    for item in value:
        piece = text(item, run.charge)
        run.charge(1 + (len(piece) + len(separator)) // 1024)
        pieces.append(piece)
    return sized(separator.join(pieces), run.charge)


LIST: Table = {
    "size": (0, 0, lambda run, value: len(value)),
    "length": (0, 0, lambda run, value: len(value)),
    "isEmpty": (0, 0, lambda run, value: not value),
    "get": (1, 1, _get),
    "set": (2, 2, _set),
    "add": (1, 2, _add),
    "addAll": (1, 1, _add_all),
    "contains": (1, 1, lambda run, value, wanted: _index(run, value, wanted) >= 0),
    "containsAll": (1, 1, lambda run, value, other: all(_index(run, value, one) >= 0 for one in _items(run, other))),
    "indexOf": (1, 1, _index),
    "lastIndexOf": (1, 1, lambda run, value, wanted: _index(run, value, wanted, backwards=True)),
    "remove": (1, 1, _remove),
    "removeAll": (1, 1, lambda run, value, other: _keep(run, value, other, wanted=False)),
    "retainAll": (1, 1, lambda run, value, other: _keep(run, value, other, wanted=True)),
    "clear": (0, 0, lambda run, value: value.clear()),
    "subList": (2, 2, _sub_list),
    "toArray": (0, 0, lambda run, value: ArrayList(_items(run, value))),
    "iterator": (0, 0, lambda run, value: Iterator(_items(run, value))),
    "join": (1, 1, _join),
}

# ---------------------------------------------------------------------------------------------------- maps


def _put(run: Run, value: dict[Value, Value], key: Value, new: Value) -> Value:
    key = as_key(key)
    run.changed = True
    run.charge(1)
    if len(value) >= MAX_SIZE:
        _pay(run, len(value) + 1)
    old = value.get(key)
    value[key] = new
    return old


def _put_all(run: Run, value: dict[Value, Value], other: Value) -> None:
    if not isinstance(other, dict):
        raise NoMethod
    run.changed = True
    _pay(run, len(other))
    value.update(other)
    _pay(run, len(value) if len(value) > MAX_SIZE else 0)


def _put_if_absent(run: Run, value: dict[Value, Value], key: Value, new: Value) -> Value:
    old = value.get(as_key(key))
    return _put(run, value, key, new) if old is None else old


def _copied(run: Run, items: list[Value]) -> list[Value]:
    _pay(run, len(items))
    return items


def _contains_value(run: Run, value: dict[Value, Value], wanted: Value) -> bool:
    return any(same(one, wanted, run.charge) for one in value.values())


MAP: Table = {
    "size": (0, 0, lambda run, value: len(value)),
    "isEmpty": (0, 0, lambda run, value: not value),
    "get": (1, 1, lambda run, value, key: value.get(as_key(key))),
    "getOrDefault": (2, 2, lambda run, value, key, other: value.get(as_key(key), other)),
    "put": (2, 2, _put),
    "putAll": (1, 1, _put_all),
    "putIfAbsent": (2, 2, _put_if_absent),
    "containsKey": (1, 1, lambda run, value, key: as_key(key) in value),
    "containsValue": (1, 1, _contains_value),
    "keySet": (0, 0, lambda run, value: JavaSet(_copied(run, list(value)))),
    "values": (0, 0, lambda run, value: ArrayList(_copied(run, list(value.values())))),
    "entrySet": (0, 0, lambda run, value: JavaSet(Entry(value, key) for key in _copied(run, list(value)))),
    "remove": (1, 1, lambda run, value, key: value.pop(as_key(key), None)),
    "clear": (0, 0, lambda run, value: value.clear()),
}
