"""How large a request may be, and what an invocation may be made of, decided from the head before the body is read.

Owns: the size limits of operations and AWS's words for exceeding them (facts/lambda-api.md §5, lambda-limits.md §1).
Rule: but for the id of a refused request, the same question gets the same answer, so a chunked body is judged again
when its length is known.
"""

import re
from collections.abc import Mapping

import msgspec

from samovar.core import ids
from samovar.core.expressions import expression
from samovar.net.message import Response, Streamed

CODE_UPLOAD = 70_167_211
"""A 50 MB zip in base64 and the JSON around it."""
INVOKE = 6 * 1024 * 1024
INVOKE_EVENT = 1024 * 1024
LAYER_PART = 30 * 1024 * 1024
"""20 MiB of a container image's layer in base64, and the JSON around it (ECR's API reference, UploadLayerPart)."""
OTHER = 16 * 1024 * 1024
"""The largest that a JSON or query service takes is DynamoDB's 16 MiB."""

_FUNCTION = r"[^/]+"
_LAMBDA = expression(
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
_DATED = expression(r"/\d{4}-\d{2}-\d{2}/")
"""Lambda's paths begin with the day of the API."""
_LIMITS = {
    "InvokeFunction": INVOKE,
    "InvokeAsync": INVOKE_EVENT,
    "InvokeWithResponseStream": INVOKE,
    "CreateFunction": CODE_UPLOAD,
    "UpdateFunctionCode": CODE_UPLOAD,
    "PublishLayerVersion": CODE_UPLOAD,
}
_INVOCATIONS = frozenset(("InvokeFunction", "InvokeWithResponseStream"))
_NO_JSON = expression(
    r"(?:text/(?!plain)|(?:image|audio|video|font|multipart)/|application/(?:xml|zip|gzip|pdf)\b)(?!.*\+json)", re.I
)
"""Types that can't be JSON. SDKs say `octet-stream`, curl the type of forms, `fetch` `text/plain`: whatever it is."""


def admit(method: str, path: str, headers: Mapping[str, str]) -> int | Streamed | Response:
    """The largest body in bytes, or AWS's 413 when the head already announces a larger one, and its 415 for an
    invocation whose head says that its body is something else than JSON.

    What may be an object on its way into a bucket is taken in as it arrives.
    """
    if _is_upload(method, path, headers):
        return Streamed(OTHER)
    match = _LAMBDA.fullmatch(path) if method in ("POST", "PUT") else None
    operation, limit = None, OTHER
    if match is not None and match.lastgroup is not None:
        operation = match.lastgroup
        limit = _LIMITS[operation]
        if operation in _INVOCATIONS and "content-type" in headers and _NO_JSON.match(headers["content-type"]):
            return _no_json(headers["content-type"])
        if operation == "InvokeFunction" and headers.get("x-amz-invocation-type") == "Event":
            limit = INVOKE_EVENT
    elif headers.get("x-amz-target", "").endswith(".UploadLayerPart"):
        operation, limit = "UploadLayerPart", LAYER_PART
    if int(headers.get("content-length", 0)) <= limit:
        return limit
    suffix = f" for the {operation} operation" if operation else ""
    return too_large(f"Request must be smaller than {limit} bytes{suffix}")


def _is_upload(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """PUT of an object, or POST of a form: signed for S3, or signed in the query or not at all (facts/s3.md §3)."""
    if method == "POST":
        return headers.get("content-type", "").startswith("multipart/form-data") and "x-amz-target" not in headers
    if method != "PUT" or _DATED.match(path):
        return False
    authorization = headers.get("authorization")
    return authorization is None or "/s3/aws4_request" in authorization or authorization.startswith("AWS ")


def too_large(message: str) -> Response:
    return _refusal(413, "RequestEntityTooLargeException", {"message": message})


def _no_json(media_type: str) -> Response:
    message = f"The content type of an invocation is application/json, and not {media_type}."
    return _refusal(415, "UnsupportedMediaTypeException", {"Type": "User", "message": message})


def _refusal(status: int, error: str, content: dict[str, str]) -> Response:
    headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", ids.uuid4()),
        ("x-amzn-ErrorType", error),
    ]
    return Response(status, headers, msgspec.json.encode(content))
