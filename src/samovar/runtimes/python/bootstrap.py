"""The managed Python runtime as a program of its own: AWS's client loop over HTTP with the Runtime API.

Owns: the transport, and what is around the loop: search path, log descriptor, exit status. It is started instead of a
prepared process where something has to happen at the start: by AWS_LAMBDA_EXEC_WRAPPER, or under a debugger.
On plain sockets: what instruments http.client in a function would otherwise see the platform's own calls.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys

import samovar_function
import samovar_runtime as runtime
import samovar_trace
from awslambdaric import bootstrap
from awslambdaric import lambda_runtime_client as client_module

_BASE = "/2018-06-01/runtime"
_READ = 256 * 1024
_DEBUGGING = "/var/runtime/debugging"
_LARGEST_XRAY_HEADER = 1024 * 1024


class Refused(Exception):
    """The Runtime API didn't take what was said."""


class Api:
    """One connection to the Runtime API, made again when it was lost."""

    def __init__(self, address):
        # type: (str) -> None
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._connection = None  # type: socket.socket | None

    def get(self, path):
        # type: (str) -> tuple
        return self._ask("GET", path, b"", {})

    def post(self, path, body, headers=None):
        # type: (str, bytes, dict | None) -> tuple
        return self._ask("POST", path, body, headers or {})

    def _ask(self, method, path, body, headers):
        # type: (str, str, bytes, dict) -> tuple
        """(status, headers by lower-case name, body)."""
        lines = ["%s %s%s HTTP/1.1" % (method, _BASE, path), "Host: %s:%d" % self._address]
        lines += ["Content-Length: %d" % len(body)] if method == "POST" else []
        lines += ["%s: %s" % header for header in headers.items()]
        request = "\r\n".join([*lines, "", ""]).encode() + body
        fresh = self._connection is None
        try:
            return self._exchange(request)
        except (OSError, EOFError):
            self._connection = None
            if fresh:
                raise
            return self._exchange(request)

    def _exchange(self, request):
        # type: (bytes) -> tuple
        if self._connection is None:
            self._connection = socket.create_connection(self._address)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        body = bytearray(rest)
        while len(body) < int(headers.get("content-length", "0")):
            body += self._more()
        return int(first.split()[1]), headers, bytes(body)

    def _more(self):
        # type: () -> bytes
        assert self._connection is not None
        data = self._connection.recv(_READ)
        if not data:
            raise EOFError("the Runtime API closed the connection")
        return data


class Client(client_module.LambdaRuntimeClient):  # type: ignore[misc]
    """What awslambdaric's loop takes for its runtime client. A marshaller that a function sets on the class is used."""

    def __init__(self, api):
        # type: (Api) -> None
        self._api = api

    def wait_next_invocation(self):
        # type: () -> object
        status, headers, body = self._api.get("/invocation/next")
        if status != 200:
            raise Refused("next was answered %d" % status)
        return client_module.InvocationRequest(
            invoke_id=headers["lambda-runtime-aws-request-id"],
            x_amzn_trace_id=headers.get("lambda-runtime-trace-id"),
            invoked_function_arn=headers.get("lambda-runtime-invoked-function-arn"),
            deadline_time_in_ms=int(headers["lambda-runtime-deadline-ms"]),
            client_context=headers.get("lambda-runtime-client-context"),
            cognito_identity=headers.get("lambda-runtime-cognito-identity"),
            tenant_id=headers.get("lambda-runtime-aws-tenant-id"),
            content_type=headers.get("content-type"),
            event_body=body,
            invocation_id=headers.get("lambda-runtime-invocation-id"),
        )

    def post_invocation_result(self, invoke_id, result_data, content_type="application/json", invocation_id=None):
        # type: (str, object, str, object) -> None
        data = result_data if isinstance(result_data, bytes) else str(result_data).encode("utf-8")
        # What is too large has failed the invocation there, and the runtime goes on.
        headers = dict(_attempt(invocation_id), **{"Content-Type": content_type})
        self._api.post("/invocation/%s/response" % invoke_id, data, headers)

    def post_invocation_error(self, invoke_id, error_response_data, xray_fault, invocation_id=None):
        # type: (str, str, str, object) -> None
        headers = _attempt(invocation_id)
        if xray_fault and len(xray_fault) < _LARGEST_XRAY_HEADER and "\n" not in xray_fault:
            headers["Lambda-Runtime-Function-XRay-Error-Cause"] = xray_fault
        self._api.post("/invocation/%s/error" % invoke_id, error_response_data.encode("utf-8"), headers)

    def restore_next(self):
        # type: () -> None
        status, _, _ = self._api.get("/restore/next")
        if status != 200:
            raise Refused("restore/next was answered %d" % status)

    def report_restore_error(self, restore_error_data):
        # type: (dict) -> None
        headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.AfterRestoreError"}
        self._api.post("/restore/error", bootstrap.to_json(restore_error_data).encode("utf-8"), headers)

    def post_init_error(self, error_response_data, error_type_override=None):
        # type: (dict, object) -> None
        headers = {"Lambda-Runtime-Function-Error-Type": str(error_type_override or error_response_data["errorType"])}
        self._api.post("/init/error", bootstrap.to_json(error_response_data).encode("utf-8"), headers)


def _attempt(invocation_id):
    # type: (object) -> dict
    return {"Lambda-Runtime-Invocation-Id": str(invocation_id)} if invocation_id else {}


def main():
    # type: () -> None
    environ = os.environ
    sys.path[:0] = samovar_function.search_path(environ["LAMBDA_TASK_ROOT"], "/opt")
    client = Client(Api(environ["AWS_LAMBDA_RUNTIME_API"]))
    if len(sys.argv) > 1:
        _debug(client, int(sys.argv[1]), wait=sys.argv[2] == "wait")
    samovar_trace.adopt(bootstrap)
    runtime.run(environ["_HANDLER"], client)


def _debug(client, port, wait):
    # type: (Client, int, bool) -> None
    """Let a debugger attach, before anything of the function is loaded. The function's own debugpy wins over ours."""
    sys.path.append(_DEBUGGING)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        debugpy = importlib.import_module("debugpy")
    except ImportError as error:
        message = "SAMOVAR_DEBUG: debugpy can't be imported (%s). Put it into the function, or beside Samovar" % error
        print(message, flush=True)
        client.post_init_error({"errorMessage": message, "errorType": "Runtime.ImportModuleError", "stackTrace": []})
        sys.exit(1)
    debugpy.listen(("127.0.0.1", port))
    if wait:
        debugpy.wait_for_client()


if __name__ == "__main__":
    main()
