"""Pages of a list: `limit` (25 when it isn't said, 500 at most) and `position`, which says after what the next begins.

Rule: a page goes on after the last item of the one before, also when items have come or gone meanwhile.
"""

import base64
import binascii
from collections.abc import Iterable

from samovar.core.context import Params
from samovar.services.apigateway.state import Shape, bad

_DEFAULT, _MOST = 25, 500


def cut(items: Iterable[Shape], params: Params, by: str = "id") -> Params:
    """The page that a request asks for, in the order of the member `by`."""
    limit = params.get("limit")
    limit = _DEFAULT if limit is None else min(limit, _MOST)
    if limit < 1:
        raise bad(f"Invalid limit parameter value specified: {limit}")
    after = _after(params.get("position"))
    left = sorted((item for item in items if item[by] > after), key=lambda item: str(item[by]))
    page: Params = {"items": left[:limit]}
    if len(left) > limit:
        page["position"] = base64.urlsafe_b64encode(left[limit - 1][by].encode()).decode()
    return page


def _after(position: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(position or "").decode()
    except (binascii.Error, ValueError):
        raise bad("Invalid position parameter") from None
