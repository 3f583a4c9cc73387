"""The Runtime API, as a process in an environment sees it: HTTP at 127.0.0.1:9001 of its own network.

Owns: paths, headers, bodies and refusals of facts/lambda-runtime.md §1, and the parked `next`. Refuses: states, which
are the environment's; it is told what was said, and a call that its state
doesn't allow is answered 403.
Rule: one of these per occupant; what reaches it comes from that occupant's box and no other.
"""

import re
from typing import Protocol

import msgspec

from samovar.engine.model import Invocation
from samovar.engine.report import RESPONSE_LIMIT
from samovar.net.message import Reply, Request, Response

BASE = "/2018-06-01/runtime"
_INVOCATION = re.compile(rf"{BASE}/invocation/([^/]+)/(response|error)")
_MOST_BYTES = RESPONSE_LIMIT + (1 << 20)


class Told(Protocol):
    """The environment, as the API speaks to it. False: its state doesn't allow that."""

    def runtime_next(self) -> bool: ...
    def runtime_response(self, request_id: str, payload: bytes) -> bool: ...
    def runtime_too_large(self, request_id: str) -> bool: ...
    def runtime_error(self, request_id: str, payload: bytes) -> bool: ...
    def runtime_init_error(self, payload: bytes) -> bool: ...


class RuntimeApi:
    """Speaks HTTP with one occupant's runtime."""

    def __init__(self, environment: Told) -> None:
        self._environment = environment
        self._parked: Reply | None = None
        self._request_id = ""

    def handle(self, request: Request, reply: Reply) -> None:
        path, method = request.path, request.method
        if path == f"{BASE}/invocation/next":
            self._next(method, reply)
        elif path == f"{BASE}/init/error":
            reply(_accepted(self._environment.runtime_init_error(request.body), "InitError"))
        elif match := _INVOCATION.fullmatch(path):
            reply(self._end(match[1], match[2], request))
        else:
            reply(_error(404, "InvalidRequest", f"There is no {path} in the Runtime API"))

    def deliver(self, invocation: Invocation, trace_id: str, deadline_ms: int) -> None:
        """Answer the parked `next`."""
        reply, self._parked = self._parked, None
        self._request_id = invocation.request_id
        headers = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_arn),
            ("Lambda-Runtime-Trace-Id", trace_id),
        ]
        if invocation.client_context:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        if reply is not None:
            reply(Response(200, headers, invocation.payload))

    def _next(self, method: str, reply: Reply) -> None:
        if method != "GET":
            reply(_error(405, "InvalidRequest", "GET is the method of next"))
            return
        # A connection that was lost while it waited leaves its `next` behind: the newest one counts.
        again, self._parked = self._parked is not None, reply
        if not again and not self._environment.runtime_next():
            self._parked = None
            reply(_refused("RuntimeNext"))

    def _end(self, request_id: str, how: str, request: Request) -> Response:
        if request.method != "POST":
            return _error(405, "InvalidRequest", "POST is the method of response and error")
        if request_id != self._request_id:
            return _error(400, "InvalidRequestID", "Invalid request ID")
        if how == "error":
            return _accepted(self._environment.runtime_error(request_id, request.body), "InvocationError")
        if len(request.body) > RESPONSE_LIMIT:
            self._environment.runtime_too_large(request_id)
            text = f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            return _error(413, "RequestEntityTooLarge", text)
        return _accepted(self._environment.runtime_response(request_id, request.body), "InvocationResponse")


def admit(method: str, path: str, headers: object) -> int:
    """The largest body: somewhat more than an answer may have, so that one too large is told as AWS tells it."""
    return _MOST_BYTES


class _Problem(msgspec.Struct):
    errorMessage: str
    errorType: str


def _error(status: int, error_type: str, message: str) -> Response:
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode(_Problem(message, error_type)))


def _accepted(allowed: bool, wanted: str) -> Response:
    if not allowed:
        return _refused(wanted)
    return Response(202, [("Content-Type", "application/json")], b'{"status":"OK"}\n')


def _refused(wanted: str) -> Response:
    text = f"State transition to {wanted} failed for runtime. Error: State transition is not allowed"
    return _error(403, "InvalidStateTransition", text)
