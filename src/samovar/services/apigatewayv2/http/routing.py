"""Which route a request takes (facts/apigateway.md §3). Pure; made once for a deployment.

Rules: a route that fits the whole path goes before greedy ones, these by the length of what they say of it, and
`$default` takes the rest. Segment by segment, a literal goes before a variable; at the same place a route for the
method goes before one for `ANY`. A slash at the end doesn't count, but that a greedy route takes it as its rest.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import unquote

from samovar.services.apigatewayv2 import route_key
from samovar.services.apigatewayv2.route_key import ANY, DEFAULT

T = TypeVar("T")

_REMEMBERED, _LONGEST = 1000, 500
"""So many requests, with paths no longer than that, are remembered with the routes that they took."""

End = tuple[tuple[str, ...], T]
"""The names of a route's variables, and what it is for."""


class _Node(Generic[T]):
    """A place in the tree of paths."""

    __slots__ = ("ends", "greedy", "literal", "variable")

    def __init__(self) -> None:
        self.literal: dict[str, _Node[T]] = {}
        self.variable: _Node[T] | None = None
        self.ends: dict[str, End[T]] = {}
        """Routes that end here, by method."""
        self.greedy: dict[str, End[T]] = {}
        """Routes that take whatever follows."""


class Routing(Generic[T]):
    def __init__(self, routes: Iterable[tuple[str, T]]) -> None:
        """(route key, what it is for); keys that aren't well-formed take nothing."""
        self._root: _Node[T] = _Node()
        self._default: T | None = None
        self._taken: dict[tuple[str, str], tuple[T, dict[str, str]] | None] = {}
        for key, what in routes:
            self._add(key, what)

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """The route of a request and its path parameters, decoded; `path` as sent, below the stage. Not to be changed:
        the same paths are asked for again and again."""
        request = (method, path)
        if request in self._taken:
            return self._taken[request]
        found = self._find(method, path)
        if len(path) <= _LONGEST:
            if len(self._taken) >= _REMEMBERED:
                self._taken.clear()
            self._taken[request] = found
        return found

    def _find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        segments = path.split("/")[1:]
        if "%" in path:
            segments = [unquote(segment) for segment in segments]
        values: list[str] = []
        whole = segments[:-1] if len(segments) > 1 and not segments[-1] else segments
        found = _full(self._root, method, whole, 0, values)
        if found is None and segments != [""]:
            found = _greedy(self._root, method, segments, 0, values)
        if found is None:
            return (self._default, {}) if self._default is not None else None
        names, what = found
        return what, dict(zip(names, values, strict=True)) if names else {}

    def _add(self, key: str, what: T) -> None:
        if key == DEFAULT:
            self._default = what
            return
        parsed = route_key.parse(key)
        if parsed is None:
            return
        node = self._root
        for segment in parsed.segments:
            if segment is None:
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literal.setdefault(segment, _Node())
        (node.greedy if parsed.greedy else node.ends)[parsed.method] = (parsed.names, what)


def _full(node: _Node[T], method: str, segments: list[str], at: int, values: list[str]) -> "End[T] | None":
    """The route that fits all segments from `at`; adds the values of its variables, and of none where there is none."""
    depth = len(values)
    while at < len(segments):
        segment = segments[at]
        at += 1
        literal, variable = node.literal.get(segment), node.variable if segment else None
        if literal is not None and variable is not None:  # both may lead on
            found = _full(literal, method, segments, at, values)
            if found is not None:
                return found
            literal = None
        if literal is not None:
            node = literal
        elif variable is not None:
            values.append(segment)
            node = variable
        else:
            del values[depth:]
            return None
    found = node.ends.get(method) or node.ends.get(ANY)
    if found is None:
        del values[depth:]
    return found


def _greedy(node: _Node[T], method: str, segments: list[str], at: int, values: list[str]) -> "End[T] | None":
    """The greedy route that says most of the segments from `at`; it takes at least one."""
    if at == len(segments):
        return None
    for child, value in _children(node, segments[at]):
        values += value
        found = _greedy(child, method, segments, at + 1, values)
        if found is not None:
            return found
        del values[len(values) - len(value) :]
    found = node.greedy.get(method) or node.greedy.get(ANY)
    if found is not None:
        values.append("/".join(segments[at:]).removesuffix("/"))
    return found


def _children(node: _Node[T], segment: str) -> "list[tuple[_Node[T], list[str]]]":
    """Where a segment leads, likeliest first, and what a variable takes of it."""
    found: list[tuple[_Node[T], list[str]]] = []
    if segment in node.literal:
        found.append((node.literal[segment], []))
    if segment and node.variable is not None:
        found.append((node.variable, [segment]))
    return found
