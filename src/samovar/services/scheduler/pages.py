"""Paging as Scheduler does it: MaxResults and NextToken in, NextToken out. Pure.

Rule: a token holds the key of the last item shown, so that a list goes on where it stopped whatever comes or goes.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import TypeVar

from samovar.core.context import Params
from samovar.services.scheduler.state import invalid

LIMIT = 100
T = TypeVar("T")


def cut(found: Iterable[tuple[str, T]], params: Params) -> tuple[list[T], Params]:
    """The page that `params` ask for, of what is sorted by its key; NextToken where more follow."""
    try:
        after = base64.urlsafe_b64decode(params.get("NextToken", "")).decode()
    except (binascii.Error, ValueError):
        raise invalid("Invalid NextToken.") from None
    rest = [each for each in found if each[0] > after]
    limit = params.get("MaxResults", LIMIT)
    page = rest[:limit]
    more = {"NextToken": base64.urlsafe_b64encode(page[-1][0].encode()).decode()} if len(rest) > limit else {}
    return [item for _, item in page], more
