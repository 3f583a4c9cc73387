"""The Runtime API, as a process in an environment sees it: HTTP at 127.0.0.1:9001 of its own network.

Owns: paths, headers, bodies and refusals of facts/lambda-runtime.md §1, and the parked `next`. Refuses: states, which
are the environment's; it is told what was said, and a call that its state
doesn't allow is answered 403.
Rule: one of these per occupant; what reaches it comes from that occupant's box and no other.
"""

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from typing import Protocol

import msgspec

from samovar.core import ids
from samovar.core.expressions import expression
from samovar.engine.model import Invocation
from samovar.engine.report import RESPONSE_LIMIT, failure
from samovar.engine.streaming import Hold
from samovar.net.message import Reply, Request, Response, Streamed

BASE = "/2018-06-01/runtime"
_INVOCATION = expression(rf"{BASE}/invocation/([^/]+)/(response|error)")
_INVOCATION_ID = "lambda-runtime-invocation-id"
_MODE = "lambda-runtime-function-response-mode"
_ERROR_TYPE = "lambda-runtime-function-error-type"
_ERROR_BODY = "lambda-runtime-function-error-body"
_TRUNCATED = "The response ended before it was complete"
_MOST_BYTES = RESPONSE_LIMIT + (1 << 20)


class Told(Protocol):
    """The environment, as the API speaks to it. False: its state doesn't allow that."""

    @property
    def runtime_stage(self) -> str:
        """Where it is, in the words of AWS's emulator: `Started`, `Ready`, `Running`, ..."""
        ...

    def runtime_next(self) -> bool: ...
    def runtime_response(self, request_id: str, payload: bytes) -> bool: ...
    def runtime_streams(self, request_id: str, content_type: str, hold: Hold) -> bool: ...
    def runtime_data(self, request_id: str, chunk: bytes) -> bool: ...
    def runtime_too_large(self, request_id: str) -> bool: ...
    def runtime_error(self, request_id: str, payload: bytes, named: str = "") -> bool: ...
    def runtime_init_error(self, payload: bytes, named: str = "") -> bool: ...
    @property
    def restores(self) -> bool: ...
    def runtime_tries(self) -> bool: ...
    def runtime_goes_on(self) -> bool: ...
    def runtime_restore_error(self, payload: bytes, named: str) -> bool: ...


