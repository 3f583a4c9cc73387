"""The paths of an API as a tree (facts/apigateway.md §3).

Owns: which resource a path means. Rules: segment by segment, a literal one before a variable, a variable before a
greedy one; a slash at the end means nothing; a greedy variable takes at least one segment. The path's
values stay as they were sent, percent-encoded.
"""

from typing import Generic, TypeVar
from urllib.parse import unquote

_Held = TypeVar("_Held")
_REMEMBERED, _LONGEST = 1000, 500
"""So many paths, none longer than that, are remembered with what they mean."""


class _Node(Generic[_Held]):
    __slots__ = ("greedy", "held", "literal", "name", "variable")

    def __init__(self, name: str = "") -> None:
        self.name = name
        """Of the variable that this is."""
        self.literal: dict[str, _Node[_Held]] = {}
        self.variable: _Node[_Held] | None = None
        self.greedy: _Node[_Held] | None = None
        self.held: _Held | None = None


class Routes(Generic[_Held]):
    def __init__(self) -> None:
        self._root: _Node[_Held] = _Node()
        self._found: dict[str, tuple[_Held, dict[str, str]] | None] = {}

    def add(self, path: str, held: _Held) -> None:
        """`path` as resources have it: `/pets/{id}`, `/{proxy+}`."""
        node = self._root
        for part in path.split("/")[1:]:
            if not part:
                continue
            if part.endswith("+}"):
                node.greedy = node.greedy or _Node(part[1:-2])
                node = node.greedy
            elif part.startswith("{"):
                node.variable = node.variable or _Node(part[1:-1])
                node = node.variable
            else:
                node = node.literal.setdefault(part, _Node())
        node.held = held
        self._found.clear()

    def find(self, path: str) -> tuple[_Held, dict[str, str]] | None:
        """(what was added, the values of its variables). Not to be changed: the same paths are asked for again and
        again."""
        if path in self._found:
            return self._found[path]
        found = self._find(path)
        if len(path) <= _LONGEST:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[path] = found
        return found

    def _find(self, path: str) -> tuple[_Held, dict[str, str]] | None:
        segments = path.split("/")[1:]
        while segments and not segments[-1]:
            segments.pop()
        values: list[tuple[str, str]] = []
        held = _walk(self._root, segments, 0, values)
        return None if held is None else (held, dict(values))


def _walk(node: _Node[_Held], segments: list[str], at: int, values: list[tuple[str, str]]) -> _Held | None:
    if at == len(segments):
        return node.held
    segment = segments[at]
    literal = node.literal.get(unquote(segment) if "%" in segment else segment)
    if literal is not None:
        held = _walk(literal, segments, at + 1, values)
        if held is not None:
            return held
    if node.variable is not None and segment:
        values.append((node.variable.name, segment))
        held = _walk(node.variable, segments, at + 1, values)
        if held is not None:
            return held
        values.pop()
    if node.greedy is not None and node.greedy.held is not None:
        values.append((node.greedy.name, "/".join(segments[at:])))
        return node.greedy.held
    return None
