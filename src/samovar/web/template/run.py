"""One rendering: its variables, its output, and what it may still do.

Owns: `Run`. Rules: everything that a template can make happen is paid for out of one account of steps, so that a
rendering ends within a bounded time whatever its template and its input are; no clock is asked, so the same rendering
ends the same way everywhere.
"""

from typing import Any

from samovar.web.regex import Pattern, RegexError
from samovar.web.template.errors import RenderError
from samovar.web.template.values import MAX_TEXT, Value
from samovar.wire.javaregex import JavaRegex

MAX_STEPS = 200_000
"""About a quarter of a second in which the server does nothing else; a template of 20 lines takes some 100."""
MAX_DEPTH = 20
"""Of macros that call each other, Velocity's own limit, and of `#evaluate` and `#define`."""
_MAX_PATTERN = 2000
_KEPT = 64


class Patterns:
    """A template's regular expressions, compiled once; only so many are kept."""

    def __init__(self) -> None:
        self._java = JavaRegex()
        self._kept: dict[str, Pattern] = {}

    def get(self, pattern: str) -> Pattern:
        known = self._kept.get(pattern)
        if known is None:
            if len(pattern) > _MAX_PATTERN:
                raise RegexError("A regular expression of too many characters")
            known = Pattern(self._java.compile(pattern))
            if len(self._kept) < _KEPT:
                self._kept[pattern] = known
        return known


class Run:
    __slots__ = ("_patterns", "_size", "_steps", "changed", "depth", "out", "variables")

    def __init__(self, variables: dict[str, Value], patterns: Patterns) -> None:
        self.variables = variables
        self.out: list[str] = []
        self.changed = False
        """Whether a list or a map was changed: a document may contain itself from then on."""
        self.depth = 0
        self._steps = MAX_STEPS
        self._size = 0
        self._patterns = patterns

    def charge(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise RenderError("The template does too much")

    def emit(self, text: str) -> None:
        self._size += len(text)
        if self._size > MAX_TEXT:
            raise RenderError("The template writes too much")
        self.out.append(text)

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RenderError("Macros call each other too deeply")

    def leave(self) -> None:
        self.depth -= 1

    def capture(self, block: Any) -> str:
        """What a block writes, as a string."""
        out, self.out = self.out, []
        size = self._size
        try:
            block(self)
            return "".join(self.out)
        finally:
            self.out = out
            self._size = size

    def pattern(self, pattern: str) -> Pattern:
        self.charge(1 + len(pattern) // 8)
        return self._patterns.get(pattern)
