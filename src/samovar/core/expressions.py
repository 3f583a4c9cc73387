"""Regular expressions that are compiled when they are first used.

To compile one takes a fifth of a millisecond, and a server's start would compile a hundred. Rule: modules that every
start imports make theirs so.
"""

import re
from typing import Any, AnyStr, cast


class _Uncompiled:
    def __init__(self, text: Any, flags: int) -> None:
        self._made_of = (text, flags)

    def __getattr__(self, name: str) -> object:
        """Of the compiled one, which keeps what it was asked for here: from then on it costs what it would there."""
        found = getattr(re.compile(*self._made_of), name)
        setattr(self, name, found)
        return found


def expression(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """For a name of a module. It has all that a pattern has, and isn't one for functions of `re`."""
    return cast("re.Pattern[AnyStr]", _Uncompiled(text, flags))
