"""Errors as each protocol answers them.

Owns: the status of an error code, and the answer in JSON, rest-json, query XML and rest-xml. Rules: the status is the
model's (by shape name or by the code of the query protocol), else the one in `_STATUSES`; json services answer 400
whatever the fault of the caller is (facts/kinesis.md §1).
"""

from collections.abc import Callable, Mapping

import msgspec

from samovar.core.errors import AwsError
from samovar.wire import cbor, rpcv2, words
from samovar.wire.answer import Answer
from samovar.wire.buckets import request_ids
from samovar.wire.json import JsonBody
from samovar.wire.markup import escape
from samovar.wire.shapes import Description, Ref, Shape, wire_name
from samovar.wire.xml import XmlBody

WriteError = Callable[[AwsError, str], Answer]
"""(error, request id) -> answer."""

_STATUSES: Mapping[str, int] = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "ExpiredToken": 403,
    "ExpiredTokenException": 403,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InternalServerException": 500,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationToken": 403,
    "MissingAuthenticationTokenException": 403,
    "NotImplementedException": 501,
    "RequestEntityTooLarge": 413,
    "RequestEntityTooLargeException": 413,
    "ServiceException": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SignatureDoesNotMatch": 403,
    "TooManyRequestsException": 429,
    "UnknownOperationException": 404,
    "UnknownServiceException": 501,
    "UnrecognizedClientException": 403,
}
_DEFAULT_STATUS = 400
_S3_HEADERS = frozenset({"Allow", "Etag", "Last-Modified"})
"""Members of an S3 error that are headers, as those are that begin with `x-amz-`."""

_IN_QUERY: Mapping[str, str] = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
}
"""What the query protocol and S3 call errors of authentication that a model doesn't have (facts/iam.md §7)."""


class Errors:
    """The errors of one service: which shape a code means, and its status."""

    def __init__(self, service: Description) -> None:
        self._service = service
        exceptions = {name: shape for name, shape in service.shapes.items() if shape.exception}
        self._shapes: dict[str, str] = {
            s.error.code: name for name, s in exceptions.items() if s.error and s.error.code
        }
        self._shapes.update({name: name for name in exceptions})
        self._is_json = service.metadata.protocol == "json" or "json" in service.metadata.protocols

    def shape(self, code: str) -> tuple[str, Shape | None]:
        """(shape name, shape) of a code; the code itself and None when the model doesn't have it."""
        name = self._shapes.get(code, "")
        return (name, self._service.shapes[name]) if name else (code, None)

    def query_code(self, code: str) -> str:
        """What the query protocol calls an error."""
        name, shape = self.shape(code)
        if shape is None:
            return _IN_QUERY.get(name, name)
        return shape.error.code if shape.error and shape.error.code else name

    def status(self, code: str) -> int:
        _, shape = self.shape(code)
        if shape and shape.error and shape.error.http_status_code:
            return shape.error.http_status_code
        status = _STATUSES.get(code, 500 if shape and shape.fault else _DEFAULT_STATUS)
        return 400 if self._is_json and status in (403, 404, 429) else status

    def in_json(self, body: JsonBody, content_type: str) -> WriteError:
        """json 1.0 and 1.1, and the same in CBOR: the code is `__type`."""
        own = list(rpcv2.HEADERS) if content_type == rpcv2.CONTENT_TYPE else []
        namespace = words.of(self._service.name).namespace
        query_compatible = self._service.metadata.aws_query_compatible is not None

        def write(error: AwsError, request_id: str) -> Answer:
            name, shape = self.shape(error.code)
            members, headers = self._members(body, shape, error)
            prefix = namespace if shape else namespace and "com.amazon.coral.service#"
            content = {"__type": prefix + name, _spelling(shape): error.message, **members}
            if query_compatible:
                fault = "Sender" if self.status(error.code) < 500 else "Receiver"
                headers.append(("x-amzn-query-error", f"{self.query_code(error.code)};{fault}"))
            headers += own
            return _told(self.status(error.code), content_type, name, body.encode(content), headers, request_id)

        return write

    def in_rest_json(self, body: JsonBody) -> WriteError:
        """rest-json: the code is in X-Amzn-ErrorType; `Type` where the shape has it (facts/lambda-api.md §1)."""
        said = words.of(self._service.name)

        def write(error: AwsError, request_id: str) -> Answer:
            name, shape = self.shape(error.code)
            status = error.status or self.status(error.code)
            members, headers = self._members(body, shape, error)
            content: dict[str, object] = {}
            # Type=None: a few recorded errors lack it although their shape has it.
            if shape and "Type" in shape.members and error.members.get("Type", "") is not None:
                content["Type"] = "User" if status < 500 else "Service"
            spelling = said.denied if shape is None and name == "AccessDeniedException" else _spelling(shape)
            content |= {spelling: error.message, **members}
            return _json(status, "application/json", name, content, headers, request_id)

        return write

    def in_query(self, body: XmlBody) -> WriteError:
        """query and most rest-xml services: `<ErrorResponse><Error>..` (facts/iam.md §1)."""
        namespace = self._service.metadata.xml_namespace
        texts = words.of(self._service.name).query_texts

        def write(error: AwsError, request_id: str) -> Answer:
            status = self.status(error.code)
            message = texts.get(error.code, error.message)
            inner = _xml_error(self.query_code(error.code), message, status) + self._xml_members(body, error)
            opening = f'<ErrorResponse xmlns="{escape(namespace)}">' if namespace else "<ErrorResponse>"
            text = f"{opening}<Error>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            return _xml(status, text, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)])

        return write

    def in_s3(self, body: XmlBody) -> WriteError:
        """S3: `<Error>` is the root; members that are spelled like headers are headers (facts/s3.md §11)."""

        def write(error: AwsError, request_id: str) -> Answer:
            short, long = request_ids(request_id)
            headers = [("x-amz-request-id", short), ("x-amz-id-2", long), ("Server", "AmazonS3")]
            inner = f"<Code>{escape(self.query_code(error.code))}</Code><Message>{escape(error.message)}</Message>"
            for name, value in error.members.items():
                if name.startswith("x-amz-") or name in _S3_HEADERS:
                    headers.append((name, str(value)))
                else:
                    inner += f"<{name}>{escape(str(value))}</{name}>"
            if self.status(error.code) == 304:
                return Answer(304, headers, b"")
            inner += f"<RequestId>{short}</RequestId><HostId>{long}</HostId>"
            text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
            return _xml(self.status(error.code), text, [("Content-Type", "application/xml"), *headers])

        return write

    def _members(
        self, body: JsonBody, shape: Shape | None, error: AwsError
    ) -> tuple[dict[str, object], list[tuple[str, str]]]:
        """The further members of an error: (those in the body, those in headers)."""
        inside: dict[str, object] = {}
        headers: list[tuple[str, str]] = []
        for name, value in error.members.items():
            ref = shape.members.get(name) if shape else None
            if value is None:
                continue
            if ref and ref.location == "header":
                headers.append((wire_name(name, ref), str(value)))
            else:
                write = body.writer(ref) if ref else None
                inside[wire_name(name, ref) if ref else name] = write(value) if write else value
        return inside, headers

    def _xml_members(self, body: XmlBody, error: AwsError) -> str:
        _, shape = self.shape(error.code)
        out: list[str] = []
        for name, value in error.members.items():
            ref: Ref | None = shape.members.get(name) if shape else None
            if ref:
                body.writer(ref)(body.tag(name, ref), value, out)
        return "".join(out)


