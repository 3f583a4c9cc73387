"""What a client sends back to read on: opaque to it, checked here.

Owns: the text of every `nextToken`. Rule: a token that isn't ours, or is another stream's, is refused in AWS's words.
"""

import base64
import binascii
import re
from typing import TypeVar

import msgspec

from samovar.core.expressions import expression
from samovar.services.logs.journal import Position, digits
from samovar.services.logs.state import invalid

T = TypeVar("T")
_EVENTS = expression(r"([fb])/3(\d{15})(\d{20})(\d{20})", re.ASCII)


def after_key(key: object) -> str:
    """A token for a list: everything beyond `key`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode()


def read_key(token: str | None, type: type[T]) -> T | None:
    if token is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=type)
    except (binascii.Error, ValueError):
        raise _bad_token() from None


class EventsToken(msgspec.Struct, frozen=True):
    """A place between two events and the direction to read in, of one stream or group (`f/` or `b/` and 56 digits)."""

    forward: bool
    position: Position
    owner: int
    """Id of the stream or group."""

    def __str__(self) -> str:
        return f"{'f' if self.forward else 'b'}/{digits(self.position)}{self.owner:020d}"


def read_events_token(text: str | None, owner: int) -> EventsToken | None:
    if text is None:
        return None
    found = _EVENTS.fullmatch(text)
    if found is None or int(found[4]) != owner or int(found[3]) >= 2**63:
        raise _bad_token()
    return EventsToken(found[1] == "f", Position(int(found[2]), int(found[3])), owner)


def _bad_token() -> Exception:
    return invalid("The specified nextToken is invalid.")
