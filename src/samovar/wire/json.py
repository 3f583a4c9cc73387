"""JSON: bodies for rest-json, and the whole of json 1.0 and 1.1.

Owns: `JsonBody` (structures <-> JSON, each shape compiled once) and `JsonRpc` (POST / with X-Amz-Target). Rules:
unknown members of a request are ignored, a wrong type is a SerializationException in the words of AWS's parser
(facts/kinesis.md §1); in an answer None is left out and a member that the model doesn't have is a bug.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import msgspec

from samovar.core.errors import AwsError
from samovar.wire import text, words
from samovar.wire.answer import Answer, Params, ReadRequest, Spelled, WriteAnswer
from samovar.wire.shapes import Description, Memo, OperationShape, Ref, Shape, wire_name

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any] | None
"""None: the encoder writes the value as it is."""

_LARGEST = 2**64
"""No integer of a model is longer than 64 bits, while the decoder reads any."""


class JsonBody:
    content_type = "application/json"

    def __init__(self, service: Description) -> None:
        self._service = service
        self._words = words.of(service.name)
        self._readers: Memo[Reader] = Memo()
        self._writers: Memo[Writer] = Memo()

    def read_members(self, shape: Shape) -> Callable[[bytes], Params]:
        return self._from_bytes(self._read_structure(shape, {n: r for n, r in shape.members.items() if not r.location}))

    def read_payload(self, ref: Ref) -> Callable[[bytes], Any]:
        return self._from_bytes(self.reader(ref))

    def write_members(self, ref: Ref) -> Callable[[Params], bytes]:
        members = {n: r for n, r in self._service.shapes[ref.shape].members.items() if not r.location}
        write = self._write_structure(ref.shape, members)
        encode = self.encode
        return lambda result: encode(write(result))

    def write_payload(self, name: str, ref: Ref) -> Callable[[Any], bytes]:
        write, encode = self.writer(ref), self.encode
        return (lambda value: encode(write(value))) if write else encode

    # What the other body of this form, CBOR's (`rpcv2`), does in its own way:

    def decode(self, body: bytes) -> Any:
        return msgspec.json.decode(body)

    def encode(self, value: Any) -> bytes:
        return msgspec.json.encode(value)

    def spelled(self, value: Spelled) -> Any:
        """What the encoder takes for a structure that is JSON already."""
        return value.json

    def scalar_reader(self, kind: str) -> Reader | None:
        """None for what isn't a scalar."""
        return JSON_SCALARS.get(kind)

    def scalar_writer(self, ref: Ref, shape: Shape) -> Writer:
        if shape.type == "timestamp":
            spelling = self._service.timestamp_format(ref, "unixTimestamp")
            return _write_epoch if spelling == "unixTimestamp" else text.writer("timestamp", spelling)
        return _write_float if shape.type in ("float", "double") else None

    # The shapes:

    def reader(self, ref: Ref) -> Reader:
        """From decoded JSON to parameters."""
        shape = self._service.shapes[ref.shape]
        if shape.document:
            return _as_it_is
        scalar = self.scalar_reader(shape.type)
        if scalar is not None:
            return scalar
        return self._readers.get(ref.shape, lambda: self._compile_reader(shape))

    def writer(self, ref: Ref) -> Writer:
        """From results to what the JSON encoder takes; it spells bytes as base64 itself."""
        shape = self._service.shapes[ref.shape]
        if shape.document:
            return None
        if shape.type not in ("structure", "list", "map"):
            return self.scalar_writer(ref, shape)
        return self._writers.get(ref.shape, lambda: self._compile_writer(ref.shape))

    def _from_bytes(self, read: Reader) -> Callable[[bytes], Any]:
        malformed, malformed_text, decode = self._words.malformed, self._words.malformed_text, self.decode

        def from_bytes(body: bytes) -> Any:
            try:
                return read(decode(body) if body else {})
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise AwsError(malformed, malformed_text.format(error)) from None
            except RecursionError:
                raise AwsError(malformed, malformed_text.format("the value is nested too deeply")) from None

        return from_bytes

    def _compile_reader(self, shape: Shape) -> Reader:
        if shape.member:
            return _read_list(self.reader(shape.member))
        if shape.value:
            return _read_map(self.reader(shape.value))
        return self._read_structure(shape, shape.members)

    def _read_structure(self, shape: Shape, members: Mapping[str, Ref]) -> Reader:
        table = {wire_name(name, ref): (name, self.reader(ref)) for name, ref in members.items()}

        def read(value: Any) -> Params:
            if type(value) is not dict:
                raise unexpected(value, "structure or map")
            result: Params = {}
            for key, item in value.items():
                if item is not None and key in table:
                    name, read_member = table[key]
                    result[name] = read_member(item)
            return result

        return read

    def _compile_writer(self, name: str) -> Writer:
        shape = self._service.shapes[name]
        inner = shape.member or shape.value
        if inner is None:
            return self._write_structure(name, shape.members)
        write = self.writer(inner)
        if write is None:
            return None
        if shape.member:
            return lambda value: [write(item) for item in value]
        return lambda value: {key: write(item) for key, item in value.items()}

    def _write_structure(self, structure: str, members: Mapping[str, Ref]) -> Callable[[Params], Any]:
        table = {name: (wire_name(name, ref), self.writer(ref)) for name, ref in members.items()}
        elsewhere = self._service.shapes[structure].members.keys() - members.keys()
        as_named = {name: write for name, (wire, write) in table.items() if wire == name}
        rewritten = [(name, write) for name, write in as_named.items() if write]
        spelled = self.spelled

        def write(value: Params | Spelled) -> Any:
            if isinstance(value, Spelled):
                return spelled(value)
            if value.keys() <= as_named.keys() and None not in value.values():  # nearly always, and three times as fast
                found = {name: write_member(value[name]) for name, write_member in rewritten if name in value}
                return value | found if found else value
            result: Params = {}
            for name, item in value.items():
                if name in table:
                    if item is not None:
                        key, write_member = table[name]
                        result[key] = write_member(item) if write_member else item
                elif name not in elsewhere:
                    raise TypeError(f"{structure} has no member {name!r}")
            return result

        return write