def answer_unresolved(error: AwsError, request_id: str, headers: Mapping[str, str], query: str, body: bytes) -> Answer:
    """Answer a request whose operation isn't known, in the form that it seems to speak."""
    content_type = headers.get("content-type", "")
    status = _STATUSES.get(error.code, _DEFAULT_STATUS)
    if "smithy-protocol" in headers:
        said = cbor.encode({"__type": error.code, "message": error.message})
        return _told(status, rpcv2.CONTENT_TYPE, error.code, said, list(rpcv2.HEADERS), request_id)
    if "x-amz-target" in headers or content_type.startswith("application/x-amz-json"):
        form = "application/x-amz-json-1.1" if content_type.endswith("1.1") else "application/x-amz-json-1.0"
        status = 400 if status == 404 else status
        return _json(status, form, error.code, {"__type": error.code, "message": error.message}, [], request_id)
    if "Action=" in query or content_type.startswith("application/x-www-form-urlencoded") or b"Action=" in body[:4096]:
        inner = _xml_error(error.code, error.message, status)
        text = f"<ErrorResponse><Error>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        return _xml(status, text, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)])
    return _json(status, "application/json", error.code, {"message": error.message, **error.members}, [], request_id)


def _spelling(shape: Shape | None) -> str:
    return "Message" if shape and "Message" in shape.members else "message"


def _json(
    status: int,
    content_type: str,
    name: str,
    content: Mapping[str, object],
    headers: list[tuple[str, str]],
    request_id: str,
) -> Answer:
    return _told(status, content_type, name, msgspec.json.encode(content), headers, request_id)


def _told(
    status: int, content_type: str, name: str, body: bytes, headers: list[tuple[str, str]], request_id: str
) -> Answer:
    sent = [("Content-Type", content_type), ("x-amzn-RequestId", request_id), ("x-amzn-ErrorType", name), *headers]
    return Answer(status, sent, body)


def _xml_error(code: str, message: str, status: int) -> str:
    fault = "Sender" if status < 500 else "Receiver"
    return f"<Type>{fault}</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"


def _xml(status: int, text: str, headers: list[tuple[str, str]]) -> Answer:
    return Answer(status, headers, text.encode())
