"""Paging as Lambda does it: Marker and MaxItems in, NextMarker out (facts/lambda-api.md §1).

Rule: a marker holds the key of the last item shown, so that a list goes on where it stopped whatever comes or goes
meanwhile.
"""

import base64
import binascii
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from samovar.core.context import Params
from samovar.services.lambda_.names import invalid

PAGE_LIMIT = 50
"""Whatever MaxItems asks for."""

T = TypeVar("T")


def cut(found: Iterable[tuple[str, T]], params: Params, limit: int = PAGE_LIMIT) -> tuple[list[T], Params]:
    """The page that `params` ask for of all items, sorted by their keys; and NextMarker where more follow.

    Takes no more of `found` than it needs; a long list begins at `start(params)`.
    """
    after = _marker(params)
    rest = (each for each in found if after is None or each[0] > after)
    size = min(params.get("MaxItems") or limit, limit)
    page = list(islice(rest, size))
    more = page and next(rest, None) is not None
    marker = {"NextMarker": base64.urlsafe_b64encode(page[-1][0].encode()).decode()} if more else {}
    return [item for _, item in page], marker


def start(params: Params) -> str:
    """The key that the page begins at, or behind; empty for the first page."""
    return _marker(params) or ""


def _marker(params: Params) -> str | None:
    return _read(params["Marker"]) if params.get("Marker") else None


def _read(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("The marker provided is not valid.") from None
