"""How large a request may be, decided from its head before the body is read.

Owns: the size limits of operations and AWS's words for exceeding them (facts/lambda-api.md §5, lambda-limits.md §1).
Rule: pure; the same question gets the same answer, so a chunked body is judged again when its length is known.
"""

import re
from collections.abc import Mapping

import msgspec

from samovar.net.message import Response

CODE_UPLOAD = 70_167_211
"""A 50 MB zip in base64 and the JSON around it."""
INVOKE = 6 * 1024 * 1024
INVOKE_EVENT = 1024 * 1024
OTHER = 16 * 1024 * 1024
"""The largest that a JSON or query service takes is DynamoDB's 16 MiB."""

_FUNCTION = r"[^/]+"
_LAMBDA = re.compile(
    rf"""/(?:
      2015-03-31/functions/{_FUNCTION}/(?P<InvokeFunction>invocations)
    | 2014-11-13/functions/{_FUNCTION}/(?P<InvokeAsync>invoke-async)/?
    | 2021-11-15/functions/{_FUNCTION}/(?P<InvokeWithResponseStream>response-streaming-invocations)
    | 2015-03-31/functions/{_FUNCTION}/(?P<UpdateFunctionCode>code)
    | 2015-03-31/(?P<CreateFunction>functions)/?
    | 2018-10-31/layers/{_FUNCTION}/(?P<PublishLayerVersion>versions)
    )""",
    re.VERBOSE,
)
_LIMITS = {
    "InvokeFunction": INVOKE,
    "InvokeAsync": INVOKE_EVENT,
    "InvokeWithResponseStream": INVOKE,
    "CreateFunction": CODE_UPLOAD,
    "UpdateFunctionCode": CODE_UPLOAD,
    "PublishLayerVersion": CODE_UPLOAD,
}


def admit(method: str, path: str, headers: Mapping[str, str]) -> int | Response:
    """The largest body in bytes, or AWS's 413 when the head already announces a larger one."""
    match = _LAMBDA.fullmatch(path) if method in ("POST", "PUT") else None
    operation = match.lastgroup if match else None
    limit = _LIMITS[operation] if operation else OTHER
    if operation == "InvokeFunction" and headers.get("x-amz-invocation-type") == "Event":
        limit = INVOKE_EVENT
    if int(headers.get("content-length", 0)) <= limit:
        return limit
    suffix = f" for the {operation} operation" if operation else ""
    return too_large(f"Request must be smaller than {limit} bytes{suffix}")


def too_large(message: str) -> Response:
    return Response(
        413,
        [("Content-Type", "application/json"), ("x-amzn-ErrorType", "RequestEntityTooLargeException")],
        msgspec.json.encode({"message": message}),
    )
