"""Java's regular expressions, with an end to every match.

Owns: `Pattern`, and the machine behind it. Python's `re` backtracks without a limit and holds the whole server
meanwhile, so it only gets patterns that can't backtrack: runs of single characters where only the last may repeat
without bound, which is what templates have nearly always (`\\\\'`, `[^a-z]+`, `\\s+`). Every other pattern becomes a
program for a machine that backtracks as Java does and pays for each step: a pattern and a text that would take for
ever end in a RegexError instead.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]  # the standard library's reading of a pattern; stable since 3.11
_c: Any = re._constants  # type: ignore[attr-defined]

Charge = Callable[[int], None]
"""Takes that many steps off what a rendering may do; raises when nothing is left."""

MAX_LENGTH = 20_000
MAX_PROGRAM = 5000
_MAX_RUN = 64
"""How long a bounded repetition may be for `re` to have it."""
_STEPS_PER_CHARGE = 2
"""A step of the machine costs half of a template's."""

_ONE_CHARACTER = (_c.LITERAL, _c.NOT_LITERAL, _c.IN, _c.ANY)
_REPEATS = (_c.MAX_REPEAT, _c.MIN_REPEAT, _c.POSSESSIVE_REPEAT)
_CATEGORIES = {
    _c.CATEGORY_DIGIT: r"\d",
    _c.CATEGORY_NOT_DIGIT: r"\D",
    _c.CATEGORY_SPACE: r"\s",
    _c.CATEGORY_NOT_SPACE: r"\S",
    _c.CATEGORY_WORD: r"\w",
    _c.CATEGORY_NOT_WORD: r"\W",
}
_PLACES = {
    _c.AT_BEGINNING: "^",
    _c.AT_BEGINNING_STRING: r"\A",
    _c.AT_END: "$",
    _c.AT_END_STRING: r"\Z",
    _c.AT_BOUNDARY: r"\b",
    _c.AT_NON_BOUNDARY: r"\B",
}

Slots = tuple[int, ...]
"""Starts and ends of the groups, then where each loop last began; -1 is nowhere."""
Instruction = tuple[Any, ...]
Program = list[Instruction]


class RegexError(ValueError):
    """A pattern that can't be read, or is too large."""


class Found:
    """One match: where it starts and ends, and the same of each group."""

    __slots__ = ("end", "groups", "start")

    def __init__(self, start: int, end: int, groups: list[tuple[int, int]]) -> None:
        self.start = start
        self.end = end
        self.groups = groups


