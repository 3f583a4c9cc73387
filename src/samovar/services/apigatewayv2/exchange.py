"""One request to an HTTP API, on its way to its answer.

Owns: `Exchange`, what is known of it; and the answers that AWS gives itself (facts/apigateway.md §0, §9).
"""

import re
from typing import Any

import msgspec

from samovar.core import ids
from samovar.net.message import Response
from samovar.web.event_v2 import Routed
from samovar.web.front import Visit

_TRACE = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(?:;(?:Parent=[0-9a-f]{16}|Sampled=[01?]))*")


class Exchange:
    """Made once per request, slotted: it is on the hot path."""

    __slots__ = ("answered", "authorizer", "routed", "visit")

    def __init__(self, visit: Visit, routed: Routed) -> None:
        self.visit = visit
        self.routed = routed
        self.authorizer: dict[str, Any] | None = None
        self.answered = False

    def answer(self, response: Response) -> None:
        """Give the one answer."""
        if self.answered:
            return
        self.answered = True
        headers = [*response.headers, ("apigw-requestid", self.routed.request_id)]
        self.visit.reply(Response(response.status, headers, response.body))

    def refuse(self, status: int) -> None:
        """With AWS's own words for it."""
        self.answer(refusal(status))


def refusal(status: int) -> Response:
    body = msgspec.json.encode({"message": _MESSAGES[status]})
    return Response(status, [("Content-Type", "application/json")], body)


_MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def trace_of(given: str, now: float) -> str:
    """The trace that a request is part of: its own, or a new one."""
    return given if given and _TRACE.fullmatch(given) else f"Root=1-{int(now):08x}-{ids.hex_id(24)}"
