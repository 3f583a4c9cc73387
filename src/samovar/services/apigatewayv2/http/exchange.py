"""One request to an HTTP API, on its way to its answer.

Owns: `Exchange`, what is known of it; the answers that AWS gives itself (facts/apigateway.md §0, §9); that there is one
answer, in time.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from samovar.net.message import Request, Response
from samovar.web.deadlines import Line
from samovar.web.event_v2 import Routed
from samovar.web.front import Visit


class Closing(Protocol):
    """What an answer passes on its way out: the stage."""

    def now(self) -> float:
        """By the monotonic clock."""
        ...

    def close(self, exchange: "Exchange", response: Response) -> Response: ...


class Exchange(msgspec.Struct, eq=False):
    """Made once per request, so it is on the hot path."""

    visit: Visit
    request: Request
    """As the target gets it: mappings change it."""
    routed: Routed
    closing: Closing
    region: str
    path: str
    """As sent, below the stage."""
    started: float
    """By the monotonic clock."""
    answered: bool = False
    line: Line | None = None
    """Where it waits for its target."""
    mapped: "Callable[[Exchange, Response], Response] | None" = None
    """What becomes of its target's answer."""
    work: asyncio.Task[None] | None = None
    """What runs for it; it ends with it."""
    ended: float = 0.0
    status: int = 0
    unmapped: int = 0
    """What the target answered, where a mapping could change it."""
    length: int = 0
    """Bytes of the answer's body."""
    error: str = ""
    """The words of an answer that the API gives itself."""
    authorizer_error: str = ""
    authorizer_status: int = 0
    integration_started: float = 0.0
    integration_status: int = 0
    integration_error: str = ""
    integration_request_id: str = ""
    """Of the invocation."""

    @property
    def latency(self) -> str:
        """Milliseconds from the request to its answer, as text."""
        return str(round((self.ended - self.started) * 1000))

    @property
    def integration_latency(self) -> str:
        """Of these, what the target took; empty where it wasn't asked."""
        return str(round((self.ended - self.integration_started) * 1000)) if self.integration_started else ""

    def answer(self, response: Response) -> None:
        """Give the one answer; whatever comes after it is ignored."""
        if self.answered:
            return
        self.answered = True
        if self.mapped is not None and not self.error:
            self.unmapped = response.status
            response = self.mapped(self, response)
        self.status = response.status
        self.length = len(response.body) if isinstance(response.body, bytes) else 0
        if self.line is not None:
            self.line.end(self)
        self.visit.reply(self.closing.close(self, response))

    def refuse(self, status: int, *, why: str = "", headers: "list[tuple[str, str]] | None" = None) -> None:
        """With AWS's own words; `why` is for the log."""
        self.error = MESSAGES[status]
        self.integration_error = self.integration_error or why
        refused = refusal(status)
        self.answer(Response(status, [*refused.headers, *(headers or ())], refused.body))

    def begin_integration(self, line: Line) -> None:
        self.integration_started = self.closing.now()
        self.line = line
        line.begin(self)

    def expire(self) -> None:
        """The target hasn't answered in time."""
        self.refuse(503, why="Endpoint request timed out")
        if self.work is not None:
            self.work.cancel()


def refusal(status: int) -> Response:
    """An answer that the API gives itself."""
    body = msgspec.json.encode({"message": MESSAGES[status]})
    return Response(status, [("Content-Type", "application/json")], body)


MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    414: "URI Too Long",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
