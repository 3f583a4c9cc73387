"""Pages of what is described: `PageSize` and `Marker`. Pure."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar

from samovar.core.context import Params
from samovar.services.elbv2.errors import invalid

MOST = 400

T = TypeVar("T")


def cut(found: Iterable[T], key: Callable[[T], str], params: Params) -> tuple[list[T], Params]:
    """The page that is asked for, in the order of `key`, and the marker of the next."""
    after = _read(params["Marker"]) if params.get("Marker") else ""
    size = params.get("PageSize") or MOST
    rest = sorted((each for each in found if key(each) > after), key=key)
    more = {"NextMarker": base64.b64encode(key(rest[size - 1]).encode()).decode()} if len(rest) > size else {}
    return rest[:size], more


def _read(marker: str) -> str:
    try:
        return base64.b64decode(marker, validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("The marker is not valid") from None