class JsonRpc:
    """json 1.0 and 1.1: the operation is in X-Amz-Target, all members are in the body."""

    answers_events = False

    def __init__(self, service: Description, body: JsonBody) -> None:
        self._service = service
        self._body = body
        self.content_type = f"application/x-amz-json-{service.metadata.json_version or '1.0'}"

    def request(self, operation: OperationShape) -> ReadRequest:
        read = self._body.read_members(self._service.structure(operation.input))
        return lambda labels, query, headers, body: read(body)

    def answer(self, operation: OperationShape) -> WriteAnswer:
        write = self._body.write_payload("", operation.output) if operation.output else None
        content_type = self.content_type

        def answer(result: Params, request_id: str) -> Answer:
            # An operation without output answers with zero bytes (facts/kinesis.md §1, facts/cloudwatch.md §2).
            body = write(result) if write else b""
            return Answer(200, [("Content-Type", content_type), ("x-amzn-RequestId", request_id)], body)

        return answer


def _read_list(read: Reader) -> Reader:
    def read_list(value: Any) -> list[Any]:
        if type(value) is not list:
            raise unexpected(value, "list")
        # A null stays: the validator refuses it in AWS's words.
        return [None if item is None else read(item) for item in value]

    return read_list


def _read_map(read: Reader) -> Reader:
    def read_map(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise unexpected(value, "structure or map")
        return {key: None if item is None else read(item) for key, item in value.items()}

    return read_map


def _as_it_is(value: Any) -> Any:
    return value


def _read_string(value: Any) -> str:
    if type(value) is str:
        return value
    raise unexpected(value, "a String")


def _read_integer(value: Any) -> int:
    if type(value) is float:
        value = int(value)  # AWS's parser truncates; the decoder gives finite numbers only
    if type(value) is int and abs(value) <= _LARGEST:
        return value
    raise unexpected(value, "an Integer")


def _read_float(value: Any) -> float:
    if type(value) is float or (type(value) is int and abs(value) <= _LARGEST):
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise unexpected(value, "a Double")


def _read_boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise unexpected(value, "a Boolean")


def _read_blob(value: Any) -> bytes:
    return text.read_blob(_read_string(value))


def _read_timestamp(value: Any) -> float:
    if type(value) is float or (type(value) is int and abs(value) <= _LARGEST):
        return float(value)
    return text.read_timestamp(_read_string(value))


def _write_epoch(value: float) -> float:
    whole = int(value)
    return whole if whole == value else round(value, 3)


def _write_float(value: float) -> float | str:
    """JSON has no word for what isn't finite; AWS sends strings."""
    if isfinite(value):
        return value
    return text.writer("double", "")(value)


def unexpected(value: Any, wanted: str) -> AwsError:
    if type(value) is dict:
        message = "Start of structure or map found where not expected."
    elif type(value) is list:
        message = "Start of list found where not expected."
    elif wanted in ("list", "structure or map"):
        message = "Unexpected field type"
    else:
        kind = {str: "STRING_VALUE", bool: "TRUE_VALUE" if value else "FALSE_VALUE"}.get(type(value), "NUMBER_VALUE")
        message = f"{kind} can not be converted to {wanted}"
    return AwsError("SerializationException", message)


JSON_SCALARS: Mapping[str, Reader] = {
    "string": _read_string,
    "character": _read_string,
    "integer": _read_integer,
    "long": _read_integer,
    "float": _read_float,
    "double": _read_float,
    "boolean": _read_boolean,
    "blob": _read_blob,
    "timestamp": _read_timestamp,
}
