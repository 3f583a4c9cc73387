"""The time of a request in the form of web servers' logs, as events and access logs say it.

Rule: written anew once a second, not once a request.
"""

import time


def clf_time(now: float) -> str:
    """`09/Apr/2015:12:34:56 +0000`."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now))


class Stamp:
    """Remembers the last second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second, self._text = second, clf_time(now)
        return self._text
