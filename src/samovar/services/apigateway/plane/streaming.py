"""Answers that leave while their integration still gives them (`responseTransferMode` STREAM; facts/apigateway.md §4).

Owns: where a function's stream ends to be the head of the answer; what of somebody else's server passes on as it comes.
Rules: the head is JSON and 8 NUL bytes, within the first 16 KB; a function that sends anything else is answered for
with 500. Between a function that writes and a client who reads, a bounded amount waits.
"""

from collections.abc import AsyncIterator, Callable

from samovar.engine.streaming import Chunks, Hold, Pace
from samovar.net.message import BrokenOff, Response
from samovar.services.apigateway.plane import headers
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.web import answer_v1
from samovar.web.calls import Body, UpstreamError
from samovar.web.functions import Ran
from samovar.web.hints import FAILED, MALFORMED, NOT_RUN

NULS = bytes(8)
_LONGEST_HEAD = 16 * 1024


class StreamedAnswer:
    """The sink of a function's response; `tell` hears once what the integration came to."""

    def __init__(self, exchange: Exchange, tell: Callable[[Response | Refusal], None], pace: Pace | None) -> None:
        self._exchange = exchange
        self._tell = tell
        self._chunks = Chunks(_untold, pace)
        self._head: bytearray | None = bytearray()
        """What came of it, until it is whole."""

    # --- the function's side

    def begin(self, content_type: str, hold: Hold) -> None:
        self._chunks.begin(content_type, hold)

    def write(self, chunk: bytes) -> None:
        if self._head is None:
            self._chunks.write(chunk)
            return
        searched = max(0, len(self._head) - len(NULS))
        self._head += chunk
        end = self._head.find(NULS, searched)
        if 0 <= end <= _LONGEST_HEAD:
            self._answer(bytes(self._head[:end]), bytes(self._head[end + len(NULS) :]))
        elif len(self._head) > _LONGEST_HEAD:
            self._refuse("The head isn't within the first 16 KB")

    def done(self, ran: Ran) -> None:
        """The function is at its end."""
        if self._head is None:
            self._chunks.end(ran.error)
        elif ran.refused:
            self._exchange.say(f"Execution failed due to configuration error: {ran.message}")
            self._tell(Refusal("API_CONFIGURATION_ERROR", hint=NOT_RUN))
        elif ran.error:
            self._exchange.say("Lambda execution failed with status 200 due to customer function error")
            self._tell(Refusal("INTEGRATION_FAILURE", status=502, hint=FAILED))
        else:
            self._refuse("The response has no head")

    # --- the answer

    def _answer(self, head: bytes, rest: bytes) -> None:
        try:
            status, lines = answer_v1.read_head(head)
        except answer_v1.Malformed as wrong:
            self._refuse(str(wrong))
            return
        self._head = None
        self._tell(Response(status, headers.from_function(lines), self._chunks))
        self._chunks.write(rest)

    def _refuse(self, why: str) -> None:
        self._head = None
        self._chunks.close()
        self._exchange.say(f"Execution failed due to configuration error: {why}")
        self._tell(Refusal("API_CONFIGURATION_ERROR", hint=MALFORMED))


class PassedOn:
    """The body of another server's answer on its way: what breaks it off cuts off the client, who must notice."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._body)
        except UpstreamError as error:
            raise BrokenOff(str(error)) from None

    def close(self) -> None:
        self._body.close()


def _untold(content_type: str) -> None:
    """The type that a function streams under is told by its head."""
