"""The answer of a URL with `InvokeMode=RESPONSE_STREAM`, sent as the function makes it (facts/lambda-runtime.md §3.1).

Owns: when the answer begins, and what its head is. A function may begin its stream with a prelude, which is the head:
JSON and 8 NUL bytes. One that doesn't stream answers with its result as it is; nothing in it is taken for a head.
"""

from samovar.engine import streaming
from samovar.engine.model import Outcome, Result
from samovar.engine.streaming import Chunks, Hold, Pace
from samovar.net.message import Reply, Request, Response
from samovar.services.lambda_ import url_answer
from samovar.services.lambda_.urls import Cors

HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
NULS = bytes(8)
PRELUDE_LIMIT = 1024 * 1024
"""Bytes: a head may be no larger in either direction (facts/lambda-limits.md §1)."""


class StreamedPage:
    """The engine's sink; `done` takes the Result."""

    def __init__(self, request: Request, cors: Cors | None, request_id: str, reply: Reply, pace: Pace | None) -> None:
        self._chunks = Chunks(lambda content_type: None, pace)
        self._request = request
        self._cors = cors
        self._request_id = request_id
        self._reply = reply
        self._prelude: bytearray | None = None
        """What came of it, until it is whole."""
        self._answered = False

    # --- the engine's side

    def begin(self, content_type: str, hold: Hold) -> None:
        self._chunks.begin(content_type, hold)
        if content_type == HTTP_INTEGRATION:
            self._prelude = bytearray()
        else:
            self._answer(200, url_answer.sendable([("Content-Type", content_type)]))

    def write(self, chunk: bytes) -> None:
        if self._prelude is None:
            self._chunks.write(chunk)
            return
        searched = max(0, len(self._prelude) - len(NULS))
        self._prelude += chunk
        end = self._prelude.find(NULS, searched)
        if end >= 0:
            self._head(bytes(self._prelude[:end]), bytes(self._prelude[end + len(NULS) :]))
        elif len(self._prelude) > PRELUDE_LIMIT:
            self._refuse()

    def done(self, result: Result) -> None:
        if self._answered:
            self._chunks.end(streaming.broken(result))
        elif result.outcome is Outcome.OK and self._prelude is None:
            self._answer(200, [("Content-Type", "application/json")])
            self._chunks.write(result.payload)
            self._chunks.end()
        else:
            self._refuse()

    # --- the answer

    def _head(self, prelude: bytes, rest: bytes) -> None:
        self._prelude = None
        try:
            status, headers = url_answer.head(prelude)
        except url_answer.Unusable:
            self._refuse()
            return
        self._answer(status, headers)
        self._chunks.write(rest)

    def _answer(self, status: int, headers: url_answer.Headers) -> None:
        self._answered = True
        configured = url_answer.configured(headers, self._cors, self._request)
        self._reply(Response(status, [("x-amzn-RequestId", self._request_id), *configured], self._chunks))

    def _refuse(self) -> None:
        self._answered = True
        self._prelude = None
        self._chunks.close()
        self._reply(url_answer.unusable(self._cors, self._request, self._request_id))
