"""Marker, MaxItems and IsTruncated (facts/iam.md §1)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from samovar.core.context import Params
from samovar.core.errors import AwsError

_T = TypeVar("_T")
_DEFAULT = 100


def page(
    found: Sequence[_T], params: Params, key: Callable[[_T], str], show: Callable[[_T], Any], member: str
) -> Params:
    """An answer with the records that the request wants to see now, in the order of their keys."""
    ordered = sorted(found, key=key)
    after = _read(params["Marker"]) if params.get("Marker") else None
    if after is not None:
        ordered = [each for each in ordered if key(each) > after]
    size = int(params.get("MaxItems") or _DEFAULT)
    shown = ordered[:size]
    answer: Params = {member: [show(each) for each in shown], "IsTruncated": len(ordered) > size}
    if answer["IsTruncated"]:
        answer["Marker"] = base64.urlsafe_b64encode(key(shown[-1]).encode()).decode()
    return answer


def _read(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker).decode()
    except (binascii.Error, ValueError):
        raise AwsError("ValidationError", "Invalid Marker.") from None


def name(holder: Any) -> str:
    found: str = holder.name
    return found
