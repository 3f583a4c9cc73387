"""Paging as API Gateway v2 does it: `MaxResults` and `NextToken`, both text (facts/apigateway.md §1).

Rule: a token holds the key of the last item shown, so that a list goes on where it stopped whatever comes or goes.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import TypeVar

from samovar.core.context import Params
from samovar.services.apigatewayv2.errors import bad_request

T = TypeVar("T")

LIMIT = 100
_MOST = 500


def cut(found: Iterable[tuple[str, T]], params: Params) -> tuple[list[T], Params]:
    """The page that `params` ask for, of what is sorted by its key; NextToken where more follow."""
    try:
        limit = int(params.get("MaxResults") or LIMIT)
        after = base64.b64decode(params.get("NextToken", ""), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_request("Invalid value for MaxResults or NextToken") from None
    if not 1 <= limit <= _MOST:
        raise bad_request(f"MaxResults must be between 1 and {_MOST}")
    rest = [each for each in found if each[0] > after]
    page = rest[:limit]
    more = {"NextToken": base64.urlsafe_b64encode(page[-1][0].encode()).decode()} if len(rest) > limit else {}
    return [item for _, item in page], more
