"""smithy-rpc-v2-cbor: the operation is in the path, all members are one map of CBOR (facts/cloudwatch.md §5).

Owns: `CborBody` and `CborRpc`. The shapes are read and written as `json` does it; only scalars differ: times are tagged
numbers, blobs are bytes, and every float has a form.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from samovar.core.errors import AwsError
from samovar.wire import cbor
from samovar.wire.answer import Answer, Params, ReadRequest, Spelled, WriteAnswer
from samovar.wire.json import JSON_SCALARS, JsonBody, Reader, Writer, unexpected
from samovar.wire.shapes import Description, OperationShape, Ref, Shape

CONTENT_TYPE = "application/cbor"
HEADERS = (("smithy-protocol", "rpc-v2-cbor"),)
_PATH = ("service", "operation")


def named(path: str) -> tuple[str, str]:
    """(service, operation) of a path; empty strings where it isn't one of this protocol's."""
    parts = path.rsplit("/", 4)[1:]
    return (parts[1], parts[3]) if len(parts) == 4 and (parts[0], parts[2]) == _PATH else ("", "")


class CborBody(JsonBody):
    content_type = CONTENT_TYPE

    def decode(self, body: bytes) -> Any:
        try:
            return cbor.decode(body)
        except cbor.CborError as error:
            raise AwsError("SerializationException", f"The body isn't CBOR: {error}.") from None

    def encode(self, value: Any) -> bytes:
        return cbor.encode(value)

    def spelled(self, value: Spelled) -> Any:
        return dict(value)

    def scalar_reader(self, kind: str) -> Reader | None:
        return _SCALARS.get(kind)

    def scalar_writer(self, ref: Ref, shape: Shape) -> Writer:
        return cbor.Moment if shape.type == "timestamp" else None


class CborRpc:
    answers_events = False

    def __init__(self, service: Description, body: CborBody) -> None:
        self._service = service
        self._body = body

    def request(self, operation: OperationShape) -> ReadRequest:
        read = self._body.read_members(self._service.structure(operation.input))

        def request(labels: Mapping[str, str], query: str, headers: Mapping[str, str], body: bytes) -> Params:
            return read(body)

        return request

    def answer(self, operation: OperationShape) -> WriteAnswer:
        write = self._body.write_payload("", operation.output) if operation.output else None

        def answer(result: Params, request_id: str) -> Answer:
            headers = [*HEADERS, ("x-amzn-RequestId", request_id)]
            if write is None:
                return Answer(200, headers, b"")
            return Answer(200, [("Content-Type", CONTENT_TYPE), *headers], write(result))

        return answer


def _read_blob(value: Any) -> bytes:
    if type(value) is bytes:
        return value
    raise unexpected(value, "a Blob")


def _read_integer(value: Any) -> int:
    if type(value) is float and not isfinite(value):
        raise unexpected(value, "an Integer")
    read: int = JSON_SCALARS["integer"](value)
    return read


def _read_timestamp(value: Any) -> float:
    if type(value) in (int, float) and isfinite(value):
        return float(value)
    raise unexpected(value, "a Timestamp")


_SCALARS: Mapping[str, Reader] = {
    **JSON_SCALARS,
    "blob": _read_blob,
    "integer": _read_integer,
    "long": _read_integer,
    "timestamp": _read_timestamp,
}
