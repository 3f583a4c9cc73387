"""Paging: MaxResults and NextToken in, NextToken out. A token holds the key of the last item shown."""

import base64
import binascii
from collections.abc import Iterable
from typing import TypeVar

from samovar.core.context import Params
from samovar.core.errors import AwsError

_MOST = 50
T = TypeVar("T")


def cut(found: Iterable[tuple[str, T]], params: Params) -> tuple[list[T], Params]:
    """The page of all items, which are sorted by their keys; and NextToken where more follow."""
    after = _read(params["NextToken"]) if params.get("NextToken") else None
    rest = [(key, item) for key, item in found if after is None or key > after]
    page = rest[: max(1, min(params.get("MaxResults") or _MOST, _MOST))]
    more = {"NextToken": base64.b64encode(page[-1][0].encode()).decode()} if len(page) < len(rest) else {}
    return [item for _, item in page], more


def _read(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise AwsError("InvalidNextTokenException", "The next token supplied was invalid") from None
