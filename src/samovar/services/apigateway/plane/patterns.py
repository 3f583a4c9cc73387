"""Regular expressions of an API's owner, put to what strangers send: Java's, matched as a whole."""

from samovar.wire.javaregex import JavaRegex

_LONGEST = 10_000
"""Characters of a text that is matched at all."""


class Pattern:
    def __init__(self, text: str) -> None:
        self._matches = JavaRegex().matcher(text)

    def matches(self, text: str) -> bool:
        return len(text) <= _LONGEST and self._matches(text)
