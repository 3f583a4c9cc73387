"""Paging as Lambda does it: Marker and MaxItems in, NextMarker out (facts/lambda-api.md §1).

Rule: a marker holds the key of the last item shown, so that a list goes on where it stopped whatever comes or goes
meanwhile.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import TypeVar

from samovar.core.context import Params
from samovar.services.lambda_.names import invalid

PAGE_LIMIT = 50
"""Whatever MaxItems asks for."""

T = TypeVar("T")


def cut(found: Iterable[tuple[str, T]], params: Params, limit: int = PAGE_LIMIT) -> tuple[list[T], Params]:
    """The page that `params` ask for of all items, sorted by their keys; and NextMarker where more follow."""
    after = _read(params["Marker"]) if params.get("Marker") else None
    rest = [(key, item) for key, item in found if after is None or key > after]
    page = rest[: min(params.get("MaxItems") or limit, limit)]
    more = {"NextMarker": base64.urlsafe_b64encode(page[-1][0].encode()).decode()} if len(page) < len(rest) else {}
    return [item for _, item in page], more


def _read(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("The marker provided is not valid.") from None
