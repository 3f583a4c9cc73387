"""Paging as EventBridge does it: Limit and NextToken in, NextToken out. Pure.

Rule: a token holds the name of the last item shown, so that a list goes on where it stopped whatever comes or goes.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import TypeVar

from samovar.core.context import Params
from samovar.services.events.state import invalid

LIMIT = 100
T = TypeVar("T")


def cut(found: Iterable[tuple[str, T]], params: Params) -> tuple[list[T], Params]:
    """The page that `params` ask for, of what is sorted by name; NextToken where more follow."""
    after = _after(params)
    prefix = params.get("NamePrefix", "")
    rest = [each for each in found if each[0] > after and each[0].startswith(prefix)]
    limit = min(params.get("Limit", LIMIT), LIMIT)
    page = rest[:limit]
    more = {"NextToken": base64.urlsafe_b64encode(page[-1][0].encode()).decode()} if len(rest) > limit else {}
    return [item for _, item in page], more


def _after(params: Params) -> str:
    token = params.get("NextToken", "")
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError):
        raise invalid("Parameter NextToken is not valid.") from None
