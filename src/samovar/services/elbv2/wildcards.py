"""Patterns with `*` (any characters, or none) and `?` (exactly one). Pure.

Rule: matching takes time proportional to pattern times text at most, whatever a client sends; so not by a regular
expression with several `.*`, which would try all ways to divide the text.
"""

import re
from collections.abc import Callable

Matches = Callable[[str], bool]


def compiled(pattern: str, *, folds: bool = False, escapes: bool = False) -> Matches:
    """`folds`: case doesn't count. `escapes`: a backslash takes the meaning from the `*` or `?` behind it."""
    pieces = [_Piece(text) for text in _split(pattern.lower() if folds else pattern, escapes)]
    matches = _matcher(pieces)
    return (lambda text: matches(text.lower())) if folds else matches


def any_of(matchers: list[Matches]) -> Matches:
    """Whether one of them does."""
    if len(matchers) == 1:
        return matchers[0]
    return lambda text: any(matches(text) for matches in matchers)


class _Piece:
    """What stands between two stars."""

    def __init__(self, characters: list[str]) -> None:
        """An empty string is any one character."""
        self.size = len(characters)
        self.plain = all(characters)
        self.text = "".join(characters)
        source = "".join(re.escape(each) if each else "." for each in characters)
        self._pattern = None if self.plain else re.compile(source, re.DOTALL)

    def is_all(self, text: str) -> bool:
        return len(text) == self.size and self.is_at(text, 0)

    def is_at(self, text: str, at: int) -> bool:
        if self._pattern is None:
            return text.startswith(self.text, at)
        return self._pattern.match(text, at) is not None

    def find(self, text: str, start: int, end: int) -> int:
        """Where it begins, as early as can be; -1: nowhere."""
        if self._pattern is None:
            return text.find(self.text, start, end)
        found = self._pattern.search(text, start, end)
        return found.start() if found else -1


def _split(pattern: str, escapes: bool) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if escapes and character == "\\" and pattern[at + 1 : at + 2] in ("*", "?", "\\"):
            at += 1
            pieces[-1].append(pattern[at])
        elif character == "*":
            pieces.append([])
        else:
            pieces[-1].append("" if character == "?" else character)
        at += 1
    return pieces


def _matcher(pieces: list[_Piece]) -> Matches:
    """What nearly all patterns are, a text or a beginning and an end, has a quicker way of its own."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return first.text.__eq__ if first.plain else first.is_all
    if len(pieces) == 2 and first.plain and last.plain:
        begin, end, least = first.text, last.text, first.size + last.size
        return lambda text: text.startswith(begin) and text.endswith(end) and len(text) >= least
    return lambda text: _in_order(pieces, text)


def _in_order(pieces: list[_Piece], text: str) -> bool:
    """Each piece as early as can be leaves the most for those behind it."""
    first, *middle, last = pieces
    end = len(text) - last.size
    if end < first.size or not first.is_at(text, 0) or not last.is_at(text, end):
        return False
    at = first.size
    for piece in middle:
        found = piece.find(text, at, end)
        if found < 0:
            return False
        at = found + piece.size
    return True
