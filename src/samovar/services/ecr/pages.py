"""Pages of a listing. Pure."""

from collections.abc import Sequence
from typing import Final, TypeVar

from samovar.core.context import Params
from samovar.services.ecr import errors
from samovar.services.ecr.records import next_token, read_token

SIZE: Final = 100
T = TypeVar("T")


def after(params: Params) -> str:
    """The key that the page before ended with."""
    if not params.get("nextToken"):
        return ""
    found = read_token(params["nextToken"], 1)
    if found is None:
        raise errors.invalid("nextToken", "Invalid token")
    return found[0]


def cut(found: Sequence[tuple[str, T]], params: Params, size: int = SIZE) -> tuple[list[T], Params]:
    """The page that nextToken asks for, and the token for the next; `found` is sorted by its first members."""
    last = after(params)
    size = params.get("maxResults") or size
    rest = [each for each in found if each[0] > last]
    more = {"nextToken": next_token(rest[size - 1][0])} if len(rest) > size else {}
    return [value for _, value in rest[:size]], more
