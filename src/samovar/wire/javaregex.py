"""Patterns of the models are Java regular expressions: what Python calls them.

Owns: `JavaRegex`, which keeps the Unicode categories that a `\\p{..}` needs. Rules: whole-string match, ASCII classes
(as Java's default); a pattern that can't be said in Python gives None, and the constraint is then left to the service.
"""

import re
import sys
import unicodedata
from collections.abc import Callable
from itertools import groupby

from samovar.core.expressions import expression

Ranges = list[tuple[int, int]]

_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": "!-/:-@\\[-`{-~",
    "Graph": "!-~",
    "Print": r"\x20-~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r"\s",
}
_NAMED_GROUP = expression(r"\(\?<\w")
_HYPHEN_ITSELF = expression(r"-(-|\\[wWdDsSpP])")
_ASTRAL_PAIR = r"\uD800\uDC00-\uDBFF\uDFFF"
"""UTF-16's way to say "everything above the first plane", in many models."""
_ESCAPE = expression(r"\\([pP])(\{\w+\}|[A-Z])|\\(x\{)|\\(.)", re.DOTALL)


class JavaRegex:
    """Compiles patterns; one instance is shared by all models, since the categories take some 20 ms to gather."""

    def __init__(self) -> None:
        self._categories: dict[str, Ranges] = {}

    def matcher(self, pattern: str) -> Callable[[str], bool]:
        """Whether a string matches, compiled at the first string: an operation has many patterns and a request few."""
        compiled: list[re.Pattern[str] | None] = []

        def matches(value: str) -> bool:
            if not compiled:
                compiled.append(self.compile(pattern))
            return compiled[0] is None or compiled[0].fullmatch(value) is not None

        return matches

    def compile(self, pattern: str) -> re.Pattern[str] | None:
        """The pattern in Python, None where it can't be said."""
        try:
            return re.compile(self._translate(pattern), re.ASCII)
        except (re.error, LookupError, OverflowError):
            return None

    def _translate(self, pattern: str) -> str:
        pattern = pattern.replace(_ASTRAL_PAIR, r"\U00010000-\U0010ffff").replace(r"\z", r"\Z")
        out: list[str] = []
        at = 0
        while at < len(pattern):
            escape = _ESCAPE.match(pattern, at)
            if escape:
                out.append(self._escape(escape, in_class=False))
                at = escape.end()
            elif pattern[at] == "[":
                text, at = self._class(pattern, at)
                out.append(text)
            elif _NAMED_GROUP.match(pattern, at):
                out.append("(?P<")
                at += 3
            else:
                out.append(pattern[at])
                at += 1
        return "".join(out)

    def _class(self, pattern: str, start: int) -> tuple[str, int]:
        """The character class that opens at `start`, in Python's words, and where it ends."""
        at = start + (2 if pattern[start + 1 : start + 2] == "^" else 1)
        out = [pattern[start:at]]
        first = at
        while pattern[at : at + 1] != "]" or at == first:
            char = pattern[at : at + 1]
            if char in ("", "[") or pattern.startswith("&&", at):
                raise LookupError("nested classes and intersections have no equal in Python")
            escape = _ESCAPE.match(pattern, at)
            if escape:
                out.append(self._escape(escape, in_class=True))
                at = escape.end()
                # Java reads the hyphen in `[\w- ]` as itself; Python calls it a bad range.
                if (escape[1] or escape[4] in "wWdDsS") and pattern[at : at + 1] == "-":
                    out.append(r"\-")
                    at += 1
                continue
            if char in "|~&" or (char == "-" and _HYPHEN_ITSELF.match(pattern, at)):
                char = "\\" + char  # Python warns about doubled ones, and about ranges that end in a class
            out.append(char)
            at += 1
        return "".join([*out, "]"]), at + 1

    def _escape(self, escape: re.Match[str], in_class: bool) -> str:
        which, name, hexadecimal, _ = escape.groups()
        if hexadecimal:
            raise LookupError(r"\x{..}")
        if which is None:
            return str(escape[0])
        name = name.strip("{}").removeprefix("Is")
        if name in _POSIX:
            inside = _POSIX[name]
            if which == "P" and in_class:
                raise LookupError(name)
        else:
            ranges = self._ranges({"Alphabetic": "L", "LD": "L", "Whitespace": "Z"}.get(name, name))
            inside = _spell(_complement(ranges) if which == "P" else ranges)
            which = "p"
        return inside if in_class else f"[{'^' if which == 'P' else ''}{inside}]"

    def _ranges(self, category: str) -> Ranges:
        if not self._categories:
            self._categories = _gather()
        found = self._categories.get(category)
        if found is None:
            raise LookupError(category)
        return found


def _gather() -> dict[str, Ranges]:
    """Code points of every general category (`Lu`) and of every group (`L`)."""
    categories: dict[str, Ranges] = {}
    # Planes 0 and 1 are read; above them stand ideographs (2, 3), variation selectors (14) and what isn't assigned.
    runs: list[tuple[int, int, str]] = []
    after = 0
    for category, run in groupby(map(unicodedata.category, map(chr, range(0x20000)))):
        first, after = after, after + sum(1 for _ in run)
        runs.append((first, after - 1, category))
    runs += [(0x20000, 0x3FFFF, "Lo"), (0x40000, 0xE00FF, "Cn")]
    runs += [(0xE0100, 0xE01EF, "Mn"), (0xE01F0, sys.maxunicode, "Cn")]
    for first, last, category in runs:
        for name in (category, category[0]):
            ranges = categories.setdefault(name, [])
            if ranges and ranges[-1][1] == first - 1:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
    return categories


def _complement(ranges: Ranges) -> Ranges:
    gaps: Ranges = []
    after = 0
    for first, last in ranges:
        if first > after:
            gaps.append((after, first - 1))
        after = last + 1
    if after <= sys.maxunicode:
        gaps.append((after, sys.maxunicode))
    return gaps


def _spell(ranges: Ranges) -> str:
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
