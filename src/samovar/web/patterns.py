"""Regular expressions of an API's owner, put to what functions and strangers send: Java's, matched as a whole.

Rule: a pattern and a text that would take for ever don't match.
"""

from samovar.web import regex
from samovar.wire.javaregex import JavaRegex

_STEPS = 200_000


class Pattern:
    def __init__(self, text: str) -> None:
        """One that can't be read never matches."""
        try:
            self._pattern: regex.Pattern | None = regex.Pattern(JavaRegex().compile(text))
        except regex.RegexError:
            self._pattern = None

    def matches(self, text: str) -> bool:
        left = _STEPS

        def charge(steps: int) -> None:
            nonlocal left
            left -= steps
            if left < 0:
                raise regex.RegexError("too much")

        try:
            return self._pattern is not None and self._pattern.matches(text, charge)
        except regex.RegexError:
            return False
