"""The answer of InvokeWithResponseStream: the events of one invocation, as they come (facts/lambda-api.md §11).

Owns: when the answer begins, and its events. It begins with the function's first byte; a function that doesn't stream
has its whole result in one PayloadChunk. Whatever happens after that is told by the last event, InvokeComplete.
"""

import base64
from collections.abc import AsyncIterator

import msgspec

from samovar.core.context import Params, Reply
from samovar.core.errors import AwsError
from samovar.engine.model import Outcome, Result, Version
from samovar.engine.streaming import Chunks, Pace


class StreamedResponse:
    """An async iterator of events; `chunks` is the engine's sink, `done` takes the Result."""

    def __init__(self, version: Version, reply: Reply, pace: Pace | None) -> None:
        self.chunks = Chunks(self._begin, pace)
        self._version = version
        self._reply = reply
        self._begun = False
        self._complete: dict[str, str] | None = None

    def done(self, result: Result) -> None:
        failed = result.outcome is Outcome.FUNCTION_ERROR
        refused = refusal(result)
        if refused is not None and not self._begun:
            self._reply(refused)
            self.chunks.close()
            return
        self._complete = {}
        if failed:
            self._complete["ErrorCode"] = result.error_type or "Function.Unknown"
            self._complete["ErrorDetails"] = result.payload.decode(errors="replace")
        if result.log_tail:
            self._complete["LogResult"] = log_result(result)
        if not self._begun:
            self._begin("")
            if not failed:
                self.chunks.write(result.payload)
        self.chunks.end()

    def _begin(self, content_type: str) -> None:
        self._begun = True
        self._reply({"StatusCode": 200, "ExecutedVersion": self._version.version, "EventStream": self})

    def __aiter__(self) -> AsyncIterator[Params]:
        return self

    async def __anext__(self) -> Params:
        try:
            return {"PayloadChunk": {"Payload": await anext(self.chunks)}}
        except StopAsyncIteration:
            complete, self._complete = self._complete, None
            if complete is None:
                raise
            return {"InvokeComplete": complete}

    def close(self) -> None:
        """Nobody reads on."""
        self.chunks.close()


def refusal(result: Result) -> AwsError | None:
    """The exception that the invoker gets instead of a result, if so."""
    if not result.refused:
        return None
    return AwsError(result.refused, msgspec.json.decode(result.payload)["errorMessage"])


def log_result(result: Result) -> str:
    return base64.b64encode(result.log_tail).decode()
