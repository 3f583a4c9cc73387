"""Pages of a hundred. Pure."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from samovar.core.context import Params
from samovar.services.sns.errors import invalid

SIZE = 100

T = TypeVar("T")


def cut(found: Sequence[tuple[str, T]], params: Params) -> tuple[list[T], Params]:
    """The page that NextToken asks for, and the token for the next; `found` is sorted by its first members."""
    after = _read(params["NextToken"]) if params.get("NextToken") else ""
    rest = [each for each in found if each[0] > after]
    more = {"NextToken": base64.b64encode(rest[SIZE - 1][0].encode()).decode()} if len(rest) > SIZE else {}
    return [value for _, value in rest[:SIZE]], more


def _read(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("NextToken") from None