class RuntimeApi:
    """Speaks HTTP with one occupant's runtime."""

    def __init__(self, environment: Told) -> None:
        self._environment = environment
        self._parked: Reply | None = None
        self._next_request: Request | None = None
        """The newest `next`, parked or answered."""
        self._request_id = self._invocation_id = ""

    @property
    def waiting(self) -> bool:
        """Whether a `next` is parked."""
        return self._parked is not None

    @property
    def unread(self) -> bool:
        """Whether whoever was given the event has gone, and had certainly not read it to its end."""
        request = self._next_request
        return request is not None and request.client is not None and request.client.unread

    def handle(self, request: Request, reply: Reply) -> None:
        path = request.path
        if path == f"{BASE}/invocation/next":
            self._next(request, reply)
        elif path == f"{BASE}/init/error":
            named = request.headers.get(_ERROR_TYPE, "")
            reply(self._accepted(self._environment.runtime_init_error(request.body, named), "InitError"))
        elif path in (f"{BASE}/restore/next", f"{BASE}/restore/error"):
            self._restore(path, request, reply)
        elif match := _INVOCATION.fullmatch(path):
            mode = request.headers.get(_MODE)
            if mode is not None and match[2] == "response":
                self._stream(match[1], mode, request, reply)
                return
            reply(self._end(match[1], match[2], request))
        else:
            reply(_error(404, "InvalidRequest", f"There is no {path} in the Runtime API"))

    def deliver(self, invocation: Invocation, trace_id: str, deadline_ms: int) -> None:
        """Answer the parked `next`."""
        reply, self._parked = self._parked, None
        self._request_id, self._invocation_id = invocation.request_id, ids.uuid4()
        headers = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_arn),
            ("Lambda-Runtime-Trace-Id", trace_id),
            ("Lambda-Runtime-Invocation-Id", self._invocation_id),
        ]
        if invocation.client_context:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        if invocation.cognito_identity:
            headers.append(("Lambda-Runtime-Cognito-Identity", invocation.cognito_identity))
        if reply is not None:
            reply(Response(200, headers, invocation.payload))

    def _next(self, request: Request, reply: Reply) -> None:
        if request.method != "GET":
            reply(_error(405, "InvalidRequest", "GET is the method of next"))
            return
        # A connection that was lost while it waited leaves its `next` behind: the newest one counts.
        again, self._parked, self._next_request = self._parked is not None, reply, request
        if not again and not self._environment.runtime_next():
            self._parked = None
            reply(self._refused("Ready"))

    def _restore(self, path: str, request: Request, reply: Reply) -> None:
        """Only with SnapStart. What speaks HTTP isn't forked: it goes on at once as if it had been restored. Where a
        version is published it isn't answered: to have come so far is all that was wanted."""
        environment = self._environment
        if not environment.restores:
            reply(_error(404, "InvalidRequest", "This function has no SnapStart"))
        elif path.endswith("/error"):
            named = request.headers.get(_ERROR_TYPE, "")
            reply(self._accepted(environment.runtime_restore_error(request.body, named), "RestoreError"))
        elif environment.runtime_tries():
            return
        else:
            reply(Response(200) if environment.runtime_goes_on() else self._refused("RestoreReady"))

    def _end(self, request_id: str, how: str, request: Request) -> Response:
        if request.method != "POST":
            return _error(405, "InvalidRequest", "POST is the method of response and error")
        if (wrong := self._not_this(request_id, request)) is not None:
            return wrong
        if request.incoming is not None or len(request.body) > RESPONSE_LIMIT:
            self._environment.runtime_too_large(request_id)
            text = f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            return _error(413, "RequestEntityTooLarge", text)
        if how == "error":
            named = request.headers.get(_ERROR_TYPE, "")
            ended = self._environment.runtime_error(request_id, request.body, named)
            return self._accepted(ended, "InvocationErrorResponse")
        return self._accepted(self._environment.runtime_response(request_id, request.body), "InvocationResponse")

    def _not_this(self, request_id: str, request: Request) -> Response | None:
        """A runtime may say, too, which attempt it answers."""
        if request_id != self._request_id:
            return _error(400, "InvalidRequestID", "Invalid request ID")
        if request.headers.get(_INVOCATION_ID, self._invocation_id) != self._invocation_id:
            return _error(400, "InvalidInvocationId", "Invalid invocation ID")
        return None

    def _stream(self, request_id: str, mode: str, request: Request, reply: Reply) -> None:
        """A response in pieces; it is answered when its last one is there."""
        environment = self._environment
        if mode != "streaming":
            message = f"Invalid function response mode: {mode}"
            environment.runtime_error(request_id, failure(request_id, "Runtime.InvalidResponseModeHeader", message))
            reply(_error(400, "InvalidFunctionResponseMode", message))
            return
        if (wrong := self._not_this(request_id, request)) is not None:
            reply(wrong)
            return
        incoming = request.incoming
        hold = _holds_nothing if incoming is None else incoming.pause
        content_type = request.headers.get("content-type", "application/octet-stream")
        if not environment.runtime_streams(request_id, content_type, hold):
            reply(self._refused("InvocationResponse"))
            return
        if incoming is None:
            reply(self._accepted(environment.runtime_response(request_id, request.body), "InvocationResponse"))
            return
        incoming.take(partial(environment.runtime_data, request_id), partial(self._streamed, request_id, reply))

    def _streamed(self, request_id: str, reply: Reply, trailers: Mapping[str, str] | None) -> None:
        """The response has come to its end, with an error in its trailers if it failed; None: it broke off."""
        environment = self._environment
        if trailers is None:
            environment.runtime_error(request_id, failure(request_id, "Runtime.TruncatedResponse", _TRUNCATED))
            reply(_error(400, "TruncatedHTTPRequest", _TRUNCATED))
        elif _ERROR_TYPE in trailers:
            ended = environment.runtime_error(request_id, _told(trailers), trailers[_ERROR_TYPE])
            reply(self._accepted(ended, "InvocationErrorResponse"))
        else:
            reply(self._accepted(environment.runtime_response(request_id, b""), "InvocationResponse"))

    def _accepted(self, allowed: bool, wanted: str) -> Response:
        if not allowed:
            return self._refused(wanted)
        return Response(202, [("Content-Type", "application/json")], b'{"status":"OK"}\n')

    def _refused(self, wanted: str) -> Response:
        now = self._environment.runtime_stage
        text = f"State transition from {now} to {wanted} failed for runtime. Error: State transition is not allowed"
        return _error(403, "InvalidStateTransition", text)


def admit(method: str, path: str, headers: Mapping[str, str]) -> int | Streamed:
    """The largest body: somewhat more than an answer may have, so that one too large is told as AWS tells it. Of a much
    larger one nothing is kept."""
    if path.endswith("/response") and _MODE in headers:
        return Streamed(_MOST_BYTES)
    if int(headers.get("content-length", 0)) > _MOST_BYTES and _INVOCATION.fullmatch(path):
        return Streamed(_MOST_BYTES)
    return _MOST_BYTES


class _Problem(msgspec.Struct):
    errorMessage: str
    errorType: str


def _error(status: int, error_type: str, message: str) -> Response:
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode(_Problem(message, error_type)))


def _told(trailers: Mapping[str, str]) -> bytes:
    """The error report of a response that failed after it had begun: base64 in a trailer."""
    try:
        return base64.b64decode(trailers.get(_ERROR_BODY, ""), validate=True) or _bare(trailers)
    except (binascii.Error, ValueError):
        return _bare(trailers)


def _bare(trailers: Mapping[str, str]) -> bytes:
    return msgspec.json.encode(_Problem("", trailers[_ERROR_TYPE]))


def _holds_nothing(held: bool) -> None:
    """The body is here already."""
