"""Hints for people beside answers that AWS keeps short on purpose: `{"message":"Forbidden"}`, and why it is that.

Owns: the header. Rule: a hint says no more than whoever asks knows or can try out, since anybody may ask.
"""

HEADER = "x-samovar-hint"
_LONGEST = 300


def hint(text: str) -> tuple[str, str]:
    """The header. What of the text HTTP can't carry is replaced; parts of requests may stand in it."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in text)
    return HEADER, plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."
