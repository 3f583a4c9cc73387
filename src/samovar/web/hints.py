"""Hints for people beside answers that AWS keeps short on purpose: `{"message":"Forbidden"}`, and why it is that.

Owns: the header, and the words that several kinds of APIs need. Rule: anybody may ask, so a hint names nothing but what
the request itself has named.
"""

HEADER = "x-samovar-hint"
NOT_RUN = (
    "The function isn't there, or its policy doesn't let apigateway.amazonaws.com run it for this API: AddPermission "
    "for lambda:InvokeFunction."
)
BUSY = "The function has no concurrency left."
FAILED = "The function failed; its log says why."
MALFORMED = "What the function returned isn't an answer in the form of this API."
_LONGEST = 300


def hint(text: str) -> tuple[str, str]:
    """The header. What of the text HTTP can't carry is replaced; parts of requests may stand in it."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in text)
    return HEADER, plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."
