"""A pattern compiled once, and matched against events.

Owns: field names, `$or`, and which values of an event belong to a field. Rules (facts/eventbridge.md §B1):

1. A field is its path joined by dots: `{"a": {"b": ...}}` and `{"a.b": ...}` name the same field, in events as well.
2. An array gives its elements as values, arrays in arrays too; two fields that come from one array must come from the
   same element of it.
3. `$or` is expanded into alternatives before anything is matched.

A match costs what the pattern names, not what the event holds: values are looked up by the pattern's tree of names.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from samovar.core.jackson import REDACTED
from samovar.core.pattern.conditions import EVENTS, Dialect, Leaf, leaf
from samovar.core.pattern.reading import Node, PatternError, read

MOST_ALTERNATIVES = 1000

_RESERVED = frozenset(
    {
        *("prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "exists", "cidr"),
        *("exactly", "=", "<", "<=", ">", ">=", "regex", "not-wildcard", "in-date-range"),
    }
)
_RESERVED_BEGINNINGS = ("date-", "ip-address-")

Element = tuple[int, int]
"""Which element of which array (numbered as they are met) a value came from."""
Elements = tuple[Element, ...]
Found = tuple[Any, Elements]
Fields = dict[str, Leaf]


def compile(text: str, dialect: Dialect = EVENTS, source: str = REDACTED) -> "Pattern":
    """PatternError when it isn't a pattern; `source` is how the service names the text in its messages."""
    root = read(text, source)
    if not isinstance(root.value, dict):
        raise PatternError("Filter is not an object", root.at)
    return Pattern(_expand(root, "", dialect))


class Pattern:
    """Made by `compile`."""

    def __init__(self, alternatives: list[Fields]) -> None:
        self._alternatives = [list(fields.items()) for fields in alternatives]
        self._tree = _Names()
        for fields in alternatives:
            for path in fields:
                self._tree.add(path)

    def matches(self, event: Any) -> bool:
        """`event`: an object as JSON decodes; anything else matches nothing."""
        if not isinstance(event, dict):
            return False
        found: dict[str, list[Found]] = {}
        _Gathering(found).object(event, self._tree, ())
        return any(_fits(fields, found) for fields in self._alternatives)


# --- compiling


def _expand(node: Node, prefix: str, dialect: Dialect) -> list[Fields]:
    """The alternatives of an object. In document order, so that the last of two leaves for one field stands."""
    if not node.value:
        raise PatternError("Empty objects are not allowed", node.at)
    alternatives: list[Fields] = [{}]
    for name, below in node.value.items():
        if name == "$or" and _is_or(below):
            branches = [each for branch in below.value for each in _expand(branch, prefix, dialect)]
        else:
            branches = _member(name, below, f"{prefix}.{name}" if prefix else name, dialect)
        if len(alternatives) * len(branches) > MOST_ALTERNATIVES:
            raise PatternError(f"A pattern may have at most {MOST_ALTERNATIVES} combinations of $or", below.at)
        alternatives = [one | branch for one in alternatives for branch in branches]
    return alternatives


def _member(name: str, below: Node, path: str, dialect: Dialect) -> list[Fields]:
    if isinstance(below.value, dict):
        return _expand(below, path, dialect)
    if isinstance(below.value, list):
        return [{path: leaf(below, dialect)}]
    raise PatternError(f'"{name}" must be an object or an array', below.at)


def _is_or(node: Node) -> bool:
    """Else it is a field of that name."""
    return (
        isinstance(node.value, list)
        and len(node.value) > 1
        and all(isinstance(each.value, dict) and not any(map(_is_reserved, each.value)) for each in node.value)
    )


def _is_reserved(name: str) -> bool:
    return name in _RESERVED or name.startswith(_RESERVED_BEGINNINGS)


class _Names:
    """The fields below a place in the tree, under every key that an event may have there."""

    __slots__ = ("below", "path")

    def __init__(self) -> None:
        self.path = ""
        """Of the field that ends here, empty when none does."""
        self.below: dict[str, _Names] = {}
        """By key: `a` and, for events with dots in their keys, `a.b`."""

    def add(self, path: str) -> None:
        parts = path.split(".")
        nodes = [self]
        for part in parts:
            node = nodes[-1].below.get(part)
            if node is None:
                node = nodes[-1].below[part] = _Names()
            nodes.append(node)
        nodes[-1].path = path
        for start in range(len(parts)):
            for end in range(start + 2, len(parts) + 1):
                nodes[start].below[".".join(parts[start:end])] = nodes[end]


# --- matching


class _Gathering:
    """Collects an event's values of the fields that a pattern names."""

    def __init__(self, found: dict[str, list[Found]]) -> None:
        self._found = found
        self._arrays = 0

    def object(self, value: dict[str, Any], names: _Names, elements: Elements) -> None:
        for key, below in names.below.items():
            if key in value:
                self._value(value[key], below, elements)

    def _value(self, value: Any, names: _Names, elements: Elements) -> None:
        if isinstance(value, dict):
            self.object(value, names, elements)
        elif isinstance(value, list):
            self._arrays += 1
            array = self._arrays
            for number, element in enumerate(value):
                self._value(element, names, (*elements, (array, number)))
        elif names.path:
            self._found.setdefault(names.path, []).append((value, elements))


def _fits(fields: Iterable[tuple[str, Leaf]], found: dict[str, list[Found]]) -> bool:
    """Whether each field has a value that its leaf wants, all of them from elements that go together."""
    wanted: list[list[Elements]] = []
    for path, conditions in fields:
        values = found.get(path)
        if values is None:
            if conditions.absent:
                continue
            return False
        chosen = [elements for value, elements in values if conditions.wants(value)]
        if not chosen:
            return False
        if () not in chosen:  # else one is from no array, and goes with everything
            wanted.append(chosen)
    return len(wanted) < 2 or _go_together(wanted)


def _go_together(wanted: list[list[Elements]]) -> bool:
    """Whether one of each can be taken so that no two take different elements of one array."""
    shared = _shared_arrays(wanted)
    together: set[Elements] = {()}
    for choices in wanted:
        reduced = {tuple(each for each in elements if each[0] in shared) for elements in choices}
        together = _join(together, reduced)
        if not together:
            return False
    return True


def _shared_arrays(wanted: list[list[Elements]]) -> set[int]:
    """The arrays that more than one field takes elements of; the others forbid nothing."""
    counts = Counter(array for choices in wanted for array in {array for each in choices for array, _ in each})
    return {array for array, fields in counts.items() if fields > 1}


def _join(left: set[Elements], right: set[Elements]) -> set[Elements]:
    """Each pair that contradicts itself nowhere, joined; found by what both say of the arrays they have in common."""
    joined: set[Elements] = set()
    for arrays_left, lefts in _by_arrays(left).items():
        for arrays_right, rights in _by_arrays(right).items():
            common = arrays_left & arrays_right
            index: dict[Elements, list[Elements]] = {}
            for elements in lefts:
                index.setdefault(_only(elements, common), []).append(elements)
            for elements in rights:
                for partner in index.get(_only(elements, common), ()):
                    joined.add(tuple(sorted({*partner, *elements})))
    return joined


def _by_arrays(choices: set[Elements]) -> dict[frozenset[int], list[Elements]]:
    grouped: dict[frozenset[int], list[Elements]] = {}
    for elements in choices:
        grouped.setdefault(frozenset(array for array, _ in elements), []).append(elements)
    return grouped


def _only(elements: Elements, arrays: frozenset[int]) -> Elements:
    return tuple(each for each in elements if each[0] in arrays)
