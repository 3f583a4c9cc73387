"""Header fields that somebody else has written: whether HTTP has a form for them (RFC 9110 §5). Pure.

Rule: one that it has no form for would break the answer, or the request, apart.
"""

from collections.abc import Sequence

from samovar.core.expressions import expression

_NAME = expression(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = expression(r"[\t\x20-\x7e\x80-\xff]*")

SERVERS_OWN = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})
"""Headers that frame an answer: the server writes them, whatever a function returns."""


def sendable(name: str, value: str) -> bool:
    return _NAME.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


def all_sendable(lines: Sequence[tuple[str, str]]) -> bool:
    """The same of many, with one look at all of them."""
    if not lines:
        return True
    names, values = zip(*lines, strict=True)
    return all(names) and bool(_NAME.fullmatch("".join(names)) and _VALUE.fullmatch("".join(values)))