class Pattern:
    """One pattern; `python` is what `wire.javaregex` makes of it."""

    def __init__(self, python: re.Pattern[str] | None) -> None:
        if python is None or len(python.pattern) > MAX_LENGTH:
            raise RegexError("A regular expression that can't be read")
        self.count = python.groups
        self.names = dict(python.groupindex)
        tree = _parser.parse(python.pattern, python.flags)
        self._plain = python if _is_plain(tree) else None
        self._program: Program = []
        self._size = 2 * self.count
        if not self._plain:
            compiler = _Compiler(2 * self.count)
            self._program = compiler.program(tree, tree.state.flags)
            self._size = compiler.slots

    def find(self, text: str, charge: Charge) -> Iterator[Found]:
        """Matches from left to right, as Java's `find` steps through them."""
        charge(1 + len(text) // 64)
        if self._plain:
            for match in self._plain.finditer(text):
                charge(1)
                yield Found(match.start(), match.end(), [match.span(n) for n in range(1, self.count + 1)])
            return
        at = 0
        while at <= len(text):
            ended = _run(self._program, text, at, (-1,) * self._size, charge)
            if ended is None:
                at += 1
                continue
            end, slots = ended
            yield Found(at, end, [(slots[2 * n], slots[2 * n + 1]) for n in range(self.count)])
            at = end + (1 if end == at else 0)

    def matches(self, text: str, charge: Charge) -> bool:
        """The whole text."""
        charge(1 + len(text) // 64)
        if self._plain:
            return self._plain.fullmatch(text) is not None
        return _run(self._program, text, 0, (-1,) * self._size, charge, whole=True) is not None


def _is_plain(tree: Any) -> bool:
    bounded = 0
    for index, (kind, given) in enumerate(tree):
        if kind in _ONE_CHARACTER or kind is _c.AT:
            continue
        if kind not in (_c.MAX_REPEAT, _c.POSSESSIVE_REPEAT):
            return False  # a reluctant one may match nothing first, and there Java and Python go on differently
        _, most, inner = given
        if len(inner) != 1 or inner[0][0] not in _ONE_CHARACTER:
            return False
        bounded += 1
        if bounded > 2 or (most > _MAX_RUN and index < len(tree) - 1):
            return False
    return True


class _Compiler:
    """From a pattern's tree to a program."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._size = 0

    def program(self, tree: Any, flags: int) -> Program:
        return [*self._sequence(tree, flags), ("done",)]

    def _sequence(self, tree: Any, flags: int) -> Program:
        out: Program = []
        for kind, given in tree:
            out += self._one(kind, given, flags)
        return out

    def _one(self, kind: Any, given: Any, flags: int) -> Program:
        self._grow()
        if kind in _ONE_CHARACTER:
            return [("char", _character(kind, given, flags))]
        if kind is _c.AT:
            return [("at", re.compile(_PLACES[given], (flags & re.MULTILINE) | re.ASCII).match)]
        if kind is _c.BRANCH:
            return self._branch([self._sequence(way, flags) for way in given[1]])
        if kind is _c.SUBPATTERN:
            number, add, remove, tree = given
            inner = self._sequence(tree, (flags | add) & ~remove)
            return inner if number is None else [("save", 2 * number - 2), *inner, ("save", 2 * number - 1)]
        if kind in _REPEATS:
            repeated = self._repeat(given, flags, greedy=kind is not _c.MIN_REPEAT)
            return repeated if kind is not _c.POSSESSIVE_REPEAT else [("atomic", [*repeated, ("done",)])]
        if kind is _c.ATOMIC_GROUP:
            return [("atomic", self.program(given, flags))]
        if kind in (_c.ASSERT, _c.ASSERT_NOT):
            direction, tree = given
            back = 0 if direction > 0 else tree.getwidth()[0]
            return [("look", self.program(tree, flags), kind is _c.ASSERT, back)]
        if kind is _c.GROUPREF:
            return [("again", 2 * given - 2)]
        raise RegexError("A regular expression of a kind that isn't supported")

    def _grow(self) -> None:
        self._size += 1
        if self._size > MAX_PROGRAM:
            raise RegexError("A regular expression of too many steps")

    def _branch(self, ways: list[Program]) -> Program:
        out = ways[-1]
        for way in reversed(ways[:-1]):
            out = [("split", 1, len(way) + 2), *way, ("jump", len(out) + 1), *out]
        return out

    def _repeat(self, given: Any, flags: int, greedy: bool) -> Program:
        least, most, tree = given
        out: Program = []
        for _ in range(least):
            self._grow()
            out += self._sequence(tree, flags)
        if most is _c.MAXREPEAT:
            inner = self._sequence(tree, flags)
            slot, self.slots = self.slots, self.slots + 1
            inside, behind = 1, len(inner) + 4
            first = ("split", inside, behind) if greedy else ("split", behind, inside)
            # Once more without having read anything would be for ever.
            return [*out, first, ("save", slot), *inner, ("moved", slot), ("jump", -len(inner) - 3)]
        for _ in range(most - least):
            self._grow()
            inner = self._sequence(tree, flags)
            rest = len(inner) + 1
            out += [("split", 1, rest) if greedy else ("split", rest, 1), *inner]
        return out


def _run(
    program: Program, text: str, at: int, slots: Slots, charge: Charge, whole: bool = False
) -> tuple[int, Slots] | None:
    """Where the match that begins at `at` ends; None without one."""
    ways: list[tuple[int, int, Slots]] = [(0, at, slots)]
    paid = 0
    length = len(text)
    while ways:
        here, at, slots = ways.pop()
        while True:
            paid += 1
            if paid % _STEPS_PER_CHARGE == 0:
                charge(1)
            instruction = program[here]
            kind = instruction[0]
            if kind == "char":
                if at >= length or not instruction[1](text[at]):
                    break
                at += 1
            elif kind == "split":
                ways.append((here + instruction[2], at, slots))
                here += instruction[1]
                continue
            elif kind == "jump":
                here += instruction[1]
                continue
            elif kind == "save":
                slots = (*slots[: instruction[1]], at, *slots[instruction[1] + 1 :])
            elif kind == "done":
                if whole and at < length:
                    break
                charge(1)
                return at, slots
            else:
                ended = _rare(instruction, text, at, slots, charge)
                if ended is None:
                    break
                at, slots = ended
            here += 1
    charge(1)
    return None


def _rare(instruction: Instruction, text: str, at: int, slots: Slots, charge: Charge) -> tuple[int, Slots] | None:
    kind = instruction[0]
    if kind == "at":
        return (at, slots) if instruction[1](text, at) else None
    if kind == "moved":
        return (at, slots) if slots[instruction[1]] != at else None
    if kind == "atomic":
        return _run(instruction[1], text, at, slots, charge)
    if kind == "again":
        start, end = slots[instruction[1]], slots[instruction[1] + 1]
        if end < 0 or not text.startswith(text[start:end], at):
            return None
        charge((end - start) // 64)
        return at + end - start, slots
    _, program, wanted, back = instruction
    ended = _run(program, text, at - back, slots, charge) if at >= back else None
    if (ended is not None) is not wanted:
        return None
    return at, slots if ended is None else ended[1]


def _character(kind: Any, given: Any, flags: int) -> Callable[[str], bool]:
    if kind is _c.ANY:
        return (lambda char: True) if flags & re.DOTALL else (lambda char: char not in "\n\r\u0085\u2028\u2029")
    if kind is _c.LITERAL:
        fits: Callable[[str], bool] = chr(given).__eq__
    elif kind is _c.NOT_LITERAL:
        fits = chr(given).__ne__
    else:
        fits = _in(given)
    if flags & re.IGNORECASE:
        if kind is _c.NOT_LITERAL:
            return lambda char: fits(char.lower()) and fits(char.upper())
        return lambda char: fits(char.lower()) or fits(char.upper())
    return fits


def _in(items: Any) -> Callable[[str], bool]:
    """A class in brackets."""
    negated = bool(items) and items[0][0] is _c.NEGATE
    singles: set[str] = set()
    ranges: list[tuple[int, int]] = []
    classes: list[Callable[[str], Any]] = []
    for kind, given in items[1:] if negated else items:
        if kind is _c.LITERAL:
            singles.add(chr(given))
        elif kind is _c.RANGE:
            ranges.append(given)
        else:
            classes.append(re.compile(_CATEGORIES[given], re.ASCII).match)

    def fits(char: str) -> bool:
        code = ord(char)
        inside = (
            char in singles
            or any(first <= code <= last for first, last in ranges)
            or any(member(char) for member in classes)
        )
        return inside is not negated

    return fits
