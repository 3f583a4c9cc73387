"""The port to API keys and usage plans: what APIs that ask for a key ask of whoever keeps them.

Owns: the shape of the question and of the answer. `app` binds it to the service of REST APIs.
"""

from enum import Enum
from typing import Protocol


class Denied(Enum):
    """Why a key doesn't let its bearer in (facts/apigateway.md §7)."""

    INVALID = "not a key that is enabled and in a plan with this stage"
    THROTTLED = "its plan's throttle"
    EXHAUSTED = "its plan's quota"


class ApiKeys(Protocol):
    def claim(self, api: tuple[str, str, str], stage: str, method: str, value: str) -> str | Denied:
        """The id of the key, and one request counted; `api`: (account, region, id); `method`: as plans throttle it."""
        ...
